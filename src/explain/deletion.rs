//! The deletion curve (Petsiuk et al. 2018, RISE): cells are hidden in an order, the probability of the guess falls.
//!
//! The area under the curve of probability over the share hidden is low when the order begins with what matters. A map
//! that tells the truth has a lower area than a random order.

use ndarray::Array4;

use super::ExplainError;
use super::occlusion::{Grid, hide, mean_colour};
use super::scorer::{Scorer, score_of};
use crate::evaluate::SplitMix;

/// Probabilities of `country` after each of `steps` equal parts of the cells, in `order`, was hidden by the mean colour
/// of the prepared picture `[1, 3, size, size]`; the first is the whole picture's, so there are `steps` + 1.
///
/// # Errors
/// When the model fails or the grid does not fit.
pub fn curve(
    scorer: &mut dyn Scorer,
    tensor: &Array4<f32>,
    country: usize,
    grid: Grid,
    order: &[usize],
    steps: usize,
) -> Result<Vec<f32>, ExplainError> {
    let size = tensor.dim().2;
    grid.check(size)?;
    let steps = steps.clamp(1, order.len().max(1));
    let (mean, mut shown) = (mean_colour(tensor), tensor.clone());
    let mut pictures = vec![shown.clone()];
    for step in 0..steps {
        for cell in &order[step * order.len() / steps..(step + 1) * order.len() / steps] {
            hide(&mut shown, grid.cell(*cell, size), mean);
        }
        pictures.push(shown.clone());
    }
    let mut scores = Vec::with_capacity(pictures.len());
    for batch in pictures.chunks(scorer.max_batch()) {
        scores.extend(score_of(scorer, batch, country)?);
    }
    Ok(scores)
}

/// Area under a curve over 0 to 1 by the trapezoid rule; 0 for fewer than two points.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn area_under(curve: &[f32]) -> f64 {
    let trapezoids: f64 = curve.windows(2).map(|two| f64::from(two[0] + two[1]) / 2.0).sum();
    if curve.len() < 2 { 0.0 } else { trapezoids / (curve.len() - 1) as f64 }
}

/// Cells by falling value; equal ones in their order.
#[must_use]
pub fn by_value(map: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..map.len()).collect();
    order.sort_by(|a, b| map[*b].total_cmp(&map[*a]));
    order
}

/// A random order of `cells` from a seed (Fisher and Yates).
#[must_use]
pub fn shuffled(cells: usize, seed: u64) -> Vec<usize> {
    let (mut order, mut random): (Vec<usize>, _) = ((0..cells).collect(), SplitMix(seed));
    for i in (1..cells).rev() {
        order.swap(i, random.below(i + 1));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::super::scorer::tests::{Corner, bright};
    use super::*;

    #[test]
    fn hiding_what_matters_first_has_the_smallest_area() {
        let part = [0, 14, 0, 14];
        let grid = Grid { rows: 4, columns: 4 };
        let mut scorer = Corner { part, asked: 0, batch: 3 };
        let picture = bright(56, part);
        let mut area = |order: &[usize]| {
            let curve = curve(&mut scorer, &picture, 0, grid, order, 16).unwrap();
            assert_eq!(curve.len(), 17);
            (area_under(&curve), curve)
        };
        // Cell 0 is the part that the model looks at; the rest says nothing to it.
        let right: Vec<usize> = (0..16).collect();
        let wrong: Vec<usize> = (0..16).rev().collect();
        let (best, falls) = area(&right);
        let (worst, stays) = area(&wrong);
        assert!(falls[1] < 0.2 && stays[15] > 0.9 && stays[16] < 0.2, "{falls:?} {stays:?}");
        let random = (0..5).map(|seed| area(&shuffled(16, seed)).0).sum::<f64>() / 5.0;
        assert!(best < random && random < worst, "{best} {random} {worst}");
        assert!(best < 0.2 && worst > 0.85);
    }

    #[test]
    fn orders_hold_every_cell_once() {
        assert_eq!(by_value(&[0.1, 0.9, 0.1, 0.5]), [1, 3, 0, 2]);
        let order = shuffled(50, 3);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
        assert_ne!(order, sorted);
        assert_eq!(order, shuffled(50, 3));
        assert_ne!(order, shuffled(50, 4));
        assert!((area_under(&[1.0, 0.0]) - 0.5).abs() < 1e-9 && area_under(&[1.0]).abs() < 1e-9);
    }
}
