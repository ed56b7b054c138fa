//! Images with a text: from rows of a file, or the images of a folder.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::images::{data_uri, media_type, part};
use super::lines::Place;
use super::remarks::{Reason, Remarks};
use super::{Source, messages};
use crate::error::{Failure, Result};
use crate::plan::dataset::Set;
use crate::prompt::{Content, Conversation, Prompt};
use crate::table::{file_below, read_at_most};

/// What is asked of an image that has no text.
const DESCRIBE: &str = "Describe this image in detail.";
/// Largest image file that is sent.
const LARGEST: u64 = 64 << 20;
/// Endings of image files.
const ENDINGS: [&str; 7] = ["png", "jpg", "jpeg", "gif", "webp", "bmp", "PNG"];
/// Fields of a row that hold the text, in the order they are looked for.
const TEXTS: [&str; 6] = ["instruction", "txt", "caption", "text", "question", "prompt"];
/// Fields that hold the image.
const IMAGES: [&str; 4] = ["image", "jpg", "png", "image_path"];

/// Rows with images, whose files are looked for in one folder and nowhere else.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pictures {
    folder: PathBuf,
    /// Rows have images of their own names, and marks in the text where each belongs.
    several: bool,
}

impl Pictures {
    /// Rows of the dataset, in a file.
    pub(super) fn new(set: Set, path: &Path) -> Self {
        let folder = if path.is_dir() { Some(path) } else { path.parent() };
        Pictures { folder: folder.unwrap_or(Path::new(".")).to_owned(), several: set == Set::MmmuMultiImage }
    }

    /// The prompt of a row; the reason where it has nothing to send.
    pub(super) fn prompt(&self, row: Value, place: Place<'_>) -> Result<std::result::Result<Conversation, Reason>> {
        let Value::Object(row) = row else { return Err(place.refuse("must be a JSON object with an image")) };
        let text = TEXTS.iter().find_map(|name| row.get(*name).and_then(Value::as_str)).unwrap_or(DESCRIBE);
        let parts = if self.several {
            match self.interleaved(&row, text, place)? {
                Some(parts) => parts,
                None => return Ok(Err(Reason::Brief)),
            }
        } else {
            let found = IMAGES.iter().find_map(|name| row.get(*name).filter(|value| !value.is_null()));
            let image = found.ok_or_else(|| {
                place.refuse("has no image").hint(format!("the image stands in one of: {}", IMAGES.join(", ")))
            })?;
            vec![json!({"type": "text", "text": text}), part(self.uri(image, place)?)]
        };
        let content = Content::Messages(vec![json!({"role": "user", "content": parts})]);
        Ok(Ok(Prompt::new(content).into()))
    }

    /// The text with each image where its mark `<image n>` stands; `None` for a row with fewer than two images.
    fn interleaved(&self, row: &Map<String, Value>, text: &str, place: Place<'_>) -> Result<Option<Vec<Value>>> {
        let image = |number: usize| row.get(&format!("image_{number}")).filter(|value| !value.is_null());
        if (1..=7).filter(|number| image(*number).is_some()).count() < 2 {
            return Ok(None);
        }
        let mut whole = text.to_owned();
        for (letter, option) in ('A'..='Z').zip(options(row.get("options"))) {
            whole.push_str(&format!("\n{letter}. {option}"));
        }
        let mut parts = Vec::new();
        let mut rest = whole.as_str();
        while let Some((before, number, after)) = mark(rest) {
            let Some(value) = image(number) else {
                return Err(place.refuse(format_args!("the text names image {number}, which the row does not have")));
            };
            if !before.trim().is_empty() {
                parts.push(json!({"type": "text", "text": before}));
            }
            parts.push(part(self.uri(value, place)?));
            rest = after;
        }
        if !rest.trim().is_empty() {
            parts.push(json!({"type": "text", "text": rest}));
        }
        Ok(Some(parts))
    }

    /// An image as an address that holds it: from a file of the folder, from bytes, or as it stands.
    fn uri(&self, value: &Value, place: Place<'_>) -> Result<String> {
        let bytes = match value {
            Value::String(text)
                if ["data:image/", "https://", "http://"].iter().any(|start| text.starts_with(start)) =>
            {
                return Ok(text.clone());
            }
            Value::String(path) => self.file(path, place)?,
            other => {
                let text = encoded(other)
                    .ok_or_else(|| place.refuse("an image must be a path, an address, or an object with `bytes`"))?;
                STANDARD.decode(text).map_err(|error| place.refuse("the bytes are not base64").because(error))?
            }
        };
        let media = media_type(&bytes).ok_or_else(|| place.refuse("is no image of a known format"))?;
        Ok(data_uri(media, &bytes))
    }

    /// The bytes of a file of the folder. A path that leads out of it is refused.
    fn file(&self, path: &str, place: Place<'_>) -> Result<Vec<u8>> {
        file_below(&self.folder, path, LARGEST).map_err(|why| place.refuse(why))
    }
}

/// The base64 text of an image cell, as tables have it: an object with `bytes`, or bytes alone.
fn encoded(value: &Value) -> Option<&str> {
    let fields = value.as_object()?;
    if let Some(inner) = fields.get("bytes") {
        return inner.as_str().or_else(|| encoded(inner));
    }
    match fields.values().collect::<Vec<_>>().as_slice() {
        [Value::String(text)] => Some(text),
        _ => None,
    }
}

/// Choices, as a list or as the text of one.
fn options(value: Option<&Value>) -> Vec<String> {
    let list = match value {
        Some(Value::Array(list)) => list.clone(),
        Some(Value::String(text)) => {
            serde_json::from_str(text).or_else(|_| serde_json::from_str(&text.replace('\'', "\""))).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The first mark `<image n>` of a text, with what stands before and after it.
fn mark(text: &str) -> Option<(&str, usize, &str)> {
    let (before, rest) = text.split_once("<image ")?;
    let (number, after) = rest.split_once('>')?;
    Some((before, number.trim().parse().ok()?, after))
}

/// The images of a folder in the order of their names, each with the text of the file beside it: `a.jpg` and `a.txt`.
pub(super) struct Folder {
    files: Vec<PathBuf>,
}

impl Folder {
    /// Lists a folder; `None` where it holds no images.
    pub(super) fn of(path: &Path) -> Result<Option<Self>> {
        let entries = std::fs::read_dir(path).map_err(|error| {
            Failure::files(format!("--dataset-path {}: cannot be read", path.display())).because(error)
        })?;
        let image = |path: &PathBuf| {
            path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
        };
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(image).collect();
        files.sort();
        Ok((!files.is_empty()).then_some(Folder { files }))
    }

    fn item(&self, path: &Path) -> Result<Conversation> {
        let refuse = |why: &str| Failure::usage(format!("{}: {why}", path.display()));
        let bytes = read_at_most(path, LARGEST)
            .map_err(|error| Failure::files(format!("{}: cannot be read", path.display())).because(error))?;
        let media = media_type(&bytes).ok_or_else(|| refuse("is no image of a known format"))?;
        let text = std::fs::read_to_string(path.with_extension("txt")).unwrap_or_else(|_| DESCRIBE.to_owned());
        let parts = [json!({"type": "text", "text": text.trim()}), part(data_uri(media, &bytes))];
        let list = vec![json!({"role": "user", "content": parts})];
        messages::check(&list).map_err(|why| refuse(&why))?;
        Ok(Prompt::new(Content::Messages(list)).into())
    }
}

impl Source for Folder {
    fn items(&mut self, from: u64, count: u64) -> Result<Vec<Conversation>> {
        let many = self.files.len().max(1) as u64;
        (from..from.saturating_add(count))
            .filter_map(|index| self.files.get(usize::try_from(index % many).unwrap_or(0)))
            .map(|path| self.item(path))
            .collect()
    }

    fn remarks(&self) -> Remarks {
        Remarks { repeats_after: Some(self.files.len() as u64), ..Remarks::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rng::{Purpose, stream};
    use super::super::testing::TestResult;
    use super::*;
    use crate::plan::{Images, Pixel};

    const PLACE: Place<'static> = Place { file: "a.jsonl", line: 3 };

    fn folder() -> TestResult<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        for (name, width) in [("a.png", 5), ("b.png", 9)] {
            let images = Images { width, height: 4, count: 1, pixel: Pixel::Rgb };
            std::fs::write(
                folder.path().join(name),
                super::super::images::png(&mut stream(1, Purpose::Image, 0), &images)?,
            )?;
        }
        std::fs::write(folder.path().join("a.txt"), "A red bird.\n")?;
        Ok(folder)
    }

    fn parts(conversation: &Conversation) -> TestResult<Vec<Value>> {
        let Content::Messages(list) = &conversation.turns[0].content else { return Err("no messages".into()) };
        Ok(list[0]["content"].as_array().cloned().ok_or("no parts")?)
    }

    /// Width and height of the PNG in a part.
    fn size(part: &Value) -> TestResult<(u32, u32)> {
        let uri = part["image_url"]["url"].as_str().ok_or("no address")?;
        let bytes = STANDARD.decode(uri.strip_prefix("data:image/png;base64,").ok_or("no PNG")?)?;
        let reader = ::png::Decoder::new(bytes.as_slice()).read_info()?;
        Ok((reader.info().width, reader.info().height))
    }

    #[test]
    fn a_folder_gives_its_images_with_the_texts_beside_them() -> TestResult {
        let folder = folder()?;
        let mut source = Folder::of(folder.path())?.ok_or("no images")?;
        let items = source.items(0, 3)?;
        let first = parts(&items[0])?;
        assert_eq!((&first[0]["text"], size(&first[1])?), (&json!("A red bird."), (5, 4)));
        let second = parts(&items[1])?;
        assert_eq!((&second[0]["text"], size(&second[1])?), (&json!(DESCRIBE), (9, 4)));
        assert_eq!((items[2] == items[0], source.remarks().repeats_after), (true, Some(2)));
        Ok(())
    }

    #[test]
    fn rows_name_their_images_or_hold_them() -> TestResult {
        let folder = folder()?;
        let pictures = Pictures::new(Set::KontextBench, &folder.path().join("rows.jsonl"));
        let bytes = STANDARD.encode(std::fs::read(folder.path().join("b.png"))?);
        for (image, width) in [(json!("a.png"), 5), (json!({"bytes": bytes, "path": null}), 9)] {
            let row = json!({"image": image, "instruction": "make it blue"});
            let made = pictures.prompt(row, PLACE)?.map_err(|_| "left out")?;
            let parts = parts(&made)?;
            assert_eq!((&parts[0]["text"], size(&parts[1])?), (&json!("make it blue"), (width, 4)));
        }
        Ok(())
    }

    #[test]
    fn a_path_that_leads_out_of_the_folder_is_refused() -> TestResult {
        let folder = folder()?;
        let pictures = Pictures::new(Set::Flickr8k, &folder.path().join("rows.jsonl"));
        for path in ["../a.png", "/etc/passwd", "x/../../a.png"] {
            let failure = pictures.prompt(json!({"image": path}), PLACE).err().ok_or("accepted")?;
            assert!(failure.message.contains("a.jsonl: line 3") && failure.message.contains("leads out"), "{failure}");
        }
        Ok(())
    }

    #[test]
    fn marks_in_the_text_become_images() -> TestResult {
        let folder = folder()?;
        let pictures = Pictures::new(Set::MmmuMultiImage, &folder.path().join("rows.jsonl"));
        let row = json!({"question": "Is <image 1> wider than <image 2>?", "options": "['Yes', 'No']",
            "image_1": "a.png", "image_2": "b.png", "image_3": null});
        let made = parts(&pictures.prompt(row, PLACE)?.map_err(|_| "left out")?)?;
        let kinds: Vec<&str> = made.iter().filter_map(|part| part["type"].as_str()).collect();
        assert_eq!(kinds, ["text", "image_url", "text", "image_url", "text"]);
        assert_eq!(made[4]["text"], "?\nA. Yes\nB. No");
        let one = json!({"question": "<image 1>?", "image_1": "a.png"});
        assert_eq!(pictures.prompt(one, PLACE)?, Err(Reason::Brief));
        Ok(())
    }
}
