//! Which way up a picture is: its EXIF orientation, wherever the file keeps it.

use image::metadata::Orientation;

/// What JPEG puts before EXIF data, and what some programs put there in WebP and PNG as well.
const PREFIX: &[u8] = b"Exif\0\0";
/// Length of a PNG's signature, and of what a chunk has beside its content: length, kind, checksum.
const SIGNATURE: usize = 8;
const AROUND: usize = 12;

/// The orientation that EXIF data say. A picture with unreadable EXIF is still a picture: it is shown as it is stored.
pub(super) fn of_exif(exif: Option<&[u8]>) -> Orientation {
    let bare = exif.map(|data| data.strip_prefix(PREFIX).unwrap_or(data));
    bare.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
}

/// The EXIF data of a PNG file, which may stand behind its pixels too.
pub(super) fn exif_of_png(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = SIGNATURE;
    loop {
        let length = u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
        let end = at.checked_add(AROUND)?.checked_add(usize::try_from(length).ok()?)?;
        let chunk = bytes.get(at..end)?;
        if &chunk[4..8] == b"eXIf" {
            return Some(&chunk[8..chunk.len() - 4]);
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURNED: &[u8] = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";

    #[test]
    fn exif_is_read_with_and_without_the_prefix_of_jpeg() {
        assert_eq!(of_exif(Some(TURNED)), Orientation::Rotate90);
        assert_eq!(of_exif(Some(&[PREFIX, TURNED].concat())), Orientation::Rotate90);
        assert_eq!(of_exif(Some(b"Exif\0\0nonsense")), Orientation::NoTransforms);
        assert_eq!(of_exif(None), Orientation::NoTransforms);
    }

    #[test]
    fn a_png_is_searched_to_its_end() {
        let chunk = |kind: &[u8], content: &[u8]| {
            let length = u32::try_from(content.len()).unwrap().to_be_bytes();
            [&length[..], kind, content, &[0; 4]].concat()
        };
        let before =
            [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &[0; 13]), chunk(b"IDAT", &[1; 40])].concat();
        let late = [before.clone(), chunk(b"eXIf", TURNED), chunk(b"IEND", b"")].concat();
        assert_eq!(exif_of_png(&late), Some(TURNED));
        assert_eq!(exif_of_png(&before), None);
        assert_eq!(exif_of_png(&late[..before.len() + 20]), None);
        assert_eq!(exif_of_png(b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffeXIf"), None);
    }
}
