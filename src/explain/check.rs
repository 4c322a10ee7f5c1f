//! Whether the heatmaps of a model tell the truth, measured on pictures.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::Serialize;

use super::occlusion::{Grid, drops};
use super::rollout::shares;
use super::scorer::{self, Scorer};
use super::{ExplainError, Method, deletion};
use crate::base::progress::{Watch, step};
use crate::dataset::Dataset;
use crate::evaluate::{Interval, SplitMix, percentiles};
use crate::imaging::{Limits, Picture, preprocess};
use crate::model::Classifier;

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub struct CheckOptions {
    /// Which heatmaps.
    pub method: Method,
    /// Cells of occlusion; attention has its own.
    pub grid: Grid,
    /// At most so many pictures, spread evenly over the list.
    pub limit: usize,
    /// Points of a deletion curve after the whole picture.
    pub steps: usize,
    /// Random orders a picture.
    pub orders: u64,
    /// Replicates of the bootstrap over places.
    pub replicates: usize,
}

/// One picture's areas under the deletion curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    /// The picture's file.
    pub file: String,
    /// Its place.
    pub place: String,
    /// The country guessed, whose probability the curve is of.
    pub country: String,
    /// Its probability on the whole picture.
    pub p: f32,
    /// Area with the cells hidden in the order of the map.
    pub map: f64,
    /// Mean area over the random orders.
    pub random: f64,
}

/// The result of the check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The model.
    pub model: String,
    /// The engine that ran it.
    pub engine: String,
    /// Which heatmaps.
    pub method: Method,
    /// Rows and columns.
    pub grid: [usize; 2],
    /// Pictures.
    pub images: usize,
    /// Places.
    pub places: usize,
    /// Points of a curve after the whole picture.
    pub steps: usize,
    /// Random orders a picture.
    pub orders: u64,
    /// Mean area in the order of the map; lower is better.
    pub map: f64,
    /// Mean area in random order.
    pub random: f64,
    /// Mean of `random` − `map`; above zero, the map knows more than chance.
    pub gain: f64,
    /// Its 95 % bootstrap interval over places; none for fewer than two.
    pub gain_interval: Option<Interval>,
    /// Share of pictures where the map's area is below the random one.
    pub better: f64,
    /// All of it as a sentence.
    pub sentence: String,
    /// The pictures.
    pub pictures: Vec<Checked>,
}

/// Measures deletion curves on pictures of `data`, of whatever country. Unreadable pictures are passed over.
///
/// # Errors
/// When the model gives no such heatmap or fails, no picture is left, or `watch` stops.
pub fn check(
    classifier: &mut Classifier,
    data: &Dataset,
    options: CheckOptions,
    watch: &mut Watch<'_>,
) -> Result<Check, ExplainError> {
    let (of, limit) = (data.samples.len(), options.limit.min(data.samples.len()));
    let (mut pictures, mut cells) = (Vec::new(), options.grid);
    for i in 0..limit {
        step(watch, "deletion", i, limit)?;
        let sample = &data.samples[i * of / limit];
        let Ok(picture) = Picture::open(&sample.file, &Limits::default()) else { continue };
        let (mut checked, grid) = one(classifier, &picture, options, (i as u64) << 8)?;
        (checked.file, checked.place) = (sample.file.display().to_string(), sample.place.clone());
        cells = grid;
        pictures.push(checked);
    }
    step(watch, "deletion", limit, limit)?;
    if pictures.is_empty() {
        return Err(ExplainError::Nothing);
    }
    let (model, engine) = (classifier.manifest().id.clone(), classifier.engine().to_owned());
    Ok(folded(model, engine, options, cells, pictures))
}

/// One picture: its map, and the areas. `seed` is that of the first random order.
fn one(
    classifier: &mut Classifier,
    picture: &Picture,
    options: CheckOptions,
    seed: u64,
) -> Result<(Checked, Grid), ExplainError> {
    let m = classifier.manifest().clone();
    let tensor = preprocess(&picture.pixels, &m.preprocess, m.input.size)?.tensor;
    let probabilities = classifier.score(&tensor)?.remove(0);
    let guess = scorer::first(&probabilities);
    let (map, grid) = match options.method {
        Method::Occlusion => {
            let go_on = &mut |_: super::Partial<'_>| ControlFlow::Continue(());
            (drops(classifier, &tensor, guess, options.grid, go_on)?, options.grid)
        }
        Method::Attention => {
            let (map, rows, columns) = shares(classifier, &tensor)?;
            (map, Grid { rows, columns })
        }
    };
    let mut area = |order: &[usize]| -> Result<f64, ExplainError> {
        Ok(deletion::area_under(&deletion::curve(classifier, &tensor, guess, grid, order, options.steps)?))
    };
    let by_map = area(&deletion::by_value(&map))?;
    let mut random = 0.0;
    for order in 0..options.orders {
        random += area(&deletion::shuffled(grid.cells(), seed + order))?;
    }
    #[allow(clippy::cast_precision_loss)]
    let random = random / options.orders.max(1) as f64;
    let country = m.countries[guess].clone();
    let (file, place) = (String::new(), String::new());
    Ok((Checked { file, place, country, p: probabilities[guess], map: by_map, random }, grid))
}

#[allow(clippy::cast_precision_loss)]
fn folded(model: String, engine: String, options: CheckOptions, grid: Grid, pictures: Vec<Checked>) -> Check {
    let n = pictures.len() as f64;
    let mean = |of: fn(&Checked) -> f64| pictures.iter().map(of).sum::<f64>() / n;
    let better = pictures.iter().filter(|one| one.map < one.random).count() as f64 / n;
    let mut places = BTreeMap::<&str, Vec<f64>>::new();
    for one in &pictures {
        places.entry(&one.place).or_default().push(one.random - one.map);
    }
    let gains: Vec<Vec<f64>> = places.into_values().collect();
    let gain_interval = bootstrap(&gains, options.replicates);
    let (map, random, gain) = (mean(|o| o.map), mean(|o| o.random), mean(|o| o.random - o.map));
    let verdict = match gain_interval {
        Some([low, _]) if low > 0.0 => "the map knows more than chance",
        Some([_, high]) if high < 0.0 => "the map is worse than chance",
        _ => "the map is not told from chance",
    };
    let interval = gain_interval.map_or_else(String::new, |[low, high]| format!(" ({low:.3} to {high:.3})"));
    let sentence = format!(
        "Hiding what the map marks first leaves an area of {map:.3}, hiding at random {random:.3}: gain {gain:.3}{interval} over \
         {} places, better on {:.0} % of {} pictures; {verdict}.",
        gains.len(),
        better * 100.0,
        pictures.len()
    );
    Check {
        model,
        engine,
        method: options.method,
        grid: [grid.rows, grid.columns],
        images: pictures.len(),
        places: gains.len(),
        steps: options.steps,
        orders: options.orders,
        map,
        random,
        gain,
        gain_interval,
        better,
        sentence,
        pictures,
    }
}

/// Interval of the mean when whole places are drawn with replacement.
#[allow(clippy::cast_precision_loss)]
fn bootstrap(places: &[Vec<f64>], replicates: usize) -> Option<Interval> {
    if places.len() < 2 || replicates == 0 {
        return None;
    }
    let mut random = SplitMix(0);
    let draw = |_| {
        let (mut sum, mut count) = (0.0, 0_usize);
        for _ in 0..places.len() {
            let place = &places[random.below(places.len())];
            sum += place.iter().sum::<f64>();
            count += place.len();
        }
        sum / count as f64
    };
    Some(percentiles((0..replicates).map(draw).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_follows_the_interval() {
        let options = CheckOptions {
            method: Method::Occlusion,
            grid: Grid::default(),
            limit: 9,
            steps: 14,
            orders: 3,
            replicates: 400,
        };
        let verdict = |gains: &[f64]| {
            let one = |(i, gain): (usize, &f64)| Checked {
                file: format!("{i}.jpg"),
                place: i.to_string(),
                country: "AU".into(),
                p: 0.5,
                map: 0.2,
                random: 0.2 + gain,
            };
            let pictures = gains.iter().enumerate().map(one).collect();
            folded("m".into(), "e".into(), options, options.grid, pictures)
        };
        let good = verdict(&[0.1, 0.2, 0.1, 0.15, 0.05]);
        assert!((good.gain - 0.12).abs() < 1e-9 && (good.better - 1.0).abs() < 1e-9);
        assert!(good.sentence.ends_with("the map knows more than chance."), "{}", good.sentence);
        assert!(verdict(&[-0.1, 0.1, -0.2, 0.2]).sentence.ends_with("not told from chance."));
        assert!(verdict(&[-0.1, -0.1, -0.2]).sentence.ends_with("worse than chance."));
    }
}
