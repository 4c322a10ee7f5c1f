//! A folder per country, named by its ISO code.

use std::path::Path;

use walkdir::WalkDir;

use super::{DatasetError, Sample, known_country, stays_inside};
use crate::imaging::{NotRead, is_picture_name};

/// Folders that hold the countries of one side of a split.
const SIDES: [&str; 4] = ["train", "valid", "val", "test"];

/// The pictures of a folder, and how many of its files are none that are read.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) samples: Vec<Sample>,
    pub(super) not_read: NotRead,
}

/// The pictures below `root`, sorted by path: of its country folders, of those below `images/` where `root` has none
/// itself, or of those below `train/` and `valid/`.
pub(super) fn read(root: &Path) -> Result<Found, DatasetError> {
    let images = root.join("images");
    let root = if images.is_dir() && !has_countries(root) { &images } else { root };
    let sides: Vec<_> = SIDES.iter().map(|side| root.join(side)).filter(|side| side.is_dir()).collect();
    let mut found = Found::default();
    match sides.as_slice() {
        [] => walk(root, root, &mut found)?,
        sides => sides.iter().try_for_each(|side| walk(root, side, &mut found))?,
    }
    Ok(found)
}

fn has_countries(root: &Path) -> bool {
    let is_country = |name: String| crate::geo::country_name(&name.to_uppercase()).is_some();
    let mut entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    entries.any(|entry| entry.path().is_dir() && is_country(entry.file_name().to_string_lossy().into_owned()))
}

/// The pictures of the country folders in `top`; nothing may lead out of `root`. Names that begin with a dot are
/// passed over, and so are links that stay inside: what they lead to is listed already.
fn walk(root: &Path, top: &Path, found: &mut Found) -> Result<(), DatasetError> {
    let unreadable = |path: &Path, source| DatasetError::Read { path: path.to_owned(), source };
    let real = root.canonicalize().map_err(|source| unreadable(root, source))?;
    let visible = |entry: &walkdir::DirEntry| {
        entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
    };
    for entry in WalkDir::new(top).sort_by_file_name().into_iter().filter_entry(visible) {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(top).to_owned();
            DatasetError::Read { path, source: error.into() }
        })?;
        let path = entry.path();
        if entry.path_is_symlink() {
            stays_inside(&real, path)?;
        } else if !entry.file_type().is_file() || entry.depth() < 2 {
        } else if is_picture_name(path) {
            found.samples.push(sample(top, path)?);
        } else {
            found.not_read.count(path);
        }
    }
    Ok(())
}

/// The picture `top/<ISO2>/…/name`; the code may be in small letters.
fn sample(top: &Path, path: &Path) -> Result<Sample, DatasetError> {
    let relative = path.strip_prefix(top).unwrap_or(path);
    let mut parts: Vec<String> = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let written = parts[0].clone();
    parts[0] = written.to_uppercase();
    known_country(top, &parts[0])
        .map_err(|_| DatasetError::Country { path: top.to_owned(), country: written })?;
    let country = parts[0].clone();
    // A picture right below its country is a place of its own.
    let place = if parts.len() > 2 { parts[..parts.len() - 1].join("/") } else { parts.join("/") };
    Ok(Sample { file: path.to_owned(), country, place, source: String::new(), check: String::new() })
}
