//! A call in Java or JavaScript: `Class.method(name=value, ...)`, whose values are kept as source text.

use super::decode::{Call, DecodeError};
use super::literal::{Dictionary, Literal};

/// Reads one call. Values keep their source text; a text or character in quotes loses them.
///
/// # Errors
///
/// Where the text is no call, brackets or quotes do not close, or a name is given twice.
pub fn decode(text: &str) -> Result<Call, DecodeError> {
    let text = text.trim().trim_end_matches(';').trim_end();
    let (function, rest) = text.split_once('(').ok_or(DecodeError::NoCalls)?;
    let function = function.trim();
    let inner = rest.strip_suffix(')').ok_or(DecodeError::NoCalls)?;
    if !is_path(function) {
        return Err(DecodeError::NoCalls);
    }
    let mut arguments = Dictionary::default();
    for part in parts(inner).ok_or(DecodeError::NoCalls)? {
        let Some((name, value)) = assignment(part) else { continue };
        if arguments.get_text(name).is_some() {
            return Err(DecodeError::Argument(name.to_owned()));
        }
        arguments.insert_text(name, Literal::Text(unquoted(value).to_owned()));
    }
    Ok(Call { name: function.to_owned(), arguments: Literal::Dictionary(arguments) })
}

/// Whether the text is names with dots between them.
fn is_path(text: &str) -> bool {
    text.split('.').all(is_name)
}

fn is_name(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '$');
    begins && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$')
}

/// `name = value`; an argument by position is none.
fn assignment(part: &str) -> Option<(&str, &str)> {
    let (name, value) = part.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let is_assignment = is_name(name) && !value.is_empty() && !value.starts_with(['=', '>']);
    is_assignment.then_some((name, value))
}

/// The value without its quotes, where it is one literal.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        let Some(inner) = value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote)) else { continue };
        if closes_at(value, quote) == Some(value.len()) {
            return inner;
        }
    }
    value
}

/// Where a literal that begins with a quote ends.
fn closes_at(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (index, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(index + c.len_utf8()),
            _ => {}
        }
    }
    None
}

/// The parts between the commas that stand in no bracket and no quotes; none where one of these does not close.
fn parts(text: &str) -> Option<Vec<&str>> {
    let mut found = Vec::new();
    let mut open = Vec::new();
    let mut start = 0;
    let mut skip = 0;
    for (index, c) in text.char_indices() {
        if index < skip {
            continue;
        }
        match c {
            '"' | '\'' | '`' => skip = index + closes_at(&text[index..], c)?,
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' => {
                open.pop().filter(|close| *close == c)?;
            }
            ',' if open.is_empty() && !is_generic(text, index) => {
                found.push(text[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    if !open.is_empty() {
        return None;
    }
    found.push(text[start..].trim());
    found.retain(|part| !part.is_empty());
    Some(found)
}

/// The longest list of types between angles that is looked for around a comma, in characters.
const TYPES: usize = 100;

/// Whether a comma stands between the types of `Map<String, Object>`: only names and commas reach to both angles.
fn is_generic(text: &str, comma: usize) -> bool {
    let is_type = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '.' | ',' | ' ' | '?' | '[' | ']');
    let before = text[..comma].chars().rev().take(TYPES).find(|c| !is_type(c));
    let after = text[comma..].chars().take(TYPES).find(|c| !is_type(c));
    matches!(before, Some('<' | '>')) && matches!(after, Some('<' | '>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        decode(text).ok().map(|call| format!("{} {}", call.name, call.arguments.to_json()))
    }

    #[test]
    fn values_keep_their_source() {
        for (text, expected) in [
            (r#"A.b(c="x, y", d=3L, e='z')"#, r#"A.b {"c":"x, y","d":"3L","e":"z"}"#),
            (
                r#"f(m=new HashMap<String, Object>() {{ put("a", 1); }}, n = [1, 2])"#,
                r#"f {"m":"new HashMap<String, Object>() {{ put(\"a\", 1); }}","n":"[1, 2]"}"#,
            ),
            (r#"f(a="x" + "y", 3)"#, r#"f {"a":"\"x\" + \"y\""}"#),
            ("f()", "f {}"),
            ("f(a=b => b == 1)", r#"f {"a":"b => b == 1"}"#),
        ] {
            assert_eq!(shown(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_call_is_refused() {
        for text in ["", "f", "f(a=1", "f(a=[1)", "f(a=\"x)", "f(a=1, a=2)", "I cannot (sorry)", "f(a=1) g(b=2"] {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
