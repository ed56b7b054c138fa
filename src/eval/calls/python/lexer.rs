//! The lexer of expressions: text to tokens with their places.

use super::super::literal::Literal;
use super::SyntaxError;
use super::strings::{self, Piece};

/// How deep brackets may be nested. CPython stops at 200; its parser gives up somewhat earlier.
const NESTING: usize = 100;

/// The longest whole number in decimal digits, as CPython has it.
const DIGITS: usize = 4300;

/// Every operator and bracket, longest first.
const SYMBOLS: [&str; 47] = [
    "**=", "//=", ">>=", "<<=", "...", "!=", "->", ":=", "**", "//", "<<", ">>", "<=", ">=", "==", "+=", "-=", "*=",
    "/=", "%=", "@=", "&=", "|=", "^=", "+", "-", "*", "/", "%", "@", "&", "|", "^", "~", "<", ">", "(", ")", "[", "]",
    "{", "}", ",", ":", ".", ";", "=",
];

/// Words that may follow a number at once.
const AFTER_NUMBER: [&str; 8] = ["and", "else", "for", "if", "in", "is", "not", "or"];

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub enum Token<'a> {
    /// A name or a keyword.
    Word(&'a str),
    /// A number.
    Number(Literal),
    /// A text, bytes or an f-string.
    String(Piece),
    /// An operator or a bracket.
    Symbol(&'static str),
    /// The end of a line outside of brackets.
    Newline,
    /// The end of the text.
    End,
}

/// A token and the bytes that it covers.
#[derive(Debug, Clone)]
pub struct Placed<'a> {
    /// The token.
    pub token: Token<'a>,
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// The tokens of a text; the last one is [`Token::End`].
pub fn tokens(text: &str) -> Result<Vec<Placed<'_>>, SyntaxError> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut depth = 0_usize;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let start = at;
        let rest = text.get(at..).unwrap_or_default();
        match c {
            ' ' | '\t' | '\x0c' => at += 1,
            '\r' | '\n' => {
                at += 1;
                if depth == 0 {
                    found.push(Placed { token: Token::Newline, start, end: at });
                }
            }
            '#' => at += rest.find('\n').unwrap_or(rest.len()),
            '\\' => at += continuation(rest)?,
            _ => {
                let (token, length) = token(rest, c)?;
                depth = nested(depth, &token)?;
                at += length;
                found.push(Placed { token, start, end: at });
            }
        }
    }
    found.push(Placed { token: Token::End, start: text.len(), end: text.len() });
    Ok(found)
}

/// The length of a backslash that joins two lines.
fn continuation(rest: &str) -> Result<usize, SyntaxError> {
    ["\\\r\n", "\\\n"]
        .iter()
        .find(|joint| rest.starts_with(**joint) && rest.len() > joint.len())
        .map(|joint| joint.len())
        .ok_or(SyntaxError("a backslash that joins no lines"))
}

fn nested(depth: usize, token: &Token<'_>) -> Result<usize, SyntaxError> {
    match token {
        Token::Symbol("(" | "[" | "{") if depth >= NESTING => Err(SyntaxError("too many nested brackets")),
        Token::Symbol("(" | "[" | "{") => Ok(depth + 1),
        Token::Symbol(")" | "]" | "}") => Ok(depth.saturating_sub(1)),
        _ => Ok(depth),
    }
}

/// The token that a text begins with, and its length.
fn token(rest: &str, first: char) -> Result<(Token<'_>, usize), SyntaxError> {
    if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
        return number(rest).map(|(literal, length)| (Token::Number(literal), length));
    }
    if let Some((piece, length)) = strings::read(rest)? {
        return Ok((Token::String(piece), length));
    }
    if is_start(first) {
        let word = word(rest);
        return Ok((Token::Word(word), word.len()));
    }
    let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
    symbol.map(|symbol| (Token::Symbol(symbol), symbol.len())).ok_or(SyntaxError("an unknown character"))
}

fn is_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn word(rest: &str) -> &str {
    let end = rest.find(|c: char| !(c == '_' || c.is_alphanumeric())).unwrap_or(rest.len());
    &rest[..end]
}

fn number(rest: &str) -> Result<(Literal, usize), SyntaxError> {
    let bytes = rest.as_bytes();
    let (literal, length) = match bytes.get(1).map(u8::to_ascii_lowercase) {
        Some(b'x') if bytes[0] == b'0' => based(rest, 16)?,
        Some(b'o') if bytes[0] == b'0' => based(rest, 8)?,
        Some(b'b') if bytes[0] == b'0' => based(rest, 2)?,
        _ => decimal(rest)?,
    };
    let following = word(&rest[length..]);
    if !following.is_empty() && !AFTER_NUMBER.contains(&following) {
        return Err(SyntaxError("a number that runs into a word"));
    }
    Ok((literal, length))
}

/// A number such as `0xff`.
fn based(rest: &str, radix: u32) -> Result<(Literal, usize), SyntaxError> {
    let end = digits(rest, 2, |c| c.is_digit(radix), true)?.ok_or(SyntaxError("a number without digits"))?;
    let mut value = 0_i128;
    for digit in rest[2..end].chars().filter_map(|c| c.to_digit(radix)) {
        value = value.saturating_mul(i128::from(radix)).saturating_add(i128::from(digit));
    }
    Ok((Literal::Whole(value), end))
}

/// The end of a run of digits with single underscores between them, or none where no digit stands at `from`.
fn digits(rest: &str, from: usize, is: impl Fn(char) -> bool, leading: bool) -> Result<Option<usize>, SyntaxError> {
    let mut end = from;
    let mut underscore = !leading;
    let mut any = false;
    for c in rest[from..].chars() {
        match c {
            '_' if underscore && !any => break,
            '_' if underscore => return Err(SyntaxError("two underscores in a number")),
            '_' => underscore = true,
            c if is(c) => (underscore, any) = (false, true),
            _ => break,
        }
        end += 1;
    }
    match (any, underscore) {
        (false, _) => Ok(None),
        (true, true) => Err(SyntaxError("a number that ends in an underscore")),
        (true, false) => Ok(Some(end)),
    }
}

/// A number with an optional fraction, exponent and `j`.
fn decimal(rest: &str) -> Result<(Literal, usize), SyntaxError> {
    let is_digit = |c: char| c.is_ascii_digit();
    let bytes = rest.as_bytes();
    let mut end = digits(rest, 0, is_digit, false)?.unwrap_or(0);
    let mut whole = true;
    if bytes.get(end) == Some(&b'.') {
        whole = false;
        end = digits(rest, end + 1, is_digit, false)?.unwrap_or(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let from = end + 1 + sign;
        if bytes.get(from).is_some_and(u8::is_ascii_digit) {
            whole = false;
            end = digits(rest, from, is_digit, false)?.unwrap_or(from);
        }
    }
    let plain = rest[..end].replace('_', "");
    if matches!(bytes.get(end), Some(b'j' | b'J')) {
        return Ok((Literal::Other(format!("{plain}j")), end + 1));
    }
    if !whole {
        let value = plain.parse().map_err(|_| SyntaxError("a number that cannot be read"))?;
        return Ok((Literal::Real(value), end));
    }
    if plain.starts_with('0') && plain.bytes().any(|digit| digit != b'0') {
        return Err(SyntaxError("a whole number that begins with zero"));
    }
    if plain.len() > DIGITS {
        return Err(SyntaxError("a whole number of too many digits"));
    }
    Ok((Literal::Whole(plain.parse().unwrap_or(i128::MAX)), end))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;

    fn one(text: &str) -> Option<Token<'_>> {
        let found = tokens(text).ok()?;
        (found.len() == 2).then(|| found[0].token.clone())
    }

    #[test]
    fn numbers_are_those_of_python() {
        for (text, value) in [("1_000", 1000), ("0x_fF", 255), ("0b101", 5), ("0o17", 15), ("000", 0)] {
            assert_eq!(one(text), Some(Token::Number(Literal::Whole(value))), "{text}");
        }
        for (text, value) in [("1.", 1.0), (".5", 0.5), ("1e3", 1000.0), ("01.5", 1.5), ("1_0.0_1E-1", 1.001)] {
            assert_eq!(one(text), Some(Token::Number(Literal::Real(value))), "{text}");
        }
        for text in ["01", "1_", "1__0", "0x", "12abc", "1e", "0b2", "1_.5"] {
            assert!(tokens(text).is_err(), "{text}");
        }
        assert_eq!(tokens("1if").unwrap().len(), 3);
        assert!(matches!(one("3j"), Some(Token::Number(Literal::Other(_)))));
    }

    #[test]
    fn line_ends_count_outside_of_brackets_only() {
        assert_eq!(tokens("[\n]").unwrap().len(), 3);
        assert_eq!(tokens("a\nb # c").unwrap().len(), 4);
        assert_eq!(tokens("a \\\n b").unwrap().len(), 3);
        assert!(tokens("a \\ b").is_err());
        assert!(tokens(&"(".repeat(NESTING + 1)).is_err());
    }
}
