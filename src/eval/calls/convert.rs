//! Types of parameters, and values of Java and JavaScript written as source text.

use super::check::Fault;
use super::decode::Language;
use super::literal::{Kind, Literal};
use super::{java, javascript};

/// The type that a name of a type stands for; none for a name that the language lacks.
pub fn kind(language: Language, name: &str) -> Option<Kind> {
    let kind = match (language, name) {
        (Language::Python, "string" | "any") | (Language::Java, "char") => Kind::Text,
        (Language::Java | Language::JavaScript, "String" | "any") => Kind::Text,
        (_, "integer") | (Language::Java, "byte" | "short" | "long") | (Language::JavaScript, "Bigint") => Kind::Whole,
        (_, "float") | (Language::Java, "double") => Kind::Real,
        (Language::Python | Language::Java, "boolean") | (Language::JavaScript, "Boolean") => Kind::Truth,
        (Language::Python | Language::JavaScript, "array") | (Language::Python, "tuple") => Kind::List,
        (Language::Java, "Array" | "ArrayList" | "Queue" | "Stack") => Kind::List,
        (Language::Python | Language::JavaScript, "dict") | (Language::Java, "HashMap" | "Hashtable") => {
            Kind::Dictionary
        }
        (Language::Java, "Set") => Kind::Set,
        _ => return None,
    };
    Some(kind)
}

/// The value of a parameter from its source text. Text that is not of the type stays text.
///
/// # Errors
///
/// Where the value is no text, or the type is one that no source text is read for.
pub fn value(language: Language, value: &Literal, described: &str, inner: Option<&str>) -> Result<Literal, Fault> {
    let reason = if language == Language::Java { "type_error:java" } else { "type_error:js" };
    let Some(text) = value.text() else {
        return Err(Fault::new(reason, format!("{} is not written as source text", value.to_json())));
    };
    let read = match language {
        Language::Java => java::value(text, described, inner),
        Language::JavaScript | Language::Python => javascript::value(text, described, inner),
    };
    read.ok_or_else(|| Fault::broken(format!("no text is read as {described}")))
}

/// Digits with an optional minus in front, and what follows them.
pub(super) fn digits(text: &str) -> Option<(&str, &str)> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let count = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let sign = text.len() - unsigned.len();
    (count > 0).then(|| text.split_at(sign + count))
}

/// A whole number of digits only.
pub(super) fn whole(digits: &str) -> Literal {
    let far = if digits.starts_with('-') { i128::MIN } else { i128::MAX };
    Literal::Whole(digits.parse().unwrap_or(far))
}

/// The text behind an optional fraction.
pub(super) fn after_fraction(rest: &str) -> &str {
    let Some(fraction) = rest.strip_prefix('.') else { return rest };
    let behind = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    if behind.len() < fraction.len() { behind } else { rest }
}

/// The text behind an optional exponent.
pub(super) fn after_exponent(rest: &str) -> &str {
    let Some(power) = rest.strip_prefix(['e', 'E']) else { return rest };
    let power = power.strip_prefix(['+', '-']).unwrap_or(power);
    let behind = power.trim_start_matches(|c: char| c.is_ascii_digit());
    if behind.len() < power.len() { behind } else { rest }
}

/// A number as Python's `int` or else `float` reads it, or the text itself.
pub(super) fn number_or_text(text: &str) -> Literal {
    let trimmed = text.trim();
    let unsigned = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    let plain = unsigned.replace('_', "");
    let underscores_fit = !unsigned.starts_with('_') && !unsigned.ends_with('_') && !unsigned.contains("__");
    let sign = if trimmed.starts_with('-') { "-" } else { "" };
    if underscores_fit && !plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return whole(&format!("{sign}{plain}"));
    }
    let beside_digits = unsigned.split('_').collect::<Vec<_>>().windows(2).all(|pair| {
        pair[0].ends_with(|c: char| c.is_ascii_digit()) && pair[1].starts_with(|c: char| c.is_ascii_digit())
    });
    let signed = unsigned.starts_with(['+', '-']);
    match plain.parse::<f64>() {
        Ok(value) if beside_digits && !signed => Literal::Real(if sign.is_empty() { value } else { -value }),
        _ => Literal::Text(text.to_owned()),
    }
}

/// The text between a pair of quotes, if it stands in them.
pub(super) fn between(text: &str, quote: char) -> Option<&str> {
    // A lone quote is both the first and the last character; Python's slice of it is empty.
    if text.len() == 1 && text.starts_with(quote) {
        return Some("");
    }
    text.strip_prefix(quote)?.strip_suffix(quote)
}

/// The text without its first and its last character, whatever they are.
pub(super) fn shorn(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.next_back();
    chars.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_python() {
        for (text, expected) in [
            ("1_000", "1000"),
            (" +5 ", "5"),
            ("-1.5", "-1.5"),
            ("1e3", "1000.0"),
            (".5", "0.5"),
            ("1_0.5", "10.5"),
            ("1_.5", "\"1_.5\""),
            ("--5", "\"--5\""),
            ("_1", "\"_1\""),
            ("abc", "\"abc\""),
            ("", "\"\""),
        ] {
            assert_eq!(number_or_text(text).to_json().to_string(), expected, "{text}");
        }
        assert_eq!(number_or_text("inf"), Literal::Real(f64::INFINITY));
    }

    #[test]
    fn each_language_has_its_types() {
        assert_eq!(kind(Language::Python, "tuple"), Some(Kind::List));
        assert_eq!(kind(Language::Java, "tuple"), None);
        assert_eq!(kind(Language::JavaScript, "Bigint"), Some(Kind::Whole));
        assert_eq!(kind(Language::Java, "Hashtable"), Some(Kind::Dictionary));
        assert_eq!(kind(Language::JavaScript, "boolean"), None);
    }
}
