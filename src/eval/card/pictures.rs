//! What expressions know of pictures: their size, and a red outline drawn on them.

use png::{BitDepth, ColorType, Transformations};
use serde_json::{Map, Value};

use super::super::data_folder::DataFolder;
use super::super::media;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Largest picture that is drawn on, in bytes of its pixels.
const LARGEST: usize = 256 << 20;
/// How thick an outline is, in pixels.
const WIDTH: f64 = 3.0;
const RED: [u8; 3] = [255, 0, 0];

/// Width and height of a picture, from the head of its file.
///
/// # Errors
/// In words, where it is no picture of a known format, or too short.
pub fn size(image: &Value, folder: &DataFolder) -> Result<[u32; 2], String> {
    let bytes = media::bytes(image, folder)?;
    head(&bytes).ok_or_else(|| "image_size: no head of a PNG, JPEG, GIF, WEBP or BMP file".to_owned())
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    let part = bytes.get(at..at.checked_add(length)?)?;
    Some(part.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

fn little(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    let part = bytes.get(at..at.checked_add(length)?)?;
    Some(part.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

fn head(bytes: &[u8]) -> Option<[u32; 2]> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some([number(bytes, 16, 4)?, number(bytes, 20, 4)?]),
        [0xff, 0xd8, 0xff, ..] => jpeg(bytes),
        [b'G', b'I', b'F', b'8', ..] => Some([little(bytes, 6, 2)?, little(bytes, 8, 2)?]),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => webp(bytes),
        // The height is negative where lines go from top to bottom.
        [b'B', b'M', ..] => Some([little(bytes, 18, 4)?, little(bytes, 22, 4)?.cast_signed().unsigned_abs()]),
        _ => None,
    }
}

/// The size in the first frame of a JPEG file; segments before it say how long they are.
fn jpeg(bytes: &[u8]) -> Option<[u32; 2]> {
    let mut at = 2;
    loop {
        while bytes.get(at) == Some(&0xff) && bytes.get(at + 1) == Some(&0xff) {
            at += 1;
        }
        if bytes.get(at) != Some(&0xff) {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        let frame = matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
        if frame {
            return Some([number(bytes, at + 7, 2)?, number(bytes, at + 5, 2)?]);
        }
        let alone = matches!(marker, 0x01 | 0xd0..=0xd8);
        at += if alone { 2 } else { 2 + usize::try_from(number(bytes, at + 2, 2)?).ok()? };
    }
}

fn webp(bytes: &[u8]) -> Option<[u32; 2]> {
    match bytes.get(12..16)? {
        b"VP8X" => Some([little(bytes, 24, 3)? + 1, little(bytes, 27, 3)? + 1]),
        b"VP8L" => {
            let packed = little(bytes, 21, 4)?;
            Some([(packed & 0x3fff) + 1, (packed >> 14 & 0x3fff) + 1])
        }
        b"VP8 " => Some([little(bytes, 26, 2)? & 0x3fff, little(bytes, 28, 2)? & 0x3fff]),
        _ => None,
    }
}

/// A picture with a red outline on it: of a box for four numbers (left, top, width, height), of a polygon for more.
///
/// # Errors
/// In words, where it is no PNG file, or the shape is none.
pub fn outlined(image: &Value, shape: &Value, folder: &DataFolder) -> Result<Value, String> {
    let bytes = media::bytes(image, folder)?;
    if !bytes.starts_with(&[0x89, b'P', b'N', b'G']) {
        return Err("outlined: draws on PNG files only".to_owned());
    }
    let corners = corners(shape)
        .ok_or("outlined: the shape must be [left, top, width, height] or a polygon [x, y, x, y, ...]")?;
    let mut picture = Picture::read(&bytes).map_err(|error| format!("outlined: {error}"))?;
    let next = corners.iter().cycle().skip(1);
    for (from, to) in corners.iter().zip(next) {
        picture.line(*from, *to);
    }
    let drawn = picture.written().map_err(|error| format!("outlined: {error}"))?;
    let cell = Value::Object(Map::from_iter([("$bytes".to_owned(), Value::String(STANDARD.encode(drawn)))]));
    Ok(cell)
}

type Point = (f64, f64);

fn corners(shape: &Value) -> Option<Vec<Point>> {
    let list = shape.as_array()?;
    // A polygon may lie in a list of several, of which the first counts.
    if let Some(first @ Value::Array(_)) = list.first() {
        return corners(first);
    }
    let numbers: Vec<f64> = list.iter().map(Value::as_f64).collect::<Option<_>>()?;
    match numbers.as_slice() {
        [x, y, width, height] => Some(vec![(*x, *y), (x + width, *y), (x + width, y + height), (*x, y + height)]),
        more if more.len() >= 6 && more.len() % 2 == 0 => {
            Some(more.chunks_exact(2).filter_map(|at| Some((*at.first()?, *at.get(1)?))).collect())
        }
        _ => None,
    }
}

/// Pixels in rows.
struct Picture {
    width: u32,
    height: u32,
    color: ColorType,
    pixels: Vec<u8>,
}

impl Picture {
    fn read(bytes: &[u8]) -> Result<Self, String> {
        let told = |error: png::DecodingError| error.to_string();
        let mut decoder = png::Decoder::new(bytes);
        // Palettes and grey become colours, 16 bits become 8.
        decoder.set_transformations(Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(told)?;
        let size = reader.output_buffer_size();
        if size > LARGEST {
            return Err(format!("{size} bytes of pixels, more than {LARGEST}"));
        }
        let mut pixels = vec![0; size];
        let info = reader.next_frame(&mut pixels).map_err(told)?;
        pixels.truncate(info.buffer_size());
        let picture = Picture { width: info.width, height: info.height, color: info.color_type, pixels };
        Ok(picture.in_colour())
    }

    fn in_colour(self) -> Self {
        let (color, samples) = match self.color {
            ColorType::Grayscale => (ColorType::Rgb, 1),
            ColorType::GrayscaleAlpha => (ColorType::Rgba, 2),
            _ => return self,
        };
        let wide = |pixel: &[u8]| -> Vec<u8> {
            let grey = pixel.first().copied().unwrap_or_default();
            [grey; 3].into_iter().chain(pixel.get(1).copied()).collect()
        };
        let pixels = self.pixels.chunks_exact(samples).flat_map(wide).collect();
        Picture { color, pixels, ..self }
    }

    fn written(&self) -> Result<Vec<u8>, String> {
        let told = |error: png::EncodingError| error.to_string();
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, self.width, self.height);
        encoder.set_color(self.color);
        encoder.set_depth(BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(told)?;
        writer.write_image_data(&self.pixels).map_err(told)?;
        writer.finish().map_err(told)?;
        Ok(out)
    }

    /// Paints all pixels that are no further than half the width from the line.
    fn line(&mut self, from: Point, to: Point) {
        let (right, bottom) = (f64::from(self.width), f64::from(self.height));
        let half = WIDTH / 2.0;
        let span = |a: f64, b: f64, end: f64| {
            let (low, high) = (a.min(b) - half, a.max(b) + half + 1.0);
            (low.clamp(0.0, end) as u32, high.clamp(0.0, end) as u32)
        };
        let (left, past_right) = span(from.0, to.0, right);
        let (top, past_bottom) = span(from.1, to.1, bottom);
        for y in top..past_bottom {
            for x in left..past_right {
                if distance((f64::from(x), f64::from(y)), from, to) <= half {
                    self.paint(x, y);
                }
            }
        }
    }

    fn paint(&mut self, x: u32, y: u32) {
        let samples = self.color.samples();
        let at = (y as usize * self.width as usize + x as usize) * samples;
        let Some(pixel) = self.pixels.get_mut(at..at + samples) else { return };
        pixel.iter_mut().zip(RED.into_iter().chain([255])).for_each(|(sample, value)| *sample = value);
    }
}

/// How far a point is from a line between two others.
fn distance(point: Point, from: Point, to: Point) -> f64 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx * dx + dy * dy;
    let along = ((point.0 - from.0) * dx + (point.1 - from.1) * dy) / length;
    let along = if length > 0.0 { along.clamp(0.0, 1.0) } else { 0.0 };
    (point.0 - from.0 - along * dx).hypot(point.1 - from.1 - along * dy)
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests say what they need and stop there")]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn grey(width: u32, height: u32) -> Vec<u8> {
        let picture =
            Picture { width, height, color: ColorType::Grayscale, pixels: vec![200; (width * height) as usize] };
        picture.written().expect("a picture")
    }

    fn here() -> DataFolder {
        DataFolder::new(std::path::Path::new("."))
    }

    fn cell(bytes: &[u8]) -> Value {
        json!({"$bytes": STANDARD.encode(bytes)})
    }

    #[test]
    fn heads_tell_sizes() {
        let jpeg = [0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc0, 0, 11, 8, 0, 30, 0, 40, 3];
        let gif = *b"GIF89a\x28\x00\x1e\x00";
        let mut bmp = vec![b'B', b'M'];
        bmp.extend([0; 16]);
        bmp.extend(40_i32.to_le_bytes());
        bmp.extend((-30_i32).to_le_bytes());
        let mut webp = b"RIFF....WEBPVP8X".to_vec();
        webp.extend([10, 0, 0, 0, 0, 0, 0, 0, 39, 0, 0, 29, 0, 0]);
        for bytes in [&grey(40, 30)[..], &jpeg, &gif, &bmp, &webp] {
            assert_eq!(head(bytes), Some([40, 30]), "{bytes:?}");
        }
        assert!(size(&cell(b"text that is no picture"), &here()).is_err());
    }

    #[test]
    fn outlines_are_red_and_the_inside_stays() {
        let drawn = outlined(&cell(&grey(40, 30)), &json!([5, 5, 20, 15]), &here()).expect("drawn");
        let picture = Picture::read(&media::bytes(&drawn, &here()).expect("bytes")).expect("a picture");
        let pixel = |x: usize, y: usize| picture.pixels[(y * 40 + x) * 3..][..3].to_vec();
        assert_eq!(pixel(5, 12), RED);
        assert_eq!(pixel(15, 5), RED);
        assert_eq!(pixel(15, 12), [200; 3]);
        let polygon = outlined(&cell(&grey(9, 9)), &json!([[0, 0, 8, 0, 8, 8]]), &here());
        assert!(polygon.is_ok());
        assert!(outlined(&cell(&grey(9, 9)), &json!([1, 2, 3]), &here()).is_err());
        assert!(outlined(&cell(b"GIF89a______"), &json!([1, 2, 3, 4]), &here()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_size_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..80), kind in 0_usize..5) {
            let starts: [&[u8]; 5] = [b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF0000WEBPVP8 ", b"BM"];
            let mut all = starts[kind].to_vec();
            all.extend(bytes);
            let _ = head(&all);
            let _ = outlined(&cell(&all), &json!([0, 0, 5, 5]), &here());
        }
    }
}
