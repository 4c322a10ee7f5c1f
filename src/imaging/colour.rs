//! Colour profiles: a picture of a wide colour space is brought to sRGB, the space of nearly all pictures.
//!
//! A phone stores Display P3, a camera may store Adobe RGB or ProPhoto RGB: the same street in other numbers. The
//! trainer does the same with Pillow's `ImageCms` (`streetwise_train/data.py`), by the same rule: the intent is
//! relative colorimetric, and a profile that moves no probe by more than [`SAME`] levels is sRGB, so that such a
//! picture stays as it is stored, bit for bit. Grey pictures and inks stay as they are on both sides.

use image::RgbImage;
use moxcms::{ColorProfile, DataColorSpace, Layout, RenderingIntent, TransformOptions};

/// Levels (of 255) that the many profiles called sRGB differ by.
const SAME: u8 = 4;
/// Levels of each channel among the probes.
const STEPS: [u8; 6] = [0, 51, 102, 153, 204, 255];

/// Brings the pixels from the colour space of `profile`, an ICC profile, to sRGB. A profile that cannot be read or used
/// changes nothing, as it changes nothing in most programs.
pub(super) fn to_srgb(pixels: &mut RgbImage, profile: &[u8]) {
    let Ok(profile) = ColorProfile::new_from_slice(profile) else { return };
    if profile.color_space != DataColorSpace::Rgb {
        return;
    }
    // A profile whose table is for the perceptual intent alone serves all intents (ICC.1, 9.1).
    let alone = profile.lut_a_to_b_colorimetric.is_none() && profile.lut_a_to_b_perceptual.is_some();
    let rendering_intent =
        if alone { RenderingIntent::Perceptual } else { RenderingIntent::RelativeColorimetric };
    let options = TransformOptions { rendering_intent, ..TransformOptions::default() };
    let to = ColorProfile::new_srgb();
    let Ok(transform) = profile.create_transform_8bit(Layout::Rgb, &to, Layout::Rgb, options) else { return };
    let probes: Vec<u8> = STEPS
        .iter()
        .flat_map(|&r| STEPS.iter().flat_map(move |&g| STEPS.iter().flat_map(move |&b| [r, g, b])))
        .collect();
    let mut moved = vec![0; probes.len()];
    let is_same = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= SAME;
    if transform.transform(&probes, &mut moved).is_err() || probes.iter().zip(&moved).all(is_same) {
        return;
    }
    let row = 3 * pixels.width() as usize;
    let mut stored = vec![0; row];
    for row in pixels.chunks_exact_mut(row) {
        stored.copy_from_slice(row);
        if transform.transform(&stored, row).is_err() {
            row.copy_from_slice(&stored);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::formula;
    use super::*;

    fn golden(file: &str) -> Vec<u8> {
        let path = format!("{}/tests/golden/colour/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    #[test]
    fn colours_come_out_as_their_spaces_are_defined() {
        type Row = std::collections::BTreeMap<String, Vec<[u8; 3]>>;
        let rows: std::collections::BTreeMap<String, Row> =
            serde_json::from_slice(&golden("expected.json")).unwrap();
        assert_eq!(rows.len(), 4);
        for (name, row) in rows {
            let stored = row["stored"].concat();
            let width = u32::try_from(row["stored"].len()).unwrap();
            let mut pixels = RgbImage::from_raw(width, 1, stored).unwrap();
            to_srgb(&mut pixels, &golden(&format!("{name}.icc")));
            let off =
                pixels.as_raw().iter().zip(row["srgb"].concat()).map(|(a, b)| a.abs_diff(b)).max().unwrap();
            println!("{name}: at most {off} levels off");
            assert!(off <= if name == "srgb" { 0 } else { 2 }, "{name}: {off}");
        }
    }

    #[test]
    fn a_profile_that_cannot_be_used_changes_nothing() {
        let stored = formula::picture(40, 30);
        for profile in
            [b"no profile at all".to_vec(), ColorProfile::new_gray_with_gamma(2.2).encode().unwrap()]
        {
            let mut pixels = stored.clone();
            to_srgb(&mut pixels, &profile);
            assert!(pixels == stored);
        }
    }
}
