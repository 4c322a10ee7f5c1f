//! From pixels to the tensor a model takes.
//!
//! The trainer prepares pictures with Pillow's `resize` and `numpy`; this is the same arithmetic:
//! an antialiased separable convolution rounded to 8 bits after each pass, then
//! `(x / 255 - mean) / std` in single precision.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeError, ResizeOptions, Resizer};
use image::RgbImage;
use ndarray::Array4;
use serde::{Deserialize, Serialize};

use super::PictureError;

/// How a model's pictures were prepared when it was trained; the `preprocess` of `model.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// How a picture is brought to a square.
    pub resize: ResizeMode,
    /// The filter of the resize.
    pub interpolation: Interpolation,
    /// Subtracted from each channel (red, green, blue), on a scale from 0 to 1.
    pub mean: [f32; 3],
    /// What each channel is then divided by, on the same scale. Must not be zero.
    pub std: [f32; 3],
}

/// How a picture that is not square becomes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResizeMode {
    /// The whole picture, its proportions given up.
    Squish,
    /// The largest centred square, as Pillow's `resize(box=…)` takes it: the box may begin at
    /// half a pixel, and the filter reaches over its border.
    Crop,
}

impl ResizeMode {
    /// The part of a picture of `width` × `height` pixels that a model sees: left, top, width, height, in pixels.
    #[must_use]
    pub fn seen_part(self, width: u32, height: u32) -> [f64; 4] {
        match self {
            Self::Squish => [0.0, 0.0, f64::from(width), f64::from(height)],
            Self::Crop => {
                let side = width.min(height);
                let half = |whole: u32| f64::from(whole - side) / 2.0;
                [half(width), half(height), f64::from(side), f64::from(side)]
            }
        }
    }
}

/// The filter a picture is resized with; both widen when shrinking, so that nothing is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// Cubic convolution with a = -0.5 (Catmull-Rom), Pillow's `BICUBIC`.
    Bicubic,
    /// The triangle filter, Pillow's `BILINEAR`.
    Bilinear,
}

impl Interpolation {
    fn filter(self) -> FilterType {
        match self {
            Interpolation::Bicubic => FilterType::CatmullRom,
            Interpolation::Bilinear => FilterType::Bilinear,
        }
    }
}

/// A picture ready for a model.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// `[1, 3, size, size]`: one picture, channels red, green, blue, rows, columns; normalised.
    pub tensor: Array4<f32>,
    /// Exactly what the model sees, `size` × `size`, before the normalisation.
    pub seen: RgbImage,
}

/// Resizes and normalises a picture for a model whose input has the side `size`.
///
/// # Errors
/// [`PictureError::Empty`] for a picture without pixels, [`PictureError::NoSize`] for a size of
/// zero, [`PictureError::Resize`] when the resizer refuses.
pub fn preprocess(pixels: &RgbImage, how: &Preprocess, size: u32) -> Result<Prepared, PictureError> {
    if size == 0 {
        return Err(PictureError::NoSize);
    }
    if pixels.width() == 0 || pixels.height() == 0 {
        return Err(PictureError::Empty { name: "the picture".to_owned() });
    }
    let seen = resized(pixels, how, size).map_err(|source| PictureError::Resize { size, source })?;
    Ok(Prepared { tensor: normalised(&seen, how), seen })
}

/// Resizes in two passes, rows first. `fast_image_resize` by itself takes the columns first, and
/// since each pass is cut to 0..=255, the overshoot of the cubic filter at an edge then differs
/// from Pillow's by up to 6 levels.
fn resized(pixels: &RgbImage, how: &Preprocess, size: u32) -> Result<RgbImage, ResizeError> {
    let (width, height) = pixels.dimensions();
    let [left, top, box_width, box_height] = how.resize.seen_part(width, height);
    let source = ImageRef::new(width, height, pixels.as_raw(), PixelType::U8x3)
        .expect("an RgbImage holds three bytes a pixel");
    let base = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(how.interpolation.filter()));
    let mut resizer = Resizer::new();
    let mut narrow = Image::new(size, height, PixelType::U8x3);
    resizer.resize(&source, &mut narrow, &base.crop(left, 0.0, box_width, f64::from(height)))?;
    let mut target = Image::new(size, size, PixelType::U8x3);
    resizer.resize(&narrow, &mut target, &base.crop(0.0, top, f64::from(size), box_height))?;
    Ok(RgbImage::from_raw(size, size, target.into_vec())
        .expect("the target was made for three bytes a pixel"))
}

/// `(x / 255 - mean) / std`, from interleaved to planar. There are only 256 values a channel can
/// take, so each is computed once.
fn normalised(seen: &RgbImage, how: &Preprocess) -> Array4<f32> {
    let tables: [[f32; 256]; 3] = std::array::from_fn(|channel| {
        std::array::from_fn(|level| (level as f32 / 255.0 - how.mean[channel]) / how.std[channel])
    });
    let (width, height) = (seen.width() as usize, seen.height() as usize);
    let mut tensor = Array4::zeros((1, 3, height, width));
    let flat = tensor.as_slice_mut().expect("a new array is contiguous");
    let (red, rest) = flat.split_at_mut(width * height);
    let (green, blue) = rest.split_at_mut(width * height);
    let planes = red.iter_mut().zip(green).zip(blue);
    for (((red, green), blue), pixel) in planes.zip(seen.pixels()) {
        *red = tables[0][usize::from(pixel.0[0])];
        *green = tables[1][usize::from(pixel.0[1])];
        *blue = tables[2][usize::from(pixel.0[2])];
    }
    tensor
}

#[cfg(test)]
mod tests {
    use super::super::formula;
    use super::*;
    use Interpolation::{Bicubic, Bilinear};
    use ResizeMode::{Crop, Squish};

    /// ImageNet's, as make.py has them.
    const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
    const STD: [f32; 3] = [0.229, 0.224, 0.225];

    fn how(resize: ResizeMode, interpolation: Interpolation) -> Preprocess {
        Preprocess { resize, interpolation, mean: MEAN, std: STD }
    }

    /// How far, in 8-bit levels, the tensor is from the one Pillow and numpy made.
    fn levels_off(picture: (u32, u32), how: &Preprocess, size: u32, stride: usize) -> f32 {
        let [mode, filter] = [format!("{:?}", how.resize), format!("{:?}", how.interpolation)];
        let file = format!("{}x{}-{mode}-{filter}-{size}.f32", picture.0, picture.1).to_lowercase();
        let path = format!("{}/tests/golden/preprocess/{file}", env!("CARGO_MANIFEST_DIR"));
        let golden: Vec<f32> = std::fs::read(&path)
            .unwrap_or_else(|error| panic!("{path}: {error}"))
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
            .collect();
        let prepared = preprocess(&formula::picture(picture.0, picture.1), how, size).unwrap();
        let ours = prepared.tensor.as_slice().unwrap();
        let plane = (size * size) as usize;
        assert_eq!(golden.len(), ours.len().div_ceil(stride));
        let off = |(i, theirs): (usize, &f32)| {
            let at = i * stride;
            (ours[at] - theirs).abs() * STD[at / plane] * 255.0
        };
        golden.iter().enumerate().map(off).fold(0.0, f32::max)
    }

    /// The largest difference found is one 8-bit level (1 / 255 / std, 0.018 of the tensor's
    /// units), where the two round a half differently; a wrong filter is off by tens.
    #[test]
    fn tensors_are_those_of_pillow_within_one_level() {
        for (picture, size, stride) in [
            ((161, 107), 32, 1),     // shrunk, odd sides: the crop begins at half a pixel … not
            ((106, 161), 32, 1),     // … here it does
            ((50, 41), 64, 7),       // enlarged
            ((1281, 720), 224, 997), // a capture
        ] {
            for (mode, filter) in [(Squish, Bicubic), (Squish, Bilinear), (Crop, Bicubic), (Crop, Bilinear)] {
                let off = levels_off(picture, &how(mode, filter), size, stride);
                println!("{picture:?} {mode:?} {filter:?} {size}: {off:.3} levels");
                assert!(off < 1.001, "{picture:?} {mode:?} {filter:?} {size}: {off} levels");
            }
        }
    }

    #[test]
    fn what_the_model_saw_is_what_the_tensor_holds() {
        let prepared = preprocess(&formula::picture(90, 60), &how(Crop, Bicubic), 24).unwrap();
        assert_eq!(prepared.seen.dimensions(), (24, 24));
        assert_eq!(prepared.tensor.dim(), (1, 3, 24, 24));
        for (x, y, pixel) in prepared.seen.enumerate_pixels() {
            for channel in 0..3 {
                let value = prepared.tensor[[0, channel, y as usize, x as usize]];
                let level = (value * STD[channel] + MEAN[channel]) * 255.0;
                assert!((level - f32::from(pixel.0[channel])).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn a_picture_of_the_right_size_is_left_alone() {
        let picture = formula::picture(32, 32);
        assert!(preprocess(&picture, &how(Squish, Bicubic), 32).unwrap().seen == picture);
    }

    #[test]
    fn extreme_shapes_are_prepared() {
        for (width, height) in [(1, 1), (1, 5000), (5000, 1), (2, 3)] {
            for mode in [Squish, Crop] {
                let picture = formula::picture(width, height);
                let prepared = preprocess(&picture, &how(mode, Bicubic), 16).unwrap();
                assert!(prepared.tensor.iter().all(|value| value.is_finite()));
            }
        }
    }

    #[test]
    fn nothing_to_prepare_is_an_error() {
        let none = preprocess(&RgbImage::new(0, 5), &how(Squish, Bicubic), 8);
        assert!(matches!(none, Err(PictureError::Empty { .. })));
        let no_size = preprocess(&RgbImage::new(5, 5), &how(Squish, Bicubic), 0);
        assert!(matches!(no_size, Err(PictureError::NoSize)));
    }

    #[test]
    fn the_manifest_spells_it_in_lower_case() {
        let json = r#"{"resize":"crop","interpolation":"bilinear","mean":[0.5,0.5,0.5],"std":[1.0,1.0,1.0]}"#;
        let how: Preprocess = serde_json::from_str(json).unwrap();
        assert_eq!((how.resize, how.interpolation), (Crop, Bilinear));
        assert_eq!(serde_json::to_string(&how).unwrap(), json);
        assert!(serde_json::from_str::<Preprocess>(&json.replace("crop", "stretch")).is_err());
    }
}
