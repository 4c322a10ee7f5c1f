//! The input of the golden check, made from a seed by a formula that the exporter shares.

use ndarray::Array4;

/// How exact a network's numbers are, by the coarsest of its weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Precision {
    /// 24 significant bits.
    Float32,
    /// 8 or 11 significant bits.
    Float16,
    /// 8 bits or fewer.
    Int8,
}

/// A difference of every logit by no more than this moves a probability by 2.5 points at most, at a temperature of 1: the
/// slope of the softmax is p (1 - p), and two logits may move apart by twice as much.
const ALWAYS: f32 = 0.05;

impl Precision {
    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Float16 => "float16",
            Self::Int8 => "int8",
        }
    }

    /// The largest difference of a logit that two sound engines may show on the golden input, whose largest logit is
    /// `largest`. Rounding is relative, and the errors of some 50 layers one after the other grow like a random walk, about
    /// 7 times (Higham and Mary 2019): from 5e-4, the unit roundoff of float16, and 2e-3, half of one of 255 levels; taken
    /// three times. Float32 alone would explain 1e-6, which is what ONNX Runtime and the embedded engine differ by; its
    /// bound leaves room for GPUs that multiply in TF32, and is ten times what the trainer writes (`golden.py`).
    pub(super) fn bound(self, largest: f32) -> f32 {
        let share = match self {
            Self::Float32 => 1e-3,
            Self::Float16 => 1e-2,
            Self::Int8 => 5e-2,
        };
        ALWAYS.max(share * largest)
    }
}

/// Side of the grid of noise; each value is spread over a block of the picture.
const GRID: usize = 8;

/// Normalised tensor `[1, 3, size, size]` from splitmix64 noise (Steele et al. 2014), values in −2 to 2.
pub(super) fn input(seed: u64, size: usize) -> Array4<f32> {
    Array4::from_shape_fn((1, 3, size, size), |(_, channel, y, x)| {
        let cell = channel * GRID * GRID + (y * GRID / size) * GRID + x * GRID / size;
        noise(seed.wrapping_add(cell as u64))
    })
}

fn noise(x: u64) -> f32 {
    let mut z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    // 24 bits are exact in a float32.
    #[allow(clippy::cast_precision_loss)]
    let unit = (z >> 40) as f32 / 16_777_216.0;
    unit * 4.0 - 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noise_is_splitmix64() {
        // First output for seed 0 of the reference implementation: 0xE220A8397B1DCDAF.
        let expected = (0xE220_A839_7B1D_CDAF_u64 >> 40) as f32 / 16_777_216.0 * 4.0 - 2.0;
        assert!((noise(0) - expected).abs() < f32::EPSILON);
    }

    #[test]
    fn coarser_weights_and_larger_logits_explain_more() {
        for (precision, largest, expected) in [
            (Precision::Float32, 2.5, 0.05),
            (Precision::Float32, 300.0, 0.3),
            (Precision::Float16, 2.5, 0.05),
            (Precision::Float16, 300.0, 3.0),
            (Precision::Int8, 10.0, 0.5),
        ] {
            assert!((precision.bound(largest) - expected).abs() < 1e-6, "{precision:?} {largest}");
        }
    }

    #[test]
    fn blocks_of_the_picture_share_a_value() {
        let tensor = input(7, 16);
        assert_eq!(tensor[[0, 0, 0, 0]], tensor[[0, 0, 1, 1]]);
        assert_ne!(tensor[[0, 0, 0, 0]], tensor[[0, 0, 0, 2]]);
        assert_ne!(tensor[[0, 0, 0, 0]], tensor[[0, 1, 0, 0]]);
    }
}
