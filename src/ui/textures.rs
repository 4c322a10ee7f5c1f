//! Pictures and flags as textures, made on a thread of their own: the window only uploads them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use egui::{ColorImage, Context, TextureFilter, TextureHandle, TextureOptions};
use image::RgbImage;
use twemoji_assets::png::PngTwemojiAsset;

use crate::base::guard;

/// Longest side of a small picture (strip, lists), in pixels.
const SMALL_SIDE: u32 = 256;
/// A texture that was not drawn for as many passes is let go.
const KEPT_PASSES: u64 = 8;

/// How large a picture is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Size {
    /// As it is.
    Full,
    /// At most 256 pixels.
    Small,
}

/// What a texture is of. Pictures are told apart by where they lie in memory; the picture is held as long as
/// its texture, so that the place is not given to another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Picture(usize, Size),
    File(PathBuf),
    Flag(String),
}

enum Source {
    Picture(Arc<RgbImage>, Size),
    File(PathBuf),
    Flag(String),
}

struct Kept {
    texture: TextureHandle,
    _held: Option<Arc<RgbImage>>,
    used: u64,
}

/// All textures of the window.
pub struct Textures {
    kept: HashMap<Key, Kept>,
    asked: HashSet<Key>,
    wanted: Sender<(Key, Source)>,
    made: Receiver<(Key, Option<Arc<RgbImage>>, Option<TextureHandle>)>,
    pass: u64,
}

impl Textures {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(ctx: &Context) -> std::io::Result<Self> {
        let (wanted, asks) = channel::<(Key, Source)>();
        let (done, made) = channel();
        let ctx = ctx.clone();
        std::thread::Builder::new().name("textures".into()).spawn(move || {
            for (key, source) in asks {
                // What panics is not drawn, as what cannot be read; the pictures after it are.
                let image = guard::attempt(|| match &source {
                    Source::Picture(picture, size) => Some(convert(picture, *size)),
                    Source::File(path) => file_image(path),
                    Source::Flag(code) => flag_image(code),
                });
                let image = image.ok().flatten();
                let held = match source {
                    Source::Picture(picture, _) => Some(picture),
                    Source::File(_) | Source::Flag(_) => None,
                };
                let texture = image.map(|image| ctx.load_texture("picture", image, OPTIONS));
                if done.send((key, held, texture)).is_err() {
                    return;
                }
                ctx.request_repaint();
            }
        })?;
        Ok(Self { kept: HashMap::new(), asked: HashSet::new(), wanted, made, pass: 0 })
    }

    /// Takes in what was made and lets go of what is not drawn any more. Once a pass.
    pub fn turn(&mut self) {
        self.pass += 1;
        while let Ok((key, held, texture)) = self.made.try_recv() {
            // What cannot be made stays asked for, so that it is not tried again in every pass.
            if texture.is_some() {
                self.asked.remove(&key);
            }
            if let Some(texture) = texture {
                self.kept.insert(key, Kept { texture, _held: held, used: self.pass });
            }
        }
        let pass = self.pass;
        // Flags are few and small.
        self.kept.retain(|key, kept| matches!(key, Key::Flag(_)) || kept.used + KEPT_PASSES >= pass);
    }

    /// The texture of a picture; none until it is made, which asks for a repaint by itself.
    pub fn picture(&mut self, picture: &Arc<RgbImage>, size: Size) -> Option<TextureHandle> {
        let key = Key::Picture(Arc::as_ptr(picture) as usize, size);
        self.get(key, || Source::Picture(Arc::clone(picture), size))
    }

    /// A small picture of a file; none until it is made, or where it cannot be read.
    pub fn file(&mut self, path: &Path) -> Option<TextureHandle> {
        self.get(Key::File(path.to_owned()), || Source::File(path.to_owned()))
    }

    /// The flag of a country by its ISO alpha-2 code; none until it is made, or where there is none.
    pub fn flag(&mut self, code: &str) -> Option<TextureHandle> {
        self.get(Key::Flag(code.to_owned()), || Source::Flag(code.to_owned()))
    }

    fn get(&mut self, key: Key, source: impl FnOnce() -> Source) -> Option<TextureHandle> {
        if let Some(kept) = self.kept.get_mut(&key) {
            kept.used = self.pass;
            return Some(kept.texture.clone());
        }
        if self.asked.insert(key.clone()) {
            // The thread ends only with this value.
            let _ = self.wanted.send((key, source()));
        }
        None
    }
}

const OPTIONS: TextureOptions = TextureOptions {
    magnification: TextureFilter::Linear,
    minification: TextureFilter::Linear,
    wrap_mode: egui::TextureWrapMode::ClampToEdge,
    mipmap_mode: Some(TextureFilter::Linear),
};

fn convert(picture: &RgbImage, size: Size) -> ColorImage {
    let small;
    let shown = match size {
        Size::Full => picture,
        Size::Small => {
            small = crate::capture::thumbnail(picture, SMALL_SIDE);
            &small
        }
    };
    ColorImage::from_rgb([shown.width() as usize, shown.height() as usize], shown.as_raw())
}

/// The picture in a file, small, within the usual limits.
fn file_image(path: &Path) -> Option<ColorImage> {
    let picture = crate::imaging::Picture::open(path, &crate::imaging::Limits::default()).ok()?;
    Some(convert(&picture.pixels, Size::Small))
}

/// The flag drawn by Twemoji (CC-BY 4.0), 72 × 72 pixels, cut to its visible part.
fn flag_image(code: &str) -> Option<ColorImage> {
    let letters: Option<String> = code
        .bytes()
        .map(|letter| match letter {
            b'A'..=b'Z' => char::from_u32(0x1F1E6 + u32::from(letter - b'A')),
            _ => None,
        })
        .collect();
    let png = PngTwemojiAsset::from_emoji(&letters?)?;
    let drawn = image::load_from_memory_with_format(png, image::ImageFormat::Png).ok()?.into_rgba8();
    let visible = image::imageops::crop_imm(&drawn, FLAG[0], FLAG[1], FLAG[2], FLAG[3]).to_image();
    let size = [visible.width() as usize, visible.height() as usize];
    Some(ColorImage::from_rgba_unmultiplied(size, visible.as_raw()))
}

/// The part of a Twemoji square that a flag fills: left, top, width, height.
const FLAG: [u32; 4] = [0, 10, 72, 52];

/// Width of a flag over its height.
#[expect(clippy::cast_precision_loss)]
pub const FLAG_ASPECT: f32 = FLAG[2] as f32 / FLAG[3] as f32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_has_a_flag_that_fills_its_part() {
        for code in ["AU", "NZ", "ZA", "GB", "US", "BR", "JP", "NP", "CH"] {
            let flag = flag_image(code).unwrap_or_else(|| panic!("no flag for {code}"));
            assert_eq!(flag.size, [72, 52], "{code}");
            let opaque = flag.pixels.iter().filter(|pixel| pixel.a() > 200).count();
            assert!(opaque * 4 > flag.pixels.len(), "{code}: mostly empty");
        }
        assert!(flag_image("QQ").is_none());
        assert!(flag_image("au").is_none());
    }

    #[test]
    fn a_small_picture_is_small() {
        let picture = RgbImage::new(1600, 900);
        assert_eq!(convert(&picture, Size::Small).size, [256, 144]);
        assert_eq!(convert(&picture, Size::Full).size, [1600, 900]);
    }
}
