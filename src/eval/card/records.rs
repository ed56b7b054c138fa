//! What expressions know of records beyond Jinja: fields with numbers, talks in HTML, answers of DROP.

use std::sync::LazyLock;

use minijinja::Value;
use regex::Regex;
use serde_json::Value as Json;

use super::super::sample::spelled;
use super::super::text::pattern::pattern;
use super::super::text::words::squeezed;
use super::expression::{seen, told};

/// Fields of a record that differ by a number: `image_1`, `image_2` and so on, without those that are empty. Where there are
/// none, the list in the field of the plural, or what is in the field itself.
pub fn numbered(record: &Value, name: &str) -> Vec<Value> {
    let Some(Json::Object(fields)) = told(record) else { return Vec::new() };
    let number = |field: &str| field.strip_prefix(name)?.trim_start_matches('_').parse::<u32>().ok();
    let mut found: Vec<(u32, &Json)> =
        fields.iter().filter_map(|(field, value)| Some((number(field)?, value))).collect();
    found.sort_by_key(|(number, _)| *number);
    let there = |value: &&Json| !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty());
    let numbered: Vec<Value> = found.into_iter().map(|(_, value)| value).filter(there).map(seen).collect();
    if !numbered.is_empty() {
        return numbered;
    }
    match fields.get(&format!("{name}s")).or_else(|| fields.get(name)) {
        Some(Json::Array(list)) => list.iter().filter(there).map(seen).collect(),
        Some(one) => Some(one).filter(there).map(seen).into_iter().collect(),
        None => Vec::new(),
    }
}

static SPAN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?is)<span\b([^>]*)>(.*?)</span>"));
static SPEAKER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?is)\bdata-speaker\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))"#));
static TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s)<[^>]*>"));

/// A talk in HTML as text: a line for each span, with the speaker that it names before it. A text without spans stays as it
/// is but for its blanks.
pub fn spoken_html(text: &str) -> String {
    if !text.contains("</span>") {
        return squeezed(text);
    }
    let lines = SPAN.captures_iter(text).map(|span| {
        let part = |place: usize| span.get(place).map_or("", |part| part.as_str());
        let said = unescaped(&TAG.replace_all(part(2), " "));
        let said = said.split('\n').map(squeezed).collect::<Vec<_>>().join("\n").trim().to_owned();
        let speaker = SPEAKER.captures(part(1)).and_then(|found| (1..4).find_map(|place| found.get(place)));
        match speaker.map(|speaker| unescaped(speaker.as_str())).filter(|speaker| !speaker.is_empty()) {
            Some(speaker) => format!("{speaker}: {said}"),
            None => said,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The characters that HTML writes by name; others stay as they are.
fn unescaped(text: &str) -> String {
    let names = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&apos;", "'"),
        ("&nbsp;", " "),
    ];
    let plain = names.iter().fold(text.to_owned(), |text, (name, character)| text.replace(name, character));
    plain.replace("&amp;", "&")
}

/// The right answers of a record of DROP, each a list of texts: the answer and those of further people, without those that
/// say the same.
pub fn drop_golds(answer: &Value, validated: &Value) -> Value {
    let (answer, validated) = (told(answer).unwrap_or_default(), told(validated).unwrap_or_default());
    let mut golds = vec![drop_gold(&answer["number"], &answer["spans"], &answer["date"])];
    let list = |name: &str| validated[name].as_array().cloned().unwrap_or_default();
    for ((number, spans), date) in list("number").iter().zip(&list("spans")).zip(&list("date")) {
        let gold = drop_gold(number, spans, date);
        if !golds.contains(&gold) {
            golds.push(gold);
        }
    }
    seen(&Json::Array(golds))
}

fn drop_gold(number: &Json, spans: &Json, date: &Json) -> Json {
    let empty = number.is_null() || number.as_str().is_some_and(str::is_empty);
    if !empty {
        return Json::Array(vec![Json::String(spelled(number))]);
    }
    match spans.as_array() {
        Some(list) if !list.is_empty() => Json::Array(list.iter().map(|span| Json::String(spelled(span))).collect()),
        _ => {
            let parts = ["day", "month", "year"].map(|part| date[part].as_str().unwrap_or_default().to_owned());
            Json::Array(vec![Json::String(parts.join(" ").trim().to_owned())])
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_have_numbers_or_a_list() {
        let of =
            |record: Json| numbered(&seen(&record), "image").iter().map(|value| value.to_string()).collect::<Vec<_>>();
        assert_eq!(
            of(json!({"image_2": "b", "image_10": "d", "image_1": "a", "image_3": null, "image_4": " "})),
            ["a", "b", "d"]
        );
        assert_eq!(of(json!({"images": ["a", null, "b"]})), ["a", "b"]);
        assert_eq!(of(json!({"image": "a", "image_size": 3})), ["a"]);
        assert!(of(json!({"text": "a"})).is_empty());
    }

    #[test]
    fn talks_are_lines() {
        assert_eq!(spoken_html(" a \n b "), "a b");
        let talk = "<p><span data-speaker=\"Ada\">Hello <b>there</b> &amp; you</span>\n<span class='x'>rain</span></p>";
        assert_eq!(spoken_html(talk), "Ada: Hello there & you\nrain");
    }

    #[test]
    fn answers_of_drop_are_lists() {
        let none = json!({"day": "", "month": "", "year": ""});
        let answer = json!({"number": "", "date": {"day": "3", "month": "May", "year": ""}, "spans": []});
        let further = json!({"number": ["7", ""], "date": [none, none], "spans": [[], ["a", "b"]]});
        let golds = told(&drop_golds(&seen(&answer), &seen(&further)));
        assert_eq!(golds, Some(json!([["3 May"], ["7"], ["a", "b"]])));
    }

    proptest! {
        #[test]
        fn any_text_is_a_talk(text in "(<span|data-speaker=|\"|>|</span>|&amp;|\\PC|\n){0,40}") {
            let _ = spoken_html(&text);
        }
    }
}
