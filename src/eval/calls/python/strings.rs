//! The literals of texts and bytes: prefixes, quotes and escapes.

use super::SyntaxError;

/// One literal; several in a row are one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A text.
    Text(String),
    /// Bytes, of which only the source is kept.
    Bytes(String),
    /// An f-string, of which only the source is kept.
    Format(String),
}

/// What a prefix says about the literal behind it.
struct Prefix {
    length: usize,
    raw: bool,
    bytes: bool,
    format: bool,
}

/// The literal that a text begins with and its length; none where it begins with something else.
pub fn read(rest: &str) -> Result<Option<(Piece, usize)>, SyntaxError> {
    let Some(prefix) = prefix(rest) else { return Ok(None) };
    let Some(quote) = quote(&rest[prefix.length..]) else { return Ok(None) };
    let inner = prefix.length + quote.len();
    let length = close(&rest[inner..], quote)?;
    let body = &rest[inner..inner + length];
    let end = inner + length + quote.len();
    let source = rest[..end].to_owned();
    let piece = if prefix.format {
        Piece::Format(source)
    } else if prefix.bytes {
        if !body.is_ascii() {
            return Err(SyntaxError("bytes beyond ASCII"));
        }
        Piece::Bytes(source)
    } else if prefix.raw {
        Piece::Text(body.to_owned())
    } else {
        Piece::Text(unescape(body)?)
    };
    Ok(Some((piece, end)))
}

fn prefix(rest: &str) -> Option<Prefix> {
    let length = rest.bytes().take(3).position(|byte| byte == b'"' || byte == b'\'')?;
    let letters = rest[..length].to_ascii_lowercase();
    let (raw, bytes, format) = match letters.as_str() {
        "" | "u" => (false, false, false),
        "r" => (true, false, false),
        "b" => (false, true, false),
        "br" | "rb" => (true, true, false),
        "f" => (false, false, true),
        "fr" | "rf" => (true, false, true),
        _ => return None,
    };
    Some(Prefix { length, raw, bytes, format })
}

fn quote(rest: &str) -> Option<&'static str> {
    ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote))
}

/// The length of what stands before the closing quote.
fn close(body: &str, quote: &str) -> Result<usize, SyntaxError> {
    let mark = quote.as_bytes();
    let bytes = body.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if bytes[at..].starts_with(mark) {
            return Ok(at);
        }
        match byte {
            // What follows a backslash never closes the literal, in raw ones neither.
            b'\\' => at += 2,
            b'\n' if mark.len() == 1 => return Err(SyntaxError("a text without its closing quote")),
            _ => at += 1,
        }
    }
    Err(SyntaxError("a text without its closing quote"))
}

/// A text with its escapes replaced. What Python would make a lone surrogate becomes U+FFFD.
fn unescape(body: &str) -> Result<String, SyntaxError> {
    let mut text = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(place) = rest.find('\\') {
        text.push_str(&rest[..place]);
        rest = &rest[place + 1..];
        let Some(c) = rest.chars().next() else { break };
        rest = &rest[c.len_utf8()..];
        let simple = match c {
            '\n' => None,
            '\\' | '\'' | '"' => Some(c),
            'a' => Some('\x07'),
            'b' => Some('\x08'),
            'f' => Some('\x0c'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\x0b'),
            'x' => Some(coded(&mut rest, 2)?),
            'u' => Some(coded(&mut rest, 4)?),
            'U' => Some(coded(&mut rest, 8)?),
            '0'..='7' => Some(octal(c, &mut rest)),
            _ => {
                text.push('\\');
                Some(c)
            }
        };
        text.extend(simple);
    }
    text.push_str(rest);
    Ok(text)
}

/// The character of so many hexadecimal digits.
fn coded(rest: &mut &str, count: usize) -> Result<char, SyntaxError> {
    let digits = rest.get(..count).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let digits = digits.ok_or(SyntaxError("an escape without its digits"))?;
    *rest = &rest[count..];
    let code = u32::from_str_radix(digits, 16).unwrap_or(u32::MAX);
    if code > 0x0010_ffff {
        return Err(SyntaxError("an escape beyond Unicode"));
    }
    Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// The character of one to three octal digits, of which the first was read.
fn octal(first: char, rest: &mut &str) -> char {
    let mut code = first.to_digit(8).unwrap_or(0);
    for _ in 0..2 {
        let Some(digit) = rest.chars().next().and_then(|c| c.to_digit(8)) else { break };
        code = code * 8 + digit;
        *rest = &rest[1..];
    }
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;

    fn text(source: &str) -> Option<String> {
        match read(source) {
            Ok(Some((Piece::Text(text), length))) if length == source.len() => Some(text),
            _ => None,
        }
    }

    #[test]
    fn escapes_are_those_of_python() {
        for (source, value) in [
            (r"'a\tb\x41\u00e9\U0001F600\101\q\''", "a\tbA\u{e9}\u{1f600}A\\q'"),
            (r#"r"\d\"""#, "\\d\\\""),
            ("'''a'b\n'''", "a'b\n"),
            ("'a\\\nb'", "ab"),
            (r"'\ud83d'", "\u{fffd}"),
            (r"u'\0'", "\0"),
        ] {
            assert_eq!(text(source).as_deref(), Some(value), "{source}");
        }
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for source in ["'a", "'a\nb'", r"'\x4'", r"'\U00110000'", "b'é'", r"'\"] {
            assert!(read(source).is_err(), "{source}");
        }
        assert_eq!(read("bx'a'").unwrap(), None);
        assert!(matches!(read("rB'a'"), Ok(Some((Piece::Bytes(_), 5)))));
    }
}
