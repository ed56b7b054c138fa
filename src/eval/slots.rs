//! Templates of users, with slots as Python's `str.format` has them: `{question}`.

use super::card::Names;
use crate::error::known;

/// A template with slots.
#[derive(Debug, Clone, PartialEq)]
pub struct Slots(Vec<Piece>);

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Slot(String),
}

impl Slots {
    /// Reads a template. Two braces stand for one.
    ///
    /// # Errors
    /// In words, when a brace is left open.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut pieces, mut literal) = (Vec::new(), String::new());
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '{' | '}' if chars.peek() == Some(&c) => {
                    chars.next();
                    literal.push(c);
                }
                '{' => {
                    let mut name = String::new();
                    loop {
                        match chars.next() {
                            Some('}') => break,
                            Some(c) if c.is_alphanumeric() || c == '_' => name.push(c),
                            _ => {
                                return Err(
                                    "a `{` without the name of a slot and a `}`; write `{{` for a brace".to_owned()
                                );
                            }
                        }
                    }
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                    pieces.push(Piece::Slot(name));
                }
                '}' => return Err("a `}` without a `{`; write `}}` for a brace".to_owned()),
                c => literal.push(c),
            }
        }
        pieces.push(Piece::Text(literal));
        Ok(Slots(pieces))
    }

    /// The template, filled in. EvalScope's slot `choices` is the list of options as lines, `fewshot` the examples.
    ///
    /// # Errors
    /// In words, when there is nothing for a slot.
    pub fn fill(&self, names: &Names) -> Result<String, String> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Slot(slot) => {
                    let name = match slot.as_str() {
                        "choices" => "options",
                        "fewshot" => "examples",
                        other => other,
                    };
                    let value = names.get(name).ok_or_else(|| {
                        format!("the slot {{{slot}}} is not known; known are: {}", known(names.keys()))
                    })?;
                    if !value.is_none() && !value.is_undefined() {
                        filled.push_str(&value.to_string());
                    }
                }
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::Value;

    #[test]
    fn slots_are_filled_and_braces_kept() {
        let names =
            Names::from([("question".to_owned(), Value::from("1+1?")), ("options".to_owned(), Value::from("A) 2"))]);
        let slots = Slots::parse("Q: {question} \\boxed{{}}\n{choices}");
        assert_eq!(slots.and_then(|slots| slots.fill(&names)).as_deref(), Ok("Q: 1+1? \\boxed{}\nA) 2"));
        assert!(
            Slots::parse("{nothing}").and_then(|slots| slots.fill(&names)).is_err_and(|why| why.contains("question"))
        );
        assert!(Slots::parse("{").is_err() && Slots::parse("a}").is_err() && Slots::parse("{a b}").is_err());
    }
}
