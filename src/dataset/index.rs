//! `index.csv`: a row per picture.

use std::path::{Component, Path};

use serde::Deserialize;

use super::{DatasetError, Sample, known_country, stays_inside};

#[derive(Debug, Deserialize)]
struct Row {
    file: String,
    country: String,
    #[serde(default)]
    place: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    check: String,
}

/// The pictures that the index at `path` lists.
pub(super) fn read(path: &Path) -> Result<Vec<Sample>, DatasetError> {
    let beside = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let images = beside.join("images");
    let folder = if images.is_dir() { images } else { beside.to_owned() };
    let unreadable = |source| DatasetError::Read { path: path.to_owned(), source };
    let real = folder.canonicalize().map_err(unreadable)?;
    let wrong = |error: csv::Error| DatasetError::Index { path: path.to_owned(), why: error.to_string() };
    let mut table = csv::Reader::from_path(path).map_err(wrong)?;
    let mut samples = Vec::new();
    for row in table.deserialize() {
        let row: Row = row.map_err(wrong)?;
        known_country(path, &row.country)?;
        let relative = Path::new(&row.file);
        if !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(DatasetError::Outside { path: relative.to_owned() });
        }
        let file = folder.join(relative);
        stays_inside(&real, &file)?;
        let place = if row.place.is_empty() { row.file } else { row.place };
        samples.push(Sample { file, country: row.country, place, source: row.source, check: row.check });
    }
    Ok(samples)
}
