//! What the clipboard holds: files, a picture, or the path of one.

use std::path::PathBuf;

use crate::imaging::{Limits, Picture};

use super::found::Found;

/// Files before pixels: a file manager often offers its icon as a picture beside the path.
pub fn pasted(clipboard: &mut arboard::Clipboard) -> Found {
    if let Ok(files) = clipboard.get().file_list()
        && !files.is_empty()
    {
        return Found::Files(files);
    }
    if let Ok(data) = clipboard.get_image() {
        let size = (u32::try_from(data.width), u32::try_from(data.height));
        if let (Ok(width), Ok(height)) = size
            && let Some(rgba) = image::RgbaImage::from_raw(width, height, data.bytes.into_owned())
        {
            return Found::Picture(Picture::from_rgba("clipboard", rgba));
        }
    }
    if let Some(bytes) = offered() {
        let read = Picture::from_bytes("clipboard", &bytes, &Limits::default());
        return read.map_or_else(|error| Found::Tell(format!("{error}.")), Found::Picture);
    }
    let files = clipboard.get_text().map(|text| paths_in(&text)).unwrap_or_default();
    if files.is_empty() {
        Found::Tell(
            "The clipboard holds no picture; copy one, or the path of a file, and paste again.".to_owned(),
        )
    } else {
        Found::Files(files)
    }
}

/// Absolute paths and `file://` addresses, one a line, of files that exist.
fn paths_in(text: &str) -> Vec<PathBuf> {
    text.lines()
        .map(|line| line.trim().trim_matches('"'))
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            line.strip_prefix("file://")
                .map_or_else(|| PathBuf::from(line), |path| PathBuf::from(plain(path)))
        })
        .filter(|path| path.is_absolute() && path.exists())
        .collect()
}

/// Takes the `%20` notation of an address away.
fn plain(address: &str) -> String {
    let bytes = address.as_bytes();
    let mut text = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        text.push(code.unwrap_or(bytes[at]));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// A picture that the clipboard offers as a file of another format than PNG, which is all that `arboard` asks for on
/// Linux; a browser may offer `image/jpeg` alone. Elsewhere the system converts by itself.
#[cfg(target_os = "linux")]
fn offered() -> Option<Vec<u8>> {
    // What cannot be asked for is not there; that the clipboard holds no picture is said in the end.
    from_wayland().or_else(|| crate::capture::x11_clipboard_picture(None).ok().flatten())
}

#[cfg(not(target_os = "linux"))]
fn offered() -> Option<Vec<u8>> {
    None
}

#[cfg(target_os = "linux")]
fn from_wayland() -> Option<Vec<u8>> {
    use std::io::Read as _;
    use wl_clipboard_rs::paste::{ClipboardType, MimeType, Seat, get_contents, get_mime_types};

    std::env::var_os("WAYLAND_DISPLAY")?;
    let offered = get_mime_types(ClipboardType::Regular, Seat::Unspecified).ok()?;
    let form = ["image/jpeg", "image/jpg", "image/webp", "image/bmp", "image/gif"]
        .into_iter()
        .find(|form| offered.contains(*form))?;
    let (pipe, _) = get_contents(ClipboardType::Regular, Seat::Unspecified, MimeType::Specific(form)).ok()?;
    let mut bytes = Vec::new();
    pipe.take(Limits::default().max_bytes).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_text_gives_the_files_that_exist() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a street.jpg");
        std::fs::write(&file, b"x").unwrap();
        let shown = file.display().to_string();
        let address = format!("file://{}", shown.replace(' ', "%20"));
        for text in [shown.clone(), format!("\"{shown}\""), format!("# comment\r\n{address}\r\n"), address] {
            assert_eq!(paths_in(&text), vec![file.clone()], "{text}");
        }
        assert!(paths_in("hello\nstreet.jpg\n/no/such/file.jpg").is_empty());
    }

    #[test]
    fn a_sign_that_is_no_code_stays() {
        for (address, expected) in [("/a%20b", "/a b"), ("/50%", "/50%"), ("/%zz", "/%zz"), ("/%C3%A9", "/é")]
        {
            assert_eq!(plain(address), expected);
        }
    }
}
