//! The entities that a reply marks with tags.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::prompt::EntityType;

/// An opening tag, a text on one line, and some closing tag.
static PAIR: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"<(\w+)>(.*?)</\w+>").ok());
static CLOSE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"</(\w+)>").ok());
static OPEN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"<(\w+)>").ok());

/// An entity in a text with tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// Its type: the BIO name where the tag is known, else the tag.
    pub kind: String,
    /// The text between the tags.
    pub text: String,
    /// The byte where its opening tag begins.
    pub start: usize,
    /// The byte behind its closing tag.
    pub end: usize,
}

/// What stands between `<response>` and `</response>`, else everything, with each closing tag made that of the tag it
/// closes.
pub fn cleaned(reply: &str) -> String {
    let inner =
        reply.split_once("<response>").and_then(|(_, rest)| rest.split_once("</response>")).map(|(inner, _)| inner);
    let text = inner.unwrap_or(reply);
    PAIR.as_ref().map_or_else(|| text.to_owned(), |pair| pair.replace_all(text, "<$1>$2</$1>").into_owned())
}

/// The entities of a text with tags: first those in a pair of tags, which may be unknown ones, then those behind a known
/// tag that nothing closes, up to the next tag or the end of the line.
pub fn marked(text: &str, types: &[EntityType]) -> Vec<Marked> {
    let Some(open) = OPEN.as_ref() else { return Vec::new() };
    let known =
        |tag: &str| types.iter().rev().find(|known| known.tag.to_lowercase() == tag).map(|known| known.bio.clone());
    let mut found = Vec::new();
    let closings = Closings::of(text);
    let mut at = 0;
    while let Some(tag) = open.captures_at(text, at) {
        let (Some(whole), Some(name)) = (tag.get(0), tag.get(1)) else { break };
        let Some(close) = closings.next(name.as_str(), whole.end()) else {
            at = whole.start() + 1;
            continue;
        };
        let lower = name.as_str().to_lowercase();
        let end = close + name.as_str().len() + "</>".len();
        let kind = known(&lower).unwrap_or(lower);
        found.push(Marked { kind, text: text[whole.end()..close].to_owned(), start: whole.start(), end });
        at = end;
    }
    let pairs: Vec<(usize, usize)> = found.iter().map(|entity| (entity.start, entity.end)).collect();
    let inside = |place: usize| {
        let before = pairs.partition_point(|(start, _)| *start <= place);
        before.checked_sub(1).and_then(|last| pairs.get(last)).is_some_and(|(_, end)| place < *end)
    };
    for tag in open.captures_iter(text) {
        let (Some(whole), Some(name)) = (tag.get(0), tag.get(1)) else { break };
        let rest = &text[whole.end()..];
        let length = rest.find(['<', '\n']).unwrap_or(rest.len());
        let ends = rest[length..].is_empty() || rest[length..].starts_with('<') || &rest[length..] == "\n";
        let Some(kind) = known(&name.as_str().to_lowercase()).filter(|_| ends && !inside(whole.start())) else {
            continue;
        };
        let end = whole.end() + length;
        found.push(Marked { kind, text: rest[..length].to_owned(), start: whole.start(), end });
    }
    found
}

/// Where closing tags and line ends stand, looked for once, so that many open tags take no longer than few.
struct Closings<'a> {
    tags: HashMap<&'a str, Vec<usize>>,
    lines: Vec<usize>,
}

impl<'a> Closings<'a> {
    fn of(text: &'a str) -> Self {
        let mut tags: HashMap<&str, Vec<usize>> = HashMap::new();
        for tag in CLOSE.iter().flat_map(|close| close.captures_iter(text)) {
            if let (Some(whole), Some(name)) = (tag.get(0), tag.get(1)) {
                tags.entry(name.as_str()).or_default().push(whole.start());
            }
        }
        Self { tags, lines: text.match_indices('\n').map(|(place, _)| place).collect() }
    }

    /// The first closing tag of a name behind a place, if it is on the same line.
    fn next(&self, name: &str, from: usize) -> Option<usize> {
        let close = first_from(self.tags.get(name)?, from)?;
        first_from(&self.lines, from).is_none_or(|line| close < line).then_some(close)
    }
}

/// The first of ascending places that is not before a place.
fn first_from(places: &[usize], from: usize) -> Option<usize> {
    places.get(places.partition_point(|place| *place < from)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> Vec<EntityType> {
        let kind =
            |bio: &str, tag: &str| EntityType { bio: bio.to_owned(), tag: tag.to_owned(), description: String::new() };
        vec![kind("PER", "person"), kind("LOC", "location")]
    }

    fn shown(text: &str) -> Vec<(String, String)> {
        marked(text, &types()).into_iter().map(|entity| (entity.kind, entity.text)).collect()
    }

    fn pair(kind: &str, text: &str) -> (String, String) {
        (kind.to_owned(), text.to_owned())
    }

    #[test]
    fn a_reply_is_cleaned() {
        assert_eq!(
            cleaned("Sure: <response>a <person>b</location> c</response> <response>d</response>"),
            "a <person>b</person> c"
        );
        assert_eq!(cleaned("a <person>b\n</location>"), "a <person>b\n</location>");
    }

    #[test]
    fn entities_are_found() {
        assert_eq!(shown("a <Person>b</Person> <location>c</location>"), [pair("PER", "b"), pair("LOC", "c")]);
        assert_eq!(shown("<city>b</city> <city>c"), [pair("city", "b")]);
        assert_eq!(shown("<person>b <location>c</location> d"), [pair("LOC", "c"), pair("PER", "b ")]);
        assert_eq!(shown("<person>b\nc <person>d\n"), [pair("PER", "d")]);
        assert_eq!(shown("<person><location>c</person>"), [pair("PER", "<location>c")]);
    }

    #[test]
    fn many_open_tags_end() {
        let different: String = (0..20_000).map(|number| format!("<t{number}>")).collect();
        for text in ["<person>".repeat(100_000), "<person>\n</person>".repeat(50_000), "<a".repeat(100_000), different]
        {
            let _ = marked(&cleaned(&text), &types());
        }
    }
}
