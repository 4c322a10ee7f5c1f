//! What explanations ask of a model: a batch of inputs in, probabilities out.

use ndarray::{Array4, Axis, concatenate};

use super::ExplainError;
use crate::model::Classifier;
use crate::ranking::softmax;

/// Pictures that go through a model at once, where it takes any number: more gains nothing on a processor.
const BATCH: usize = 16;

/// Gives calibrated probabilities of prepared pictures.
pub trait Scorer {
    /// Probabilities of a batch `[n, 3, size, size]`, a row a picture, in the order of the countries.
    ///
    /// # Errors
    /// When the model cannot run.
    fn score(&mut self, batch: &Array4<f32>) -> Result<Vec<Vec<f32>>, ExplainError>;

    /// Most pictures of one batch, at least 1.
    fn max_batch(&self) -> usize;
}

impl Scorer for Classifier {
    fn score(&mut self, batch: &Array4<f32>) -> Result<Vec<Vec<f32>>, ExplainError> {
        let temperature = self.manifest().output.temperature;
        let logits = self.logits_of_batch(batch)?;
        Ok(logits.iter().map(|row| softmax(row, temperature)).collect())
    }

    fn max_batch(&self) -> usize {
        Classifier::max_batch(self).unwrap_or(BATCH).clamp(1, BATCH)
    }
}

/// Probabilities of one country for pictures `[1, 3, size, size]` of the same size, at most a batch of them.
pub(super) fn score_of(
    scorer: &mut dyn Scorer,
    pictures: &[Array4<f32>],
    country: usize,
) -> Result<Vec<f32>, ExplainError> {
    let views: Vec<_> = pictures.iter().map(|picture| picture.view()).collect();
    // Pictures of one size can always be put together.
    let batch = concatenate(Axis(0), &views).unwrap_or_else(|_| Array4::zeros((0, 3, 0, 0)));
    Ok(scorer.score(&batch)?.into_iter().map(|row| row[country]).collect())
}

/// Number of the largest value, the first of equal ones.
pub(super) fn first(values: &[f32]) -> usize {
    (0..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Looks at one part of the picture only: country 0 is as probable as that part is bright, 0.05 to 0.95.
    pub(in super::super) struct Corner {
        pub(in super::super) part: [usize; 4],
        pub(in super::super) asked: usize,
        pub(in super::super) batch: usize,
    }

    impl Scorer for Corner {
        fn score(&mut self, batch: &Array4<f32>) -> Result<Vec<Vec<f32>>, ExplainError> {
            assert!(batch.dim().0 <= self.batch, "no batch is larger than the model takes");
            self.asked += batch.dim().0;
            let [top, bottom, left, right] = self.part;
            let of = |i: usize| {
                let part = batch.slice(ndarray::s![i, .., top..bottom, left..right]);
                let p = 0.05 + 0.9 * part.mean().unwrap().clamp(0.0, 1.0);
                vec![p, 1.0 - p]
            };
            Ok((0..batch.dim().0).map(of).collect())
        }

        fn max_batch(&self) -> usize {
            self.batch
        }
    }

    /// A picture that is bright in one part.
    pub(in super::super) fn bright(size: usize, [top, bottom, left, right]: [usize; 4]) -> Array4<f32> {
        Array4::from_shape_fn((1, 3, size, size), |(_, _, y, x)| {
            if (top..bottom).contains(&y) && (left..right).contains(&x) { 1.0 } else { 0.0 }
        })
    }
}
