//! Pictures made smaller, where their files are larger than may be sent.

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, Rgb, RgbImage};
use serde_json::{Value, json};

use crate::workload::data_uri;

/// Qualities of JPEG that are tried before a picture gets fewer pixels.
const QUALITIES: [u8; 3] = [90, 80, 70];

/// What was done to pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Those that were made smaller.
    pub shrunk: u64,
    /// Those that are somewhere else, so that their size is not known.
    pub elsewhere: u64,
}

impl Count {
    /// Both together.
    pub fn add(&mut self, other: Count) {
        self.shrunk += other.shrunk;
        self.elsewhere += other.elsewhere;
    }

    /// What a reader of the results should know.
    pub fn notice(self, name: &str, most: Option<u64>) -> Option<String> {
        let most = most?;
        let mut told = Vec::new();
        if self.shrunk > 0 {
            told.push(format!("{} pictures were made smaller, as JPEG of at most {most} bytes", self.shrunk));
        }
        if self.elsewhere > 0 {
            told.push(format!("{} pictures are sent by their address, whatever their size", self.elsewhere));
        }
        (!told.is_empty()).then(|| format!("{name}: max_image_bytes: {}", told.join("; ")))
    }
}

/// Makes pictures in messages smaller whose files have more than `most` bytes: JPEG of lower quality first, then fewer pixels.
///
/// # Errors
/// In words, when a picture is larger and cannot be read, or cannot become so small.
pub fn fit(messages: &mut [Value], most: u64) -> Result<Count, String> {
    let mut count = Count::default();
    let parts = messages.iter_mut().filter_map(|message| message["content"].as_array_mut()).flatten();
    for part in parts.filter(|part| part["type"] == "image_url") {
        let Some(address) = part["image_url"]["url"].as_str() else { continue };
        let Some((_, data)) = address.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) else {
            count.elsewhere += 1;
            continue;
        };
        let bytes = STANDARD.decode(data.trim()).map_err(|error| format!("max_image_bytes: no base64: {error}"))?;
        if bytes.len() as u64 > most {
            let small = smaller(&bytes, most).map_err(|why| format!("max_image_bytes {most}: {why}"))?;
            part["image_url"]["url"] = json!(data_uri("image/jpeg", &small));
            count.shrunk += 1;
        }
    }
    Ok(count)
}

fn smaller(bytes: &[u8], most: u64) -> Result<Vec<u8>, String> {
    let picture = image::load_from_memory(bytes).map_err(|error| {
        format!("a picture of {} bytes can only be made smaller as PNG or JPEG: {error}", bytes.len())
    })?;
    let mut picture = DynamicImage::ImageRgb8(opaque(picture));
    loop {
        let mut least = u64::MAX;
        for quality in QUALITIES {
            let made = encoded(&picture, quality)?;
            least = made.len() as u64;
            if least <= most {
                return Ok(made);
            }
        }
        let (width, height) = (picture.width(), picture.height());
        if width == 1 && height == 1 {
            return Err(format!("a picture of one pixel has {least} bytes"));
        }
        // Bytes go roughly with the area, and each round takes off at least a tenth.
        let scale = (most as f64 / least as f64).sqrt().min(0.9);
        let side = |length: u32| ((f64::from(length) * scale) as u32).max(1);
        picture = picture.resize_exact(side(width), side(height), FilterType::Triangle);
    }
}

fn encoded(picture: &DynamicImage, quality: u8) -> Result<Vec<u8>, String> {
    let mut out = Cursor::new(Vec::new());
    picture
        .write_with_encoder(JpegEncoder::new_with_quality(&mut out, quality))
        .map_err(|error| format!("a picture cannot be written: {error}"))?;
    Ok(out.into_inner())
}

/// JPEG knows no transparency: what shines through is white.
fn opaque(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let pixels = picture.into_rgba8();
    RgbImage::from_fn(pixels.width(), pixels.height(), |x, y| {
        let [red, green, blue, alpha] = pixels.get_pixel(x, y).0;
        let mixed = |own: u8| ((u16::from(own) * u16::from(alpha) + 255 * (255 - u16::from(alpha))) / 255) as u8;
        Rgb([mixed(red), mixed(green), mixed(blue)])
    })
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests say what they need and stop there")]
mod tests {
    use image::{ImageOutputFormat, RgbaImage};

    use super::*;

    /// A picture that does not compress well.
    fn noisy(side: u32) -> Vec<u8> {
        let pixel = |x: u32, y: u32| {
            let mixed = (x * 2_654_435_761).wrapping_add(y * 40_503) ^ (x * y * 97);
            image::Rgba([mixed as u8, (mixed >> 8) as u8, (mixed >> 16) as u8, 255])
        };
        let mut out = Cursor::new(Vec::new());
        RgbaImage::from_fn(side, side, pixel).write_to(&mut out, ImageOutputFormat::Png).expect("a picture");
        out.into_inner()
    }

    fn asked(bytes: &[u8]) -> Vec<Value> {
        let part = |url: String| json!({"type": "image_url", "image_url": {"url": url}});
        let text = json!({"type": "text", "text": "What is it?"});
        let content = json!([part(data_uri("image/png", bytes)), part("https://h/a.png".to_owned()), text]);
        vec![json!({"role": "system", "content": "Look."}), json!({"role": "user", "content": content})]
    }

    fn sent(messages: &[Value]) -> Vec<u8> {
        let url = messages[1]["content"][0]["image_url"]["url"].as_str().expect("an address");
        STANDARD.decode(url.split_once(";base64,").expect("data").1).expect("base64")
    }

    #[test]
    fn large_pictures_become_small_enough_and_small_ones_stay() {
        let bytes = noisy(120);
        let mut messages = asked(&bytes);
        let before = messages.clone();
        assert_eq!(fit(&mut messages, bytes.len() as u64), Ok(Count { shrunk: 0, elsewhere: 1 }));
        assert_eq!(messages, before);
        for most in [20_000, 5_000, 1_200] {
            let mut messages = asked(&bytes);
            assert_eq!(fit(&mut messages, most), Ok(Count { shrunk: 1, elsewhere: 1 }));
            let small = sent(&messages);
            assert!(small.len() as u64 <= most, "{} of {most}", small.len());
            let picture = image::load_from_memory(&small).expect("a picture");
            assert_eq!(picture.width(), picture.height());
            assert!(messages[1]["content"][1] == before[1]["content"][1] && messages[0] == before[0]);
        }
    }

    #[test]
    fn what_cannot_be_made_smaller_is_refused() {
        assert!(fit(&mut asked(&noisy(50)), 10).is_err_and(|why| why.contains("one pixel")));
        let gif = b"GIF89a\x01\x00\x01\x00 and more that is no picture";
        assert!(fit(&mut asked(gif), 10).is_err_and(|why| why.contains("PNG or JPEG")));
    }

    #[test]
    fn what_shines_through_is_white() {
        let clear = RgbaImage::from_fn(2, 1, |x, _| image::Rgba([0, 0, 0, if x == 0 { 0 } else { 255 }]));
        let made = opaque(DynamicImage::ImageRgba8(clear));
        assert_eq!((made.get_pixel(0, 0).0, made.get_pixel(1, 0).0), ([255; 3], [0; 3]));
    }

    #[test]
    fn counts_are_told() {
        assert_eq!(Count::default().notice("x", Some(5)), None);
        let told = Count { shrunk: 2, elsewhere: 1 }.notice("x", Some(5)).expect("a notice");
        assert!(told.contains("2 pictures were made smaller") && told.contains("1 pictures are sent"), "{told}");
    }
}
