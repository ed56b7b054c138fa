//! Images, sound and video of a record as parts of a message.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::card::Media;
use super::data_folder::DataFolder;
use crate::table::bytes_of;
use crate::workload::{data_uri, media_type};

/// What a medium is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A picture.
    Image,
    /// Sound.
    Audio,
    /// A moving picture.
    Video,
}

/// The part of a message that holds a medium: an address as it stands, a file of `folder`, or bytes.
///
/// # Errors
/// In words, when it is none, cannot be read or leads out of the folder.
pub fn part(kind: Kind, value: &Value, folder: &DataFolder) -> Result<Value, String> {
    if let Value::Object(object) = value
        && object.get("type").is_some_and(Value::is_string)
    {
        return Ok(value.clone());
    }
    let address = value.as_str().or_else(|| value["path"].as_str()).or_else(|| value["url"].as_str());
    if let Some(address) = address.filter(|address| is_linked(address) && bytes_of(value).is_none()) {
        return Ok(by_address(kind, address));
    }
    let bytes = bytes(value, folder)?;
    match kind {
        Kind::Image => {
            let media = media_type(&bytes).ok_or("is no image of a known format")?;
            Ok(by_address(kind, &data_uri(media, &bytes)))
        }
        Kind::Audio => Ok(
            json!({"type": "input_audio", "input_audio": {"data": STANDARD.encode(&bytes), "format": sound(&bytes)}}),
        ),
        Kind::Video => Ok(by_address(kind, &data_uri("video/mp4", &bytes))),
    }
}

/// Whether a text is an address, or holds what it stands for.
pub(super) fn is_linked(text: &str) -> bool {
    ["data:", "https://", "http://"].iter().any(|start| text.starts_with(start))
}

/// The bytes of a medium: those of a cell, of an address that holds them, or of a file of `folder`.
///
/// # Errors
/// In words, when it is none, cannot be read, is elsewhere or leads out of the folder.
pub fn bytes(value: &Value, folder: &DataFolder) -> Result<Vec<u8>, String> {
    if let Some(bytes) = bytes_of(value) {
        return Ok(bytes);
    }
    let named = value.as_str().or_else(|| value["path"].as_str()).or_else(|| value["url"].as_str());
    let text = named.ok_or("is neither a path, an address nor bytes")?;
    match text.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        Some((_, data)) => STANDARD.decode(data.trim()).map_err(|error| format!("is no base64: {error}")),
        None if is_linked(text) => Err(format!("{}: is not at hand", text.chars().take(80).collect::<String>())),
        None => folder.file(text).or_else(|why| {
            // Some tables hold the bytes themselves as text.
            STANDARD.decode(text.trim()).ok().filter(|bytes| bytes.len() > 8).ok_or(why)
        }),
    }
}

fn by_address(kind: Kind, address: &str) -> Value {
    match kind {
        Kind::Image => json!({"type": "image_url", "image_url": {"url": address}}),
        Kind::Video => json!({"type": "video_url", "video_url": {"url": address}}),
        Kind::Audio => {
            let (format, data) = match address.strip_prefix("data:audio/").and_then(|rest| rest.split_once(";base64,"))
            {
                Some((format, data)) => (format, data),
                None => (address.rsplit('.').next().filter(|end| end.len() < 5).unwrap_or("wav"), address),
            };
            json!({"type": "input_audio", "input_audio": {"data": data, "format": format}})
        }
    }
}

/// The format of sound, by its first bytes.
fn sound(bytes: &[u8]) -> &'static str {
    match bytes {
        [b'R', b'I', b'F', b'F', ..] => "wav",
        [b'f', b'L', b'a', b'C', ..] => "flac",
        [b'O', b'g', b'g', b'S', ..] => "ogg",
        [b'I', b'D', b'3', ..] | [0xff, 0xe0..=0xff, ..] => "mp3",
        _ => "wav",
    }
}

/// A text with media where it names them, such as `<image 1>` or `<image_1>`; those it does not name stand behind it.
pub fn inline(text: &str, parts: &[(Kind, Value)]) -> Vec<Value> {
    let (mut content, used) = replaced(text, parts);
    content.extend(parts.iter().zip(used).filter(|(_, used)| !used).map(|((_, part), _)| part.clone()));
    content
}

/// The messages of a chat with media where their texts name them, and with the files of `folder` that they link to.
///
/// # Errors
/// In words, when a file cannot be read or leads out of the folder.
pub fn placed(messages: Vec<Value>, parts: &[(Kind, Value)], folder: &DataFolder) -> Result<Vec<Value>, String> {
    let named = |text: &str| {
        let (content, used) = replaced(text, parts);
        used.contains(&true).then_some(content)
    };
    let one = |mut message: Value| -> Result<Value, String> {
        let content = match &message["content"] {
            Value::String(text) => named(text).map(Value::Array),
            Value::Array(list) => {
                let mut content = Vec::with_capacity(list.len());
                for item in list {
                    match item["text"].as_str().and_then(named) {
                        Some(several) => content.extend(several),
                        None => content.push(linked(item, folder)?),
                    }
                }
                Some(Value::Array(content))
            }
            _ => None,
        };
        if let (Some(content), Value::Object(message)) = (content, &mut message) {
            message.insert("content".to_owned(), content);
        }
        Ok(message)
    };
    messages.into_iter().map(one).collect()
}

/// A part of a message, whose file is read where it links to one.
fn linked(item: &Value, folder: &DataFolder) -> Result<Value, String> {
    let kinds = [("image_url", Kind::Image), ("video_url", Kind::Video), ("audio_url", Kind::Audio)];
    let Some((name, kind)) = kinds.into_iter().find(|(name, _)| item["type"] == *name) else { return Ok(item.clone()) };
    match item[name]["url"].as_str().or_else(|| item[name].as_str()) {
        Some(address) if !is_linked(address) => part(kind, &json!(address), folder),
        _ => Ok(item.clone()),
    }
}

/// A text with media where it names them, and which of them it names.
fn replaced(text: &str, parts: &[(Kind, Value)]) -> (Vec<Value>, Vec<bool>) {
    let mut content = Vec::new();
    let mut used = vec![false; parts.len()];
    let mut rest = text;
    let mut pending = String::new();
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        pending.push_str(before);
        match mark(from, parts) {
            Some((place, length)) => {
                push(&mut content, &mut pending);
                if let (Some((_, part)), Some(used)) = (parts.get(place), used.get_mut(place)) {
                    content.push(part.clone());
                    *used = true;
                }
                rest = from.get(length..).unwrap_or("");
            }
            None => {
                pending.push('<');
                rest = from.get(1..).unwrap_or("");
            }
        }
    }
    pending.push_str(rest);
    push(&mut content, &mut pending);
    (content, used)
}

fn push(content: &mut Vec<Value>, text: &mut String) {
    if !text.trim().is_empty() {
        content.push(json!({"type": "text", "text": text}));
    }
    text.clear();
}

/// Which medium a mark at the start of a text names, and how long it is.
fn mark(text: &str, parts: &[(Kind, Value)]) -> Option<(usize, usize)> {
    let names = [("<image", Kind::Image), ("<audio", Kind::Audio), ("<video", Kind::Video)];
    let (name, kind) = names.into_iter().find(|(name, _)| text.starts_with(name))?;
    let end = text.find('>')?;
    let number = text.get(name.len()..end)?.trim_start_matches([' ', '_']);
    let number: usize = if number.is_empty() { 1 } else { number.parse().ok()? };
    let places = parts.iter().enumerate().filter(|(_, (other, _))| *other == kind).map(|(place, _)| place);
    Some((places.into_iter().nth(number.checked_sub(1)?)?, end + 1))
}

/// Text and media as the content of a message.
pub fn content(text: &str, media: Vec<(Kind, Value)>, place: Media) -> Value {
    if media.is_empty() {
        return json!(text);
    }
    let said = json!({"type": "text", "text": text});
    let parts = media.iter().map(|(_, part)| part.clone());
    Value::Array(match place {
        Media::Inline => inline(text, &media),
        Media::First => parts.chain([said]).collect(),
        Media::Last => std::iter::once(said).chain(parts).collect(),
    })
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;

    fn image(name: &str) -> (Kind, Value) {
        (Kind::Image, json!(name))
    }

    #[test]
    fn marks_are_replaced_in_place_and_the_rest_stands_behind() {
        let parts = [image("a"), image("b"), image("c")];
        let text = |text: &str| json!({"type": "text", "text": text});
        assert_eq!(
            inline("see <image 2> and <image_1>: 1 < 2?", &parts),
            [text("see "), json!("b"), text(" and "), json!("a"), text(": 1 < 2?"), json!("c")]
        );
        assert_eq!(inline("<image 9> <b>", &[]), [text("<image 9> <b>")]);
    }

    #[test]
    fn chats_get_the_media_that_they_name() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a.png"), b"\x89PNG\r\n").expect("a file");
        let parts = [image("one"), image("two")];
        let given = vec![
            json!({"role": "system", "content": "See."}),
            json!({"role": "user", "content": "What is <image 2>?"}),
            json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "a.png"}}]}),
        ];
        let made = placed(given.clone(), &parts, &DataFolder::new(folder.path())).expect("a chat");
        assert_eq!(made[0], given[0]);
        assert_eq!(made[1]["content"][1], json!("two"));
        let url = made[2]["content"][0]["image_url"]["url"].as_str().unwrap_or_default();
        assert!(url.starts_with("data:image/png;base64,"), "{url}");
        assert!(placed(given, &parts, &DataFolder::new(&folder.path().join("empty"))).is_err());
    }

    #[test]
    fn paths_stay_in_their_folder() {
        let folder = DataFolder::new(&std::env::temp_dir());
        for path in ["../x.png", "/etc/hostname", "a/../../x"] {
            assert!(part(Kind::Image, &json!(path), &folder).is_err(), "{path}");
        }
        let linked = part(Kind::Image, &json!("https://h/x.png"), &folder);
        assert_eq!(linked, Ok(json!({"type": "image_url", "image_url": {"url": "https://h/x.png"}})));
    }
}
