//! Draws a street of 1920 × 1080 pixels and saves it as a JPEG: the picture that `cargo xtask bench` times.

#[path = "../tests/common/mod.rs"]
mod common;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("give the path of the JPEG to write")?;
    let file = std::io::BufWriter::new(std::fs::File::create(path)?);
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(file, 90);
    common::street(1920, 1080, 0).write_with_encoder(encoder)?;
    Ok(())
}
