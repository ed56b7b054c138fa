//! Random images of exact size, and files of images, as addresses that hold their data.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::error::{Failure, Result};
use crate::plan::{Images, Pixel};

/// Most shapes on an image, as in EvalScope.
const SHAPES: u32 = 5;

/// A PNG of the asked size: one to five rectangles and ellipses on a plain ground.
pub(super) fn png(rng: &mut ChaCha8Rng, images: &Images) -> Result<Vec<u8>> {
    let (width, height) = (images.width as usize, images.height as usize);
    let bytes = images.pixel.bytes();
    let ground = colour(rng, bytes);
    let mut pixels: Vec<u8> = ground.iter().copied().cycle().take(width * height * bytes).collect();
    for _ in 0..rng.random_range(1..=SHAPES) {
        let shape = Shape::draw(rng, width, height);
        let paint = colour(rng, bytes);
        shape.paint(&mut pixels, width, &paint);
    }
    let mut out = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut out, images.width, images.height);
    encoder.set_color(match images.pixel {
        Pixel::Rgb => ::png::ColorType::Rgb,
        Pixel::Rgba => ::png::ColorType::Rgba,
        Pixel::Grey => ::png::ColorType::Grayscale,
    });
    encoder.set_depth(::png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels));
    written.map_err(|error| Failure::bug("an image cannot be encoded").because(error))?;
    Ok(out)
}

fn colour(rng: &mut ChaCha8Rng, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|_| rng.random()).collect()
}

/// A filled rectangle or ellipse between two corners, both included.
struct Shape {
    round: bool,
    x: (usize, usize),
    y: (usize, usize),
}

impl Shape {
    fn draw(rng: &mut ChaCha8Rng, width: usize, height: usize) -> Shape {
        let mut span = |size: usize| {
            let (a, b) = (rng.random_range(0..size), rng.random_range(0..size));
            (a.min(b), a.max(b))
        };
        let (x, y) = (span(width), span(height));
        Shape { round: rng.random(), x, y }
    }

    fn paint(&self, pixels: &mut [u8], width: usize, paint: &[u8]) {
        let half = |(low, high): (usize, usize)| ((high - low) as f64 / 2.0 + 0.5, (high + low) as f64 / 2.0);
        let ((a, middle_x), (b, middle_y)) = (half(self.x), half(self.y));
        for row in self.y.0..=self.y.1 {
            for column in self.x.0..=self.x.1 {
                let (dx, dy) = ((column as f64 - middle_x) / a, (row as f64 - middle_y) / b);
                if self.round && dx * dx + dy * dy > 1.0 {
                    continue;
                }
                let at = (row * width + column) * paint.len();
                if let Some(pixel) = pixels.get_mut(at..at + paint.len()) {
                    pixel.copy_from_slice(paint);
                }
            }
        }
    }
}

/// The media type that the first bytes of an image tell.
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xFF, 0xD8, 0xFF, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        [b'B', b'M', ..] => Some("image/bmp"),
        _ => None,
    }
}

/// The image as an address that holds it.
pub fn data_uri(media: &str, bytes: &[u8]) -> String {
    format!("data:{media};base64,{}", STANDARD.encode(bytes))
}

/// A part of a chat message that holds an image.
pub(super) fn part(uri: String) -> serde_json::Value {
    serde_json::json!({"type": "image_url", "image_url": {"url": uri}})
}

#[cfg(test)]
mod tests {
    use super::super::rng::{Purpose, stream};
    use super::super::testing::TestResult;
    use super::*;

    #[test]
    fn images_have_the_asked_size_and_form() -> TestResult {
        for (_, pixel) in Pixel::ALL {
            for (width, height) in [(1, 1), (224, 224), (37, 512)] {
                let images = Images { width, height, count: 1, pixel };
                let bytes = png(&mut stream(1, Purpose::Image, 0), &images)?;
                let mut reader = ::png::Decoder::new(bytes.as_slice()).read_info()?;
                let mut pixels = vec![0; reader.output_buffer_size()];
                let frame = reader.next_frame(&mut pixels)?;
                assert_eq!((frame.width, frame.height), (width, height));
                assert_eq!(frame.buffer_size(), width as usize * height as usize * pixel.bytes());
                assert_eq!(media_type(&bytes), Some("image/png"));
            }
        }
        Ok(())
    }

    #[test]
    fn an_image_depends_on_seed_and_number_alone() -> TestResult {
        let images = Images { width: 40, height: 30, count: 1, pixel: Pixel::Rgb };
        let draw = |item| png(&mut stream(1, Purpose::Image, item), &images);
        assert_eq!(draw(4)?, draw(4)?);
        assert_ne!(draw(4)?, draw(5)?);
        Ok(())
    }
}
