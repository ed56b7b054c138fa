//! The types of entities, texts with tags, and the prompt that asks for them.

use serde::{Deserialize, Serialize};

/// A type of entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntityType {
    /// Its name in BIO tags: `PER` for `B-PER` and `I-PER`.
    pub bio: String,
    /// The tag that the model is asked for: `person` for `<person>`.
    pub tag: String,
    /// What belongs to it, for the prompt.
    pub description: String,
}

/// Tokens as one text with the entities of their BIO tags marked, between `<response>` and `</response>`.
///
/// An `I-` tag continues an entity of its own type only; entities of unknown types stay unmarked.
pub fn annotated(tokens: &[String], tags: &[String], types: &[EntityType]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut open: Option<(&str, Vec<&str>)> = None;
    for (token, tag) in tokens.iter().zip(tags) {
        match (&mut open, tag.strip_prefix("B-"), tag.strip_prefix("I-")) {
            (_, Some(kind), _) => {
                parts.extend(open.take().map(|entity| marked(&entity, types)));
                open = Some((kind, vec![token]));
            }
            (Some((kind, inside)), None, Some(same)) if *kind == same => inside.push(token),
            _ => {
                parts.extend(open.take().map(|entity| marked(&entity, types)));
                parts.push(token.clone());
            }
        }
    }
    parts.extend(open.take().map(|entity| marked(&entity, types)));
    format!("<response>{}</response>", parts.join(" "))
}

fn marked((kind, tokens): &(&str, Vec<&str>), types: &[EntityType]) -> String {
    let text = tokens.join(" ");
    match types.iter().find(|known| known.bio == *kind) {
        Some(known) => {
            let tag = known.tag.to_lowercase();
            format!("<{tag}>{text}</{tag}>")
        }
        None => text,
    }
}

/// An example for the prompt: a text and the same text with its tags.
pub fn example(text: &str, annotated: &str) -> String {
    format!("Input:\n{text}\n\nOutput:\n{annotated}")
}

/// The types for the prompt, `tag (description)` with commas between them, and their tags, `<tag>` with commas.
pub fn listed(types: &[EntityType]) -> (String, String) {
    let described: Vec<String> = types.iter().map(|known| format!("{} ({})", known.tag, known.description)).collect();
    let tags: Vec<String> = types.iter().map(|known| format!("<{}>", known.tag.to_lowercase())).collect();
    (described.join(", "), tags.join(", "))
}

/// The prompt that asks for the tags of a text, with the examples in front that there are.
pub fn question(types: &[EntityType], examples: &[String], text: &str) -> String {
    let (described, tags) = listed(types);
    let mut prompt = String::new();
    if !examples.is_empty() {
        prompt.push_str("Texts whose named entities were marked:\n\n");
        prompt.push_str(&examples.join("\n\n"));
        prompt.push_str("\n\n");
    }
    prompt.push_str(&format!(
        "Mark the named entities of a text. These are the types of entities: {described}\n\
         These are the tags for them: {tags}\n\n\
         Repeat the text exactly as it is, with every blank, sign and letter, and put each entity between the opening and \
         the closing tag of its type, as in <city>Oslo</city>. Use no other tags and leave none open. Mark every entity; \
         where two overlap, mark the one of the more specific type. Write the marked text between <response> and \
         </response>, and nothing else.\n\nText:\n{text}\n"
    ));
    prompt
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> Vec<EntityType> {
        let kind =
            |bio: &str, tag: &str| EntityType { bio: bio.to_owned(), tag: tag.to_owned(), description: "x".to_owned() };
        vec![kind("PER", "person"), kind("LOC", "Location")]
    }

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn entities_are_marked() {
        let text = annotated(&words("a b c d e f g"), &words("B-PER I-PER B-LOC I-PER I-LOC B-NEW O"), &types());
        assert_eq!(text, "<response><person>a b</person> <location>c</location> d e f g</response>");
        assert_eq!(annotated(&words("a"), &words("B-LOC"), &types()), "<response><location>a</location></response>");
        assert_eq!(annotated(&[], &[], &types()), "<response></response>");
    }

    #[test]
    fn the_prompt_names_types_tags_and_text() {
        let prompt = question(&types(), &[example("a", "<response>a</response>")], "the text");
        for part in
            ["person (x), Location (x)", "<person>, <location>", "Input:\na\n\nOutput:", "the text", "</response>"]
        {
            assert!(prompt.contains(part), "{part}");
        }
        assert!(!question(&types(), &[], "t").contains("Input:"));
    }
}
