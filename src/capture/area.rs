//! Rectangles of the virtual desktop, and the arithmetic of cutting frames along them.

use image::RgbImage;
use image::imageops;
use serde::Serialize;

/// A rectangle of the virtual desktop, in physical pixels.
///
/// The primary monitor begins at (0, 0); a monitor to its left or above it has a negative origin
/// (on X11 the whole desktop begins at (0, 0)). One unit is one pixel of a frame, whatever the
/// scaling of the monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Area {
    /// Left edge.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Width; the pixel column `x + width` is the first one outside.
    pub width: u32,
    /// Height; the pixel row `y + height` is the first one outside.
    pub height: u32,
}

impl Area {
    /// The rectangle with this top left corner and size.
    pub const fn new(x: i32, y: i32, width: u32, height: u32) -> Self {
        Self { x, y, width, height }
    }

    /// Whether no pixel lies inside.
    pub const fn is_empty(&self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// The first column to the right of the rectangle.
    fn right(&self) -> i64 {
        i64::from(self.x) + i64::from(self.width)
    }

    /// The first row below the rectangle.
    fn bottom(&self) -> i64 {
        i64::from(self.y) + i64::from(self.height)
    }

    /// What both rectangles cover, or `None` where they only touch or lie apart.
    pub fn intersect(&self, other: &Area) -> Option<Area> {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let width = self.right().min(other.right()) - i64::from(x);
        let height = self.bottom().min(other.bottom()) - i64::from(y);
        let area = Area { x, y, width: u32::try_from(width).ok()?, height: u32::try_from(height).ok()? };
        (!area.is_empty()).then_some(area)
    }

    /// The smallest rectangle around all of `areas`; `None` when all are empty.
    pub fn around(areas: impl IntoIterator<Item = Area>) -> Option<Area> {
        areas.into_iter().filter(|area| !area.is_empty()).reduce(|a, b| {
            let (x, y) = (a.x.min(b.x), a.y.min(b.y));
            let side = |end: i64, start: i32| u32::try_from(end - i64::from(start)).unwrap_or(u32::MAX);
            Area::new(x, y, side(a.right().max(b.right()), x), side(a.bottom().max(b.bottom()), y))
        })
    }

    /// The left and top edges of `inner` as seen from this rectangle; `inner` must lie inside it.
    fn offset_of(&self, inner: &Area) -> (u32, u32) {
        (inner.x.abs_diff(self.x), inner.y.abs_diff(self.y))
    }
}

/// Cuts `region` out of the frames of several monitors, each given with its top left corner.
///
/// A frame counts with the size it has, not with the size the monitor had when it was listed. The
/// part of the region outside the desktop is cut off; a gap between monitors of different heights
/// stays black. `None` when no frame reaches into the region.
pub fn stitch(region: Area, frames: &[((i32, i32), RgbImage)]) -> Option<RgbImage> {
    let area = |((x, y), frame): &((i32, i32), RgbImage)| Area::new(*x, *y, frame.width(), frame.height());
    let visible = Area::around(frames.iter().filter_map(|placed| area(placed).intersect(&region)))?;
    let mut picture = RgbImage::new(visible.width, visible.height);
    for placed in frames {
        let whole = area(placed);
        let Some(part) = whole.intersect(&visible) else { continue };
        let (left, top) = whole.offset_of(&part);
        let cut = imageops::crop_imm(&placed.1, left, top, part.width, part.height);
        let (left, top) = visible.offset_of(&part);
        imageops::replace(&mut picture, &*cut, i64::from(left), i64::from(top));
    }
    Some(picture)
}

/// Places monitors that a system describes in scaled units ("points" on macOS) on a desktop of
/// physical pixels: each as large as its frames, none over another.
///
/// `monitors` holds each rectangle in scaled units with its pixels per unit. Origins are
/// multiplied by the largest scale, sizes by the monitor's own; as no size grows by more than
/// that, monitors that lay apart stay apart, and with one scale for all the result is exact.
pub fn physical(monitors: &[(Area, f64)]) -> Vec<Area> {
    let largest = monitors.iter().map(|(_, scale)| *scale).fold(1.0, f64::max);
    monitors.iter().map(|(area, scale)| scaled(area, largest, *scale)).collect()
}

/// `area` with its origin and its size multiplied.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, which is right for sizes"
)]
fn scaled(area: &Area, origin: f64, size: f64) -> Area {
    let place = |value: i32| (f64::from(value) * origin).round() as i32;
    let length = |value: u32| (f64::from(value) * size).round() as u32;
    Area::new(place(area.x), place(area.y), length(area.width), length(area.height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_intersect() {
        let check = |a: Area, b: Area, expected: Option<Area>| {
            assert_eq!(a.intersect(&b), expected, "{a:?} and {b:?}");
            assert_eq!(b.intersect(&a), expected, "{b:?} and {a:?}");
        };
        let screen = Area::new(0, 0, 100, 80);
        check(screen, screen, Some(screen));
        check(screen, Area::new(-10, -10, 20, 20), Some(Area::new(0, 0, 10, 10)));
        check(screen, Area::new(90, 70, 20, 20), Some(Area::new(90, 70, 10, 10)));
        check(screen, Area::new(100, 0, 5, 5), None);
        check(screen, Area::new(5, 5, 0, 9), None);
        check(screen, Area::new(i32::MAX, i32::MAX, u32::MAX, u32::MAX), None);
        check(
            Area::new(i32::MIN, i32::MIN, u32::MAX, u32::MAX),
            Area::new(-5, -5, 3, 3),
            Some(Area::new(-5, -5, 3, 3)),
        );
    }

    #[test]
    fn the_rectangle_around_areas_skips_empty_ones() {
        assert_eq!(Area::around([]), None);
        assert_eq!(Area::around([Area::new(9, 9, 0, 5)]), None);
        let both =
            [Area::new(-1920, -200, 1920, 1080), Area::new(9999, 0, 0, 0), Area::new(0, 0, 2560, 1440)];
        assert_eq!(Area::around(both), Some(Area::new(-1920, -200, 4480, 1640)));
    }

    #[test]
    fn scaled_monitors_become_physical_without_overlap() {
        let check = |monitors: &[(Area, f64)], expected: &[Area]| {
            let placed = physical(monitors);
            assert_eq!(placed, expected, "{monitors:?}");
            for (i, a) in placed.iter().enumerate() {
                assert!(placed[i + 1..].iter().all(|b| a.intersect(b).is_none()), "{placed:?}");
            }
        };
        check(&[], &[]);
        check(&[(Area::new(0, 0, 1920, 1080), 1.0)], &[Area::new(0, 0, 1920, 1080)]);
        check(
            &[(Area::new(0, 0, 1280, 720), 1.5), (Area::new(-1280, -100, 1280, 720), 1.5)],
            &[Area::new(0, 0, 1920, 1080), Area::new(-1920, -150, 1920, 1080)],
        );
        check(
            &[(Area::new(0, 0, 1440, 900), 2.0), (Area::new(1440, 0, 1920, 1080), 1.0)],
            &[Area::new(0, 0, 2880, 1800), Area::new(2880, 0, 1920, 1080)],
        );
    }
}
