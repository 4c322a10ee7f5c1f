//! The input of the golden check, made from a seed by a formula that the exporter shares.

use ndarray::Array4;

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
    fn blocks_of_the_picture_share_a_value() {
        let tensor = input(7, 16);
        assert_eq!(tensor[[0, 0, 0, 0]], tensor[[0, 0, 1, 1]]);
        assert_ne!(tensor[[0, 0, 0, 0]], tensor[[0, 0, 0, 2]]);
        assert_ne!(tensor[[0, 0, 0, 0]], tensor[[0, 1, 0, 0]]);
    }
}
