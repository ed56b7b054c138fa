//! The alignment of a text with tags to the tokens that it was made from.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::markup::{Marked, cleaned, marked};
use super::prompt::EntityType;

/// Anything that looks like a tag.
static TAG: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("<[^>]+>").ok());

/// How many characters around an entity tell which of several places it is.
const AROUND: usize = 20;

/// The BIO tags that a reply gives to tokens, one a token.
///
/// Where the reply repeats the text as it was, an entity stands where its tags stand. Else it is looked for in the text:
/// at the first place whose surroundings are those of the entity, or that lies in the second half, or else the first place
/// of all. A token that two entities claim keeps the first.
pub fn tags_of(reply: &str, tokens: &[String], types: &[EntityType]) -> Vec<String> {
    let text = cleaned(reply);
    let mut original = Original::of(tokens);
    let plain = Plain::of(&text);
    let places = places(tokens);
    let mut tags = vec!["O".to_owned(); tokens.len()];
    let mut free = tokens.len();
    for entity in marked(&text, types) {
        if free == 0 {
            break;
        }
        let exact = plain.text == original.text && !has_tag(&entity.text);
        let start = if exact { Some(plain.length_before(entity.start)) } else { original.place(&text, &entity) };
        let Some(start) = start else { continue };
        free -= claim(&mut tags, &places, start..start + entity.text.len(), &entity.kind);
    }
    tags
}

fn has_tag(text: &str) -> bool {
    TAG.as_ref().is_some_and(|tag| tag.is_match(text))
}

/// Where each token begins and ends in the text.
fn places(tokens: &[String]) -> Vec<(usize, usize)> {
    let mut start = 0;
    let mut places = Vec::with_capacity(tokens.len());
    for token in tokens {
        places.push((start, start + token.len()));
        start += token.len() + 1;
    }
    places
}

/// Tags the tokens that an entity covers and says how many that were.
fn claim(tags: &mut [String], places: &[(usize, usize)], range: std::ops::Range<usize>, kind: &str) -> usize {
    let mut claimed = 0;
    let from = places.partition_point(|(_, end)| *end <= range.start);
    let mut prefix = "B";
    for (tag, (start, end)) in tags.iter_mut().zip(places).skip(from) {
        if *start >= range.end {
            break;
        }
        if *end > range.start {
            if tag == "O" {
                *tag = format!("{prefix}-{kind}");
                claimed += 1;
            }
            prefix = "I";
        }
    }
    claimed
}

/// A text without its tags, and how long what stands before a place is without them.
struct Plain {
    text: String,
    /// The end of each tag, and the length of the text without tags up to there.
    ends: Vec<(usize, usize)>,
}

impl Plain {
    fn of(text: &str) -> Self {
        let mut plain = Self { text: String::with_capacity(text.len()), ends: vec![(0, 0)] };
        let mut last = 0;
        for tag in TAG.iter().flat_map(|tag| tag.find_iter(text)) {
            plain.text.push_str(&text[last..tag.start()]);
            plain.ends.push((tag.end(), plain.text.len()));
            last = tag.end();
        }
        plain.text.push_str(&text[last..]);
        plain
    }

    fn length_before(&self, place: usize) -> usize {
        let before = self.ends.partition_point(|(end, _)| *end <= place);
        let (end, length) = before.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or_default();
        length + place - end
    }
}

/// A text in which entities are looked for. What was found is kept, since replies may say the same many times.
struct Original {
    text: String,
    /// The first character of the second half.
    middle: usize,
    known: HashMap<[String; 3], Option<usize>>,
}

impl Original {
    fn of(tokens: &[String]) -> Self {
        let text = tokens.join(" ");
        let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(place, _)| place);
        Self { text, middle, known: HashMap::new() }
    }

    /// The place of an entity of a text by what stands around it, or the first behind the middle.
    fn place(&mut self, text: &str, entity: &Marked) -> Option<usize> {
        let before = without_tags(last_characters(&text[..entity.start], AROUND));
        let after = without_tags(first_characters(&text[entity.end..], AROUND));
        let key = [entity.text.clone(), before, after];
        if let Some(place) = self.known.get(&key) {
            return *place;
        }
        let place = self.search(&key);
        self.known.insert(key, place);
        place
    }

    fn search(&self, [inner, before, after]: &[String; 3]) -> Option<usize> {
        let first = self.text.find(inner)?;
        let (length_before, length_after) = (before.chars().count(), after.chars().count());
        let mut search = 0;
        while let Some(place) = self.text.get(search..).and_then(|rest| rest.find(inner)).map(|place| search + place) {
            let ours_before = last_characters(&self.text[..place], length_before);
            let ours_after = first_characters(&self.text[place + inner.len()..], length_after);
            let fits = ours_before.trim().contains(before.trim()) || ours_after.trim().contains(after.trim());
            if fits || search > self.middle {
                return Some(place);
            }
            search = place + self.text[place..].chars().next().map_or(1, char::len_utf8);
        }
        Some(first)
    }
}

fn without_tags(text: &str) -> String {
    TAG.as_ref().map_or_else(|| text.to_owned(), |tag| tag.replace_all(text, "").into_owned())
}

fn last_characters(text: &str, count: usize) -> &str {
    let start = count.checked_sub(1).and_then(|count| text.char_indices().rev().nth(count));
    match (count, start) {
        (0, _) => "",
        (_, Some((start, _))) => &text[start..],
        (_, None) => text,
    }
}

fn first_characters(text: &str, count: usize) -> &str {
    text.char_indices().nth(count).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use proptest::prelude::*;

    use super::super::prompt::annotated;
    use super::*;

    fn types() -> Vec<EntityType> {
        let kind =
            |bio: &str, tag: &str| EntityType { bio: bio.to_owned(), tag: tag.to_owned(), description: String::new() };
        vec![kind("PER", "person"), kind("LOC", "location")]
    }

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn tagged(reply: &str, text: &str) -> String {
        tags_of(reply, &words(text), &types()).join(" ")
    }

    #[test]
    fn a_repeated_name_is_told_by_its_place() {
        let text = "Paris met Paris in Paris";
        assert_eq!(
            tagged("<response>Paris met <person>Paris</person> in <location>Paris</location></response>", text),
            "O O B-PER O B-LOC"
        );
    }

    #[test]
    fn a_changed_text_is_told_by_its_surroundings() {
        assert_eq!(
            tagged("The <person>Ann Lee</person> of <location>Oslo</location>!", "Ann Lee of Oslo !"),
            "B-PER I-PER O B-LOC O"
        );
        assert_eq!(tagged("<person>Bob</person>", "Ann Lee"), "O O");
        assert_eq!(tagged("<person>nn L</person>", "Ann Lee"), "B-PER I-PER");
        assert_eq!(tagged("", "Ann Lee"), "O O");
        assert_eq!(tagged("<person>Ann", "Ann Lee"), "B-PER O");
    }

    #[test]
    fn the_first_entity_keeps_its_token() {
        assert_eq!(tagged("<person>Ann</person> <location>Ann Lee</location>", "Ann Lee"), "B-PER I-LOC");
    }

    proptest! {
        #[test]
        fn what_is_annotated_comes_back(tokens in prop::collection::vec("[a-cé]{1,2}", 1..12), picks in prop::collection::vec(0..3_usize, 12)) {
            let mut tags: Vec<String> = Vec::new();
            for pick in picks.iter().take(tokens.len()) {
                let inside = tags.last().is_some_and(|last| last != "O");
                tags.push(match pick {
                    0 => "O".to_owned(),
                    1 if inside => tags.last().unwrap().replace("B-", "I-"),
                    _ => "B-LOC".to_owned(),
                });
            }
            let reply = annotated(&tokens, &tags, &types());
            prop_assert_eq!(tags_of(&reply, &tokens, &types()), tags);
        }

        #[test]
        fn any_reply_gives_a_tag_a_token(reply in "(<person>|</person>|<location>|</location>|<|>|a|b| |\n|é|<response>|</response>){0,40}") {
            let tokens = words("a b a é ab ba");
            prop_assert_eq!(tags_of(&reply, &tokens, &types()).len(), tokens.len());
        }

        #[test]
        fn any_text_ends(reply in "\\PC*") {
            let _ = tags_of(&reply, &words("a b c"), &types());
        }
    }
}
