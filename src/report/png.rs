//! Pixels to PNG bytes in memory.

use crate::error::{Failure, Result};

/// Encodes rows of RGB pixels; the same pixels always give the same bytes.
///
/// # Errors
/// Never, as long as there are as many pixels as width and height say.
pub fn encode(pixels: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>> {
    let failed = |error: png::EncodingError| Failure::bug("a picture cannot be encoded").because(error);
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // Charts are flat: whole rows repeat, which plain deflate finds best.
    encoder.set_filter(png::FilterType::NoFilter);
    encoder.set_compression(png::Compression::Best);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}
