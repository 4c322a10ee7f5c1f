//! Attention rollout (Abnar and Zuidema 2020): from what a token took of each other token in every block, what it took of
//! the picture.

use ndarray::{Array2, Array3, Axis, s};

use super::ExplainError;
use super::heatmap::{Heatmap, Method, area};
use super::occlusion::explained;
use crate::imaging::{Picture, preprocess};
use crate::model::{Attention, Classifier};

/// Follows attention `[blocks, tokens, tokens]` (heads averaged, rows sum to 1, blocks in the order in which they run)
/// from the last block to the first: the product of `0.5 A + 0.5 I`, rows normalised. The half of the identity stands for
/// the way around a block. Row `i` says what token `i` took from each of the input.
#[must_use]
pub fn rollout(attention: &Array3<f32>) -> Array2<f32> {
    let tokens = attention.dim().1;
    let identity = Array2::<f32>::eye(tokens);
    let mut product = identity.clone();
    for block in attention.axis_iter(Axis(0)) {
        let mut mixed = &block * 0.5 + &identity * 0.5;
        for mut row in mixed.rows_mut() {
            let sum = row.sum();
            row.mapv_inplace(|value| value / sum.max(f32::MIN_POSITIVE));
        }
        product = mixed.dot(&product);
    }
    product
}

/// What the head's tokens took from each patch, as shares that sum to 1: the class token's row, or the mean of all
/// patches' rows where there is no class token, since their mean is then what the head reads.
pub(super) fn of_patches(rolled: &Array2<f32>, prefix: usize) -> Vec<f32> {
    let row = match prefix {
        0 => rolled.mean_axis(Axis(0)).unwrap_or_else(|| rolled.row(0).to_owned()),
        _ => rolled.row(0).to_owned(),
    };
    let patches = row.slice(s![prefix..]).to_vec();
    let sum: f32 = patches.iter().sum();
    patches.into_iter().map(|value| value / sum.max(f32::MIN_POSITIVE)).collect()
}

/// A heatmap of `picture` from the model's own attention; `country` (none: the first guess) is only what its probability
/// is told of, since attention knows no country.
///
/// # Errors
/// [`ExplainError::NoAttention`] for a model exported without it; else when the picture cannot be prepared or the model
/// fails.
pub fn attention(
    classifier: &mut Classifier,
    picture: &Picture,
    country: Option<&str>,
) -> Result<Heatmap, ExplainError> {
    let m = classifier.manifest().clone();
    let tensor = preprocess(&picture.pixels, &m.preprocess, m.input.size)?.tensor;
    let (country, p) = explained(classifier, &tensor, country)?;
    let (values, rows, columns) = shares(classifier, &tensor)?;
    Ok(Heatmap {
        area: area(&m, picture),
        model: m.id,
        method: Method::Attention,
        country: m.countries[country].clone(),
        p,
        rows,
        columns,
        values,
    })
}

/// The shares of the patches of a prepared picture, and the rows and columns they lie in.
pub(super) fn shares(
    classifier: &mut Classifier,
    tensor: &ndarray::Array4<f32>,
) -> Result<(Vec<f32>, usize, usize), ExplainError> {
    let model = classifier.manifest().id.clone();
    let told = classifier.manifest().output.attention.clone();
    let Some(told @ Attention { blocks: Some(_), .. }) = told else {
        return Err(ExplainError::NoAttention { model });
    };
    let (_, found) = classifier.attention(tensor)?;
    let [rows, columns, prefix, blocks] =
        [told.grid[0], told.grid[1], told.prefix_tokens, told.blocks.unwrap_or(0)].map(|n| n as usize);
    let tokens = rows * columns + prefix;
    if found.dim() != (blocks, tokens, tokens) {
        let why = format!("it is {:?}, the manifest says {blocks} blocks of {tokens} tokens", found.dim());
        return Err(ExplainError::Attention { model, why });
    }
    Ok((of_patches(&rollout(&found), prefix), rows, columns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Three tokens, two blocks, multiplied by hand: block 2 · block 1, each half its attention and half the identity.
    #[test]
    fn two_blocks_are_those_computed_by_hand() {
        let attention = array![
            [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]],
            [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]
        ];
        // M1 = [.5 .5 0; 0 .5 .5; 0 0 1], M2 = [.5 0 .5; .5 .5 0; .25 .25 .5]
        let expected = array![[0.25, 0.25, 0.5], [0.25, 0.5, 0.25], [0.125, 0.25, 0.625]];
        let rolled = rollout(&attention);
        assert!((&rolled - &expected).iter().all(|gap| gap.abs() < 1e-6), "{rolled}");
        assert!(rolled.rows().into_iter().all(|row| (row.sum() - 1.0_f32).abs() < 1e-6));
        // With a class token: its row over the two patches. Without: the mean of all rows.
        let near = |have: Vec<f32>, want: &[f32]| {
            assert!(have.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-6), "{have:?}");
        };
        near(of_patches(&rolled, 1), &[0.25 / 0.75, 0.5 / 0.75]);
        near(of_patches(&rolled, 0), &[0.625 / 3.0, 1.0 / 3.0, 1.375 / 3.0]);
    }
}
