//! A model held against PyTorch, link by link: what PyTorch computed for real pictures, and how far this program is off.
//!
//! `reference.json` names pictures of the validation set, and for each the pixels that the network was shown (a lossless
//! picture beside it) and PyTorch's logits. Two links are judged apart, because they fail in different ways:
//!
//! - the **network**: manifest, normalisation, graph and engine, on PyTorch's own pixels, in logits;
//! - the **pixels**: decoder, orientation and resize of this program, in levels of 0 to 255, which do not depend on how
//!   sensitive a network is.
//!
//! What both together do to the guesses is measured beside them. It can be large without a fault: JPEG leaves decoders
//! free to round, and a network trained on few pictures can be swayed by that.

use std::path::{Path, PathBuf};

use image::RgbImage;
use serde::Deserialize;

use super::report::located;
use super::verified::{Gap, Tolerance, Verified, VerifyError};
use crate::imaging::{Limits, Note, Picture, preprocess};
use crate::model::{Classifier, Manifest};

/// `reference.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Reference {
    tolerance: Tolerance,
    pictures: Vec<Shown>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Shown {
    /// The picture, as the data set holds it.
    file: PathBuf,
    /// What PyTorch was shown of it, beside `reference.json`.
    seen: PathBuf,
    country: String,
    logits: Vec<f32>,
}

/// What is counted of one way from picture to logits.
#[derive(Default)]
struct Tally {
    difference: f32,
    same: usize,
    right: usize,
    right_there: usize,
}

impl Tally {
    fn add(&mut self, here: &[f32], shown: &Shown, countries: &[String]) {
        for (a, b) in here.iter().zip(&shown.logits) {
            let gap = (a - b).abs();
            self.difference = if gap.is_finite() { self.difference.max(gap) } else { f32::INFINITY };
        }
        let (here, there) = (first(here), first(&shown.logits));
        self.same += usize::from(here == there);
        self.right += usize::from(countries[here] == shown.country);
        self.right_there += usize::from(countries[there] == shown.country);
    }

    fn gap(&self, pictures: usize) -> Gap {
        let share = |count: usize| count as f64 / pictures as f64;
        Gap {
            logit_difference: self.difference,
            agreement: share(self.same),
            accuracy_difference: share(self.right) - share(self.right_there),
        }
    }
}

/// Runs the pictures of `path`, a `reference.json`, and measures how far the classifier is from PyTorch; `data` is what
/// the files are named within. `goes_on` is asked before every picture.
///
/// A picture that cannot be read, or is damaged, is left out of the comparison of pixels and named: decoders differ in what
/// they make of damage, and a finished run must not lose its model to one file.
///
/// # Errors
/// [`VerifyError::Reference`], an inference that fails, where no picture at all can be read, or what `goes_on` says.
pub(super) fn compare(
    classifier: &mut Classifier,
    path: &Path,
    data: &Path,
    goes_on: &mut dyn FnMut() -> Result<(), VerifyError>,
) -> Result<Verified, VerifyError> {
    let m = classifier.manifest().clone();
    let reference = read(path, &m)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let (mut network, mut from_files, mut levels) = (Tally::default(), Tally::default(), Vec::new());
    let (mut left_out, mut unreadable) = (Vec::new(), None);
    for shown in &reference.pictures {
        goes_on()?;
        let mut logits = |picture: &Picture| -> Result<(Vec<f32>, RgbImage), VerifyError> {
            let prepared = preprocess(&picture.pixels, &m.preprocess, m.input.size)?;
            Ok((classifier.logits(&prepared.tensor)?, prepared.seen))
        };
        let (there, theirs) = logits(&Picture::open(&folder.join(&shown.seen), &Limits::default())?)?;
        network.add(&there, shown, &m.countries);
        let file = located(data, &shown.file);
        match Picture::open(&file, &Limits::default()) {
            Ok(picture) if picture.notes.contains(&Note::Damaged) => {
                left_out.push(format!("{} is cut short or damaged", file.display()));
            }
            Ok(picture) => {
                let (here, ours) = logits(&picture)?;
                from_files.add(&here, shown, &m.countries);
                levels.push(distance(&ours, &theirs));
            }
            Err(error) => {
                left_out.push(error.to_string());
                unreadable = Some(error);
            }
        }
    }
    if levels.is_empty() {
        let damaged = || {
            let why = "all of its pictures are damaged".to_owned();
            VerifyError::Reference { path: path.to_owned(), why }
        };
        return Err(unreadable.map_or_else(damaged, VerifyError::Picture));
    }
    let allowed = reference.tolerance;
    let network = network.gap(reference.pictures.len());
    let mean = levels.iter().sum::<f64>() / levels.len() as f64;
    let worst = levels.iter().copied().fold(0.0, f64::max);
    Ok(Verified {
        passed: network.logit_difference <= allowed.logit
            && network.agreement >= allowed.agreement
            && -network.accuracy_difference <= allowed.accuracy
            && mean <= allowed.levels
            && worst <= allowed.levels_of_one,
        engine: classifier.engine().to_owned(),
        device: classifier.device().to_owned(),
        pictures: levels.len(),
        network,
        levels: mean,
        levels_of_one: worst,
        from_files: from_files.gap(levels.len()),
        left_out,
        tolerance: allowed,
    })
}

fn read(path: &Path, manifest: &Manifest) -> Result<Reference, VerifyError> {
    let wrong = |why: String| VerifyError::Reference { path: path.to_owned(), why };
    let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let reference: Reference = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    if reference.pictures.is_empty() {
        return Err(wrong("it names no picture".to_owned()));
    }
    let countries = manifest.countries.len();
    match reference.pictures.iter().find(|shown| shown.logits.len() != countries) {
        Some(shown) => Err(wrong(format!("it has {} logits for {countries} countries", shown.logits.len()))),
        None => Ok(reference),
    }
}

/// Mean absolute difference of two pictures of one size, in levels; of two sizes, as far as can be.
fn distance(a: &RgbImage, b: &RgbImage) -> f64 {
    if a.dimensions() != b.dimensions() {
        return f64::from(u8::MAX);
    }
    let sum: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.as_raw().len() as f64
}

/// Number of the largest logit, the first of equal ones.
fn first(logits: &[f32]) -> usize {
    (0..logits.len()).fold(0, |best, i| if logits[i] > logits[best] { i } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_differ_by_their_mean_distance_and_sizes_by_all_there_is() {
        let plain = |side, level| RgbImage::from_pixel(side, side, image::Rgb([level, 10, 10]));
        assert!((distance(&plain(2, 7), &plain(2, 10)) - 1.0).abs() < 1e-12);
        assert!((distance(&plain(2, 7), &plain(3, 7)) - 255.0).abs() < 1e-12);
    }
}
