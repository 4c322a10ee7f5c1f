//! A street drawn by code: the picture to try the program with, and the window's icon.

use image::{Rgb, RgbImage};

/// Size of the sample picture, in pixels.
const SIZE: (u32, u32) = (1280, 720);
/// Height of the horizon, as a share of the picture.
const HORIZON: f32 = 0.47;

type Colour = [f32; 3];

const SKY_TOP: Colour = [86.0, 142.0, 198.0];
const SKY_LOW: Colour = [205.0, 222.0, 230.0];
const HILL: Colour = [112.0, 138.0, 128.0];
const GRASS: Colour = [126.0, 142.0, 76.0];
const SOIL: Colour = [164.0, 122.0, 84.0];
const ROAD: Colour = [98.0, 98.0, 102.0];
const PAINT: Colour = [232.0, 228.0, 214.0];
const LEAF: Colour = [74.0, 102.0, 58.0];
const TRUNK: Colour = [104.0, 88.0, 74.0];

/// Draws the sample: a straight road to the horizon, hills, a row of trees and poles with wires.
/// Every call gives the same pixels.
#[must_use]
pub fn street() -> RgbImage {
    let mut picture = RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        let (u, v) = (unit(x, SIZE.0), unit(y, SIZE.1));
        let grain = (noise(x, y) - 0.5) * 10.0;
        pixel(scale(ground_or_sky(u, v), 1.0, grain))
    });
    // From far to near, so that what is near covers what is far.
    for step in (0..7_u8).rev() {
        let depth = 1.25_f32.powi(i32::from(step)) * 0.9;
        pole(&mut picture, depth);
        tree(&mut picture, depth * 1.08, f32::from(step));
    }
    picture
}

/// The icon of the window: a road to the horizon in a rounded square. RGBA, `side` × `side` pixels.
#[must_use]
pub fn icon(side: u32) -> Vec<u8> {
    let mut rgba = Vec::with_capacity((side * side * 4) as usize);
    for y in 0..side {
        for x in 0..side {
            let (u, v) = (unit(x, side), unit(y, side));
            let corner = (u - 0.5).abs().max((v - 0.5).abs()) - 0.28;
            let (dx, dy) = (((u - 0.5).abs() - 0.28).max(0.0), ((v - 0.5).abs() - 0.28).max(0.0));
            let inside = corner <= 0.0 || (dx * dx + dy * dy).sqrt() <= 0.22;
            let colour = pixel(ground_or_sky(u, v));
            rgba.extend_from_slice(&[colour.0[0], colour.0[1], colour.0[2], if inside { 255 } else { 0 }]);
        }
    }
    rgba
}

/// Sky, hills, grass, verge and road at a place of the picture (0 to 1 from left and top).
fn ground_or_sky(u: f32, v: f32) -> Colour {
    let hills = HORIZON - 0.05 - 0.03 * (u * 7.0).sin() - 0.018 * (u * 19.0 + 1.0).sin();
    if v < hills {
        let cloud = ((u * 9.0 + (v * 30.0).sin() * 0.4).sin() * (v * 22.0).sin()).max(0.0) * 0.35;
        return mix(mix(SKY_TOP, SKY_LOW, v / hills), [244.0, 246.0, 246.0], cloud);
    }
    if v < HORIZON {
        return mix(HILL, SKY_LOW, 0.25);
    }
    let near = ((v - HORIZON) / (1.0 - HORIZON)).max(1e-3);
    let across = (u - 0.52) / near;
    let striped = (1.0 / near * 3.0).fract() < 0.5;
    let haze = (1.0 - near).powi(4) * 0.5;
    let surface = match across.abs() {
        side if side < 0.012 && striped => PAINT,
        side if (0.445..0.465).contains(&side) => PAINT,
        side if side < 0.5 => ROAD,
        side if side < 0.62 => SOIL,
        _ => scale(GRASS, 1.0 + 0.12 * (across * 14.0).sin(), 0.0),
    };
    mix(surface, SKY_LOW, haze)
}

/// A pole beside the road with a cross-arm and a wire towards the next one.
fn pole(picture: &mut RgbImage, depth: f32) {
    let foot = foot(-0.85, depth);
    let height = 0.62 / depth;
    let half = (0.007 / depth).max(0.0012);
    fill(picture, [foot.0 - half, foot.1 - height, foot.0 + half, foot.1], |_, _| Some(TRUNK));
    let arm = 0.05 / depth;
    let top = foot.1 - height + 0.03 / depth;
    fill(picture, [foot.0 - arm, top, foot.0 + arm, top + half], |_, _| Some(TRUNK));
    let next = self::foot(-0.85, depth * 1.25);
    let far = next.1 - 0.59 / (depth * 1.25);
    for step in 0..400_u16 {
        let t = f32::from(step) / 400.0;
        let sag = 0.03 / depth * 4.0 * t * (1.0 - t);
        let (x, y) = (foot.0 + (next.0 - foot.0) * t, top + (far - top) * t + sag);
        fill(picture, [x, y, x + 0.001, y + 0.0022], |_, _| Some([70.0, 72.0, 76.0]));
    }
}

/// A tree with a round, ragged crown on the other side of the road.
fn tree(picture: &mut RgbImage, depth: f32, seed: f32) {
    let foot = foot(0.95 + 0.2 * (seed * 2.4).sin(), depth);
    let (height, half) = (0.30 / depth, 0.008 / depth);
    fill(picture, [foot.0 - half, foot.1 - height, foot.0 + half, foot.1], |_, _| Some(TRUNK));
    let radius = (0.10 + 0.02 * (seed * 5.1).cos()) / depth;
    let centre = (foot.0, foot.1 - height - radius * 0.8);
    let wide = 0.72;
    let area = [centre.0 - radius, centre.1 - radius * 1.5, centre.0 + radius, centre.1 + radius * 1.5];
    fill(picture, area, |u, v| {
        let (x, y) = ((u - centre.0) / (radius * wide), (v - centre.1) / (radius * 1.2));
        let angle = y.atan2(x);
        let edge = 1.0 + 0.10 * (angle * 7.0 + seed).sin() + 0.06 * (angle * 17.0).sin();
        let light = 1.05 - 0.28 * (x + y) * 0.5;
        (x * x + y * y < edge * edge).then(|| scale(LEAF, light, 0.0))
    });
}

/// Where something beside the road meets the ground: `side` in half road widths, `depth` from 1 (near) on.
fn foot(side: f32, depth: f32) -> (f32, f32) {
    let near = 0.72 / depth;
    (0.52 + side * near, HORIZON + (1.0 - HORIZON) * near)
}

/// Colours the pixels of an area (left, top, right, bottom as shares) where `colour` gives one.
fn fill(picture: &mut RgbImage, area: [f32; 4], colour: impl Fn(f32, f32) -> Option<Colour>) {
    let (width, height) = picture.dimensions();
    let [left, right] = [area[0], area[2]].map(|share| to_pixel(share, width));
    let [top, bottom] = [area[1], area[3]].map(|share| to_pixel(share, height));
    for y in top..bottom.max(top + 1).min(height) {
        for x in left..right.max(left + 1).min(width) {
            if let Some(found) = colour(unit(x, width), unit(y, height)) {
                picture.put_pixel(x, y, pixel(scale(found, 1.0, (noise(x, y) - 0.5) * 14.0)));
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn to_pixel(share: f32, size: u32) -> u32 {
    (share.clamp(0.0, 1.0) * size as f32) as u32
}

#[expect(clippy::cast_precision_loss)]
fn unit(at: u32, size: u32) -> f32 {
    (at as f32 + 0.5) / size as f32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn pixel(colour: Colour) -> Rgb<u8> {
    Rgb(colour.map(|value| value.clamp(0.0, 255.0).round() as u8))
}

fn mix(from: Colour, to: Colour, t: f32) -> Colour {
    let t = t.clamp(0.0, 1.0);
    std::array::from_fn(|channel| from[channel] + (to[channel] - from[channel]) * t)
}

fn scale(colour: Colour, by: f32, plus: f32) -> Colour {
    colour.map(|value| value * by + plus)
}

/// A number from 0 to 1 that looks random, the same for the same pixel.
#[expect(clippy::cast_precision_loss)]
fn noise(x: u32, y: u32) -> f32 {
    let mut hash = x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77);
    hash = (hash ^ (hash >> 15)).wrapping_mul(0x2C1B_3C6D);
    ((hash ^ (hash >> 12)) & 0xFFFF) as f32 / 65535.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_a_picture_and_always_the_same() {
        let picture = street();
        assert_eq!(picture.dimensions(), SIZE);
        assert!(!crate::imaging::is_blank(&picture));
        assert_eq!(picture, street());
        let [sky, road] = [picture.get_pixel(640, 20), picture.get_pixel(700, 700)];
        assert!(sky[2] > sky[0] + 40, "blue above");
        assert!(road[0].abs_diff(road[2]) < 16, "grey below");
    }

    #[test]
    fn the_icon_is_round_at_the_corners() {
        let icon = icon(64);
        assert_eq!(icon.len(), 64 * 64 * 4);
        assert_eq!(icon[3], 0);
        assert_eq!(icon[(32 * 64 + 32) * 4 + 3], 255);
    }
}
