//! A folder per country, named by its code or name.

use std::path::Path;

use walkdir::WalkDir;

use super::left_out::{At, LeftOut};
use super::{DatasetError, Found, Sample, stays_inside};
use crate::geo::{NoCountry, country_of};
use crate::imaging::is_picture_name;

/// Folders that hold the countries of one side of a split.
const SIDES: [&str; 4] = ["train", "valid", "val", "test"];

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
    let mut entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    entries.any(|entry| entry.path().is_dir() && country_of(&entry.file_name().to_string_lossy()).is_ok())
}

/// The pictures of the country folders in `top`, and the folders that hold pictures of no country; nothing may lead out
/// of `root`. Names that begin with a dot or two underscores are passed over (`.ipynb_checkpoints`, `__MACOSX`), and so
/// are links that stay inside: what they lead to is listed already.
fn walk(root: &Path, top: &Path, found: &mut Found) -> Result<(), DatasetError> {
    let unreadable = |path: &Path, source| DatasetError::Read { path: path.to_owned(), source };
    let real = root.canonicalize().map_err(|source| unreadable(root, source))?;
    let visible = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || name.starts_with("__"))
    };
    for entry in WalkDir::new(top).sort_by_file_name().into_iter().filter_entry(visible) {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(top).to_owned();
            DatasetError::Read { path, source: error.into() }
        })?;
        let path = entry.path();
        if entry.path_is_symlink() {
            stays_inside(&real, path)?;
        } else if entry.file_type().is_file() && entry.depth() > 1 {
            match sample(top, path) {
                Ok(_) if !is_picture_name(path) => found.not_read.count(path),
                Err(_) if !is_picture_name(path) => {}
                Ok(sample) => found.samples.push(sample),
                Err((folder, why)) => {
                    let left_out = LeftOut { at: At::Folder(folder), why: why.into() };
                    // The pictures of a folder come one after the other.
                    if found.left_out.last() != Some(&left_out) {
                        found.left_out.push(left_out);
                    }
                }
            }
        }
    }
    Ok(())
}

/// The picture `top/COUNTRY/…/name`, or the folder and that it names no country.
fn sample(top: &Path, path: &Path) -> Result<Sample, (String, NoCountry)> {
    let relative = path.strip_prefix(top).unwrap_or(path);
    let mut parts: Vec<String> = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let country = country_of(&parts[0]).map_err(|why| (parts[0].clone(), why))?;
    country.clone_into(&mut parts[0]);
    // A picture right below its country is a place of its own.
    let place = if parts.len() > 2 { parts[..parts.len() - 1].join("/") } else { parts.join("/") };
    Ok(Sample {
        file: path.to_owned(),
        country: country.to_owned(),
        place,
        source: String::new(),
        check: String::new(),
    })
}
