//! Which files of a folder are pictures that are read, and what the others are.
//!
//! The list is the trainer's as well: `export/streetwise_train/formats.json`, one file that both read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// Extensions by format, in lower case.
#[derive(Debug, Deserialize)]
struct Formats {
    /// Formats that are decoded.
    read: BTreeMap<String, Vec<String>>,
    /// Formats of pictures that are not.
    left_out: BTreeMap<String, Vec<String>>,
}

static FORMATS: LazyLock<Formats> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../export/streetwise_train/formats.json"))
        .expect("the list of formats is part of the program, and tested")
});

/// What is counted where a file is no picture at all.
const OTHER: &str = "other";

/// How many of a folder's files were not taken for pictures, by format; "other" for files that are none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct NotRead(BTreeMap<String, usize>);

impl NotRead {
    /// Counts one file by its name.
    pub fn count(&mut self, path: &Path) {
        let format = FORMATS.left_out.iter().find(|(_, known)| has_extension(path, known));
        *self.0.entry(format.map_or(OTHER, |(name, _)| name).to_owned()).or_default() += 1;
    }

    /// Whether there was none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for NotRead {
    /// "12 left out: 10 HEIC, 2 TIFF", most first, with the way to convert them; empty for none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        let mut kinds: Vec<(&String, &usize)> = self.0.iter().collect();
        kinds.sort_by_key(|(name, count)| (*name == OTHER, std::cmp::Reverse(**count)));
        let listed: Vec<String> = kinds
            .iter()
            .map(|(name, count)| match (name.as_str(), **count) {
                (OTHER, 1) => "1 file that is no picture".to_owned(),
                (OTHER, count) => format!("{count} files that are no pictures"),
                (name, count) => format!("{count} {name}"),
            })
            .collect();
        write!(f, "{} left out: {}", self.0.values().sum::<usize>(), listed.join(", "))?;
        if self.0.keys().any(|name| name != OTHER) {
            f.write_str(
                "; to have pictures of other formats read, save them as JPEG or PNG (ImageMagick does many at once: \
                 `magick mogrify -format jpg FILES`)",
            )?;
        }
        Ok(())
    }
}

/// Whether a file of that name inside a folder is taken for a picture: by its extension, in either case.
#[must_use]
pub fn is_picture_name(path: &Path) -> bool {
    FORMATS.read.values().any(|known| has_extension(path, known))
}

/// The extensions of all pictures that are read, for a file dialog.
pub fn picture_extensions() -> impl Iterator<Item = &'static str> {
    FORMATS.read.values().flatten().map(String::as_str)
}

/// The formats that are read, as people call them.
pub fn picture_formats() -> impl Iterator<Item = &'static str> {
    FORMATS.read.keys().map(String::as_str)
}

fn has_extension(path: &Path, known: &[String]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| known.iter().any(|one| one.eq_ignore_ascii_case(extension)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_told_by_extension_in_either_case() {
        for name in ["a.jpg", "a.JPEG", "a.jfif", "a.jpe", "a.JFI", "a.png", "a.webp", "a.bmp", "a.gif"] {
            assert!(is_picture_name(Path::new(name)), "{name}");
        }
        for name in ["a.heic", "a.tif", "a.txt", "jpg", "a.jpg.part", ""] {
            assert!(!is_picture_name(Path::new(name)), "{name}");
        }
        assert_eq!(picture_formats().collect::<Vec<_>>(), ["BMP", "GIF", "JPEG", "PNG", "WebP"]);
    }

    #[test]
    fn what_is_left_out_is_counted_by_kind() {
        let check = |names: &[&str], expected: &str| {
            let mut counted = NotRead::default();
            names.iter().for_each(|name| counted.count(Path::new(name)));
            let said = counted.to_string();
            assert_eq!(said.split(';').next().unwrap(), expected);
            assert_eq!(said.contains("magick"), expected.contains("TIFF"), "{said}");
        };
        check(&[], "");
        check(&["a.tif", "b.HEIC", "c.heif", "d.tiff", "e.heic"], "5 left out: 3 HEIC, 2 TIFF");
        check(&["a.txt", "b", "c.csv", "d.tif"], "4 left out: 1 TIFF, 3 files that are no pictures");
        check(&["a.txt"], "1 left out: 1 file that is no picture");
    }
}
