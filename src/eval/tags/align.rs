//! The alignment of a text with tags to the tokens that it was made from.

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
    let original = tokens.join(" ");
    let plain = Plain::of(&text);
    let places = places(tokens);
    let mut tags = vec!["O".to_owned(); tokens.len()];
    for entity in marked(&text, types) {
        let exact = plain.text == original && !has_tag(&entity.text);
        let start = if exact { Some(plain.length_before(entity.start)) } else { found(&text, &entity, &original) };
        let Some(start) = start else { continue };
        claim(&mut tags, &places, start..start + entity.text.len(), &entity.kind);
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

/// Tags the tokens that an entity covers.
fn claim(tags: &mut [String], places: &[(usize, usize)], range: std::ops::Range<usize>, kind: &str) {
    let from = places.partition_point(|(_, end)| *end <= range.start);
    let mut prefix = "B";
    for (tag, (start, end)) in tags.iter_mut().zip(places).skip(from) {
        if *start >= range.end {
            break;
        }
        if *end > range.start {
            if tag == "O" {
                *tag = format!("{prefix}-{kind}");
            }
            prefix = "I";
        }
    }
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

/// The place of an entity in the text by what stands around it.
fn found(text: &str, entity: &Marked, original: &str) -> Option<usize> {
    let first = original.find(&entity.text)?;
    let before = without_tags(last_characters(&text[..entity.start], AROUND));
    let after = without_tags(first_characters(&text[entity.end..], AROUND));
    let middle = original.char_indices().nth(original.chars().count() / 2).map_or(0, |(place, _)| place);
    let mut search = 0;
    while let Some(place) = original.get(search..).and_then(|rest| rest.find(&entity.text)).map(|place| search + place)
    {
        let ours_before = last_characters(&original[..place], before.chars().count());
        let ours_after = first_characters(&original[place + entity.text.len()..], after.chars().count());
        let fits = ours_before.trim().contains(before.trim()) || ours_after.trim().contains(after.trim());
        if fits || search > middle {
            return Some(place);
        }
        search = place + original[place..].chars().next().map_or(1, char::len_utf8);
    }
    Some(first)
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
