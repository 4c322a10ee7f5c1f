//! From what an X server sends to red, green and blue.

use image::RgbImage;
use x11rb::connection::Connection;
use x11rb::errors::ParseError;
use x11rb::image::{BitsPerPixel, Image, ImageOrder, PixelLayout};
use x11rb::protocol::xproto::{ConnectionExt as _, Drawable, ImageFormat, Setup, Visualid, Visualtype};
use x11rb::rust_connection::RustConnection;

use super::x11_fault::Fault;

/// The rectangle of a drawable to read; its size is at least one pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rectangle {
    pub x: i16,
    pub y: i16,
    pub width: u16,
    pub height: u16,
}

/// Reads a rectangle of a drawable whose pixels have the layout of `visual`.
///
/// The whole rectangle is one `GetImage`: the server takes it at one moment, so no frame is torn,
/// and a reply may have 16 GB. (Only requests have a small limit, and this one has 20 bytes.)
pub(super) fn read(
    connection: &RustConnection,
    drawable: Drawable,
    part: Rectangle,
    visual: Visualid,
) -> Result<RgbImage, Fault> {
    let Rectangle { x, y, width, height } = part;
    let every_plane = u32::MAX;
    let reply =
        connection.get_image(ImageFormat::Z_PIXMAP, drawable, x, y, width, height, every_plane)?.reply()?;
    let setup = connection.setup();
    let visual = find_visual(setup, visual).ok_or(ParseError::InvalidValue)?;
    let image = Image::get_from_reply(setup, width, height, reply)?;
    Ok(to_rgb(&image, visual)?)
}

fn find_visual(setup: &Setup, id: Visualid) -> Option<Visualtype> {
    let depths = setup.roots.iter().flat_map(|screen| &screen.allowed_depths);
    depths.flat_map(|depth| &depth.visuals).find(|visual| visual.visual_id == id).copied()
}

/// Converts an image of any depth, bits per pixel and byte order by the colour masks of its visual.
///
/// The alpha of a visual with 32 bits is left out: what lies below a translucent window is not
/// part of it. Palettes (visuals that are not `TrueColor` or `DirectColor`) are an error.
fn to_rgb(image: &Image<'_>, visual: Visualtype) -> Result<RgbImage, ParseError> {
    let layout = PixelLayout::from_visual_type(visual)?;
    let (width, height) = (u32::from(image.width()), u32::from(image.height()));
    let common = image.bits_per_pixel() == BitsPerPixel::B32
        && image.byte_order() == ImageOrder::LsbFirst
        && (visual.red_mask, visual.green_mask, visual.blue_mask) == (0x00ff_0000, 0x0000_ff00, 0x0000_00ff);
    let levels = if common { blue_green_red(image.data()) } else { by_masks(image, layout) };
    RgbImage::from_raw(width, height, levels).ok_or(ParseError::InsufficientData)
}

/// The layout of nearly every screen: bytes blue, green, red, unused, without padding.
fn blue_green_red(data: &[u8]) -> Vec<u8> {
    let (pixels, _) = data.as_chunks::<4>();
    let mut levels = vec![0; pixels.len() * 3];
    for (level, &[blue, green, red, _]) in levels.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
        *level = [red, green, blue];
    }
    levels
}

/// Any layout, pixel by pixel.
fn by_masks(image: &Image<'_>, layout: PixelLayout) -> Vec<u8> {
    // `decode` stretches a component to 16 bits; its upper half is the level of 8 bits.
    let level = |component: u16| component.to_be_bytes()[0];
    let mut levels = Vec::with_capacity(usize::from(image.width()) * usize::from(image.height()) * 3);
    for y in 0..image.height() {
        for x in 0..image.width() {
            let (red, green, blue) = layout.decode(image.get_pixel(x, y));
            levels.extend([level(red), level(green), level(blue)]);
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use x11rb::image::ScanlinePad;
    use x11rb::protocol::xproto::VisualClass;

    use super::*;

    /// Reads 3 × 2 pixels (red, green, blue; white, a dark mix, black) laid out in some way.
    fn check(bits: BitsPerPixel, depth: u8, order: ImageOrder, masks: [u32; 3], tolerance: u8) {
        let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [16, 130, 66], [0, 0, 0]];
        let [red_mask, green_mask, blue_mask] = masks;
        let visual = Visualtype {
            visual_id: 1,
            class: VisualClass::TRUE_COLOR,
            bits_per_rgb_value: 8,
            colormap_entries: 256,
            red_mask,
            green_mask,
            blue_mask,
        };
        let layout = PixelLayout::from_visual_type(visual).unwrap();
        let mut image = Image::allocate(3, 2, ScanlinePad::Pad32, depth, bits, order);
        for (index, colour) in (0_u16..).zip(colours) {
            let [red, green, blue] = colour.map(|level: u8| u16::from(level) * 257);
            image.put_pixel(index % 3, index / 3, layout.encode((red, green, blue)));
        }
        let rgb = to_rgb(&image, visual).unwrap();
        for (pixel, colour) in rgb.pixels().zip(colours) {
            let near = pixel.0.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= tolerance);
            assert!(near, "{:?} is not {colour:?} in {bits:?} {order:?} {masks:x?}", pixel.0);
        }
    }

    #[test]
    fn every_layout_of_pixels_gives_the_same_picture() {
        let rgb = [0x00ff_0000, 0xff00, 0xff];
        for order in [ImageOrder::LsbFirst, ImageOrder::MsbFirst] {
            check(BitsPerPixel::B32, 24, order, rgb, 0);
            check(BitsPerPixel::B32, 32, order, rgb, 0);
            check(BitsPerPixel::B32, 24, order, [0xff, 0xff00, 0x00ff_0000], 0);
            check(BitsPerPixel::B24, 24, order, rgb, 0);
            check(BitsPerPixel::B32, 30, order, [0x3ff0_0000, 0x000f_fc00, 0x3ff], 1);
            check(BitsPerPixel::B16, 16, order, [0xf800, 0x07e0, 0x001f], 8);
        }
    }

    #[test]
    fn a_palette_is_refused() {
        let image = Image::allocate(1, 1, ScanlinePad::Pad32, 8, BitsPerPixel::B8, ImageOrder::LsbFirst);
        let visual = Visualtype {
            class: VisualClass::PSEUDO_COLOR,
            visual_id: 1,
            bits_per_rgb_value: 8,
            colormap_entries: 256,
            red_mask: 0,
            green_mask: 0,
            blue_mask: 0,
        };
        assert!(to_rgb(&image, visual).is_err());
    }
}
