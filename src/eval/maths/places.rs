//! Places in a reply where mathematics stands: boxes and text between mathematics delimiters.

use std::ops::Range;

use super::{lexer, parser, token::Sign};

/// More places than are looked at.
const MOST_PLACES: usize = 10_000;

/// More bytes than a formula between delimiters has.
const MOST_INSIDE: usize = 4_000;

/// A piece of a reply: where it stands with its delimiters, and where its inside is.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// With the delimiters.
    pub whole: Range<usize>,
    /// Without them.
    pub inside: Range<usize>,
}

impl Piece {
    /// The text inside.
    pub fn text<'a>(&self, reply: &'a str) -> &'a str {
        reply.get(self.inside.clone()).unwrap_or_default().trim()
    }
}

fn blank(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// The outermost boxes of a reply in order. One that is never closed ends with its line or at a dollar sign.
pub fn boxes(reply: &str) -> Vec<Piece> {
    let bytes = reply.as_bytes();
    let closing = closings(bytes);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(begin) = next_box(reply, at) {
        let Some(piece) = boxed(reply, &closing, &begin) else {
            at = begin.end;
            continue;
        };
        at = piece.whole.end.max(begin.end);
        if !piece.text(reply).is_empty() {
            found.push(piece);
        }
        if found.len() >= MOST_PLACES {
            break;
        }
    }
    found
}

/// The next command that draws a box: `\boxed`, `\fbox` or a misspelt one that ends so.
fn next_box(reply: &str, from: usize) -> Option<Range<usize>> {
    let tail = reply.get(from..)?;
    let mut at = 0;
    while let Some(slash) = tail.get(at..)?.find('\\') {
        let name = tail.get(at + slash + 1..)?;
        let length = name.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(name.len());
        let word = name.get(..length)?;
        let end = at + slash + 1 + length;
        if word.ends_with("boxed") || word == "fbox" || word == "framebox" {
            return Some(from + at + slash..from + end);
        }
        at = end.max(at + slash + 1);
    }
    None
}

/// For each opening brace, in the order of the text, where it is closed.
fn closings(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut open = Vec::new();
    let mut pairs = Vec::new();
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => open.push(at),
            b'}' => pairs.extend(open.pop().map(|begin| (begin, at))),
            _ => {}
        }
    }
    pairs.sort_unstable();
    pairs
}

fn boxed(reply: &str, closing: &[(usize, usize)], command: &Range<usize>) -> Option<Piece> {
    let tail = reply.get(command.end..)?;
    let begin = command.end + blank(tail);
    let body = reply.get(begin..)?;
    if !body.starts_with('{') {
        let length = body.find(|letter: char| letter.is_whitespace() || letter == '$').unwrap_or(body.len());
        return Some(Piece { whole: command.start..begin + length, inside: begin..begin + length });
    }
    if let Ok(found) = closing.binary_search_by_key(&begin, |(open, _)| *open) {
        let (_, end) = closing.get(found)?;
        return Some(Piece { whole: command.start..end + 1, inside: begin + 1..*end });
    }
    let length = body.find(['\n', '$']).unwrap_or(body.len());
    Some(Piece { whole: command.start..begin + length, inside: begin + 1..begin + length.max(1) })
}

/// The piece between delimiters that a text begins with, with ranges in that text.
pub fn delimited_at(text: &str) -> Option<Piece> {
    const PAIRS: [(&str, &str); 4] = [("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$")];
    for (open, close) in PAIRS {
        if let Some(body) = text.strip_prefix(open)
            && let Some(length) = closing_at(body, close)
        {
            let inside = open.len()..open.len() + length;
            return Some(Piece { whole: 0..inside.end + close.len(), inside });
        }
    }
    None
}

/// The first boundary of a character at a place or behind it.
fn ceiling(text: &str, place: usize) -> usize {
    (place.min(text.len())..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// Where a delimiter that is not escaped closes a text; single dollars do not reach over an empty line.
fn closing_at(body: &str, close: &str) -> Option<usize> {
    let mut at = 0;
    let body = body.get(..ceiling(body, MOST_INSIDE))?;
    loop {
        let found = at + body.get(at..)?.find(close)?;
        let escaped = close.starts_with('$') && body.get(..found)?.ends_with('\\');
        if !escaped {
            let within = close != "$" || !body.get(..found)?.contains("\n\n");
            return within.then_some(found);
        }
        at = found + close.len();
    }
}

/// The pieces of a reply between mathematics delimiters that are formulas, in order.
pub fn delimited(reply: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut tried = 0;
    while let Some(next) = reply.get(at..).and_then(|tail| tail.find(['$', '\\'])) {
        let begin = at + next;
        tried += 1;
        if tried > MOST_PLACES {
            break;
        }
        let tail = reply.get(begin..).unwrap_or_default();
        match delimited_at(tail) {
            Some(piece) if is_marked(tail, &piece) => {
                found.push(Piece {
                    whole: begin + piece.whole.start..begin + piece.whole.end,
                    inside: begin + piece.inside.start..begin + piece.inside.end,
                });
                at = begin + piece.whole.end;
            }
            _ => at = begin + skip(tail),
        }
    }
    found
}

/// How many bytes to go on where no piece begins: an escaped sign is passed as a whole.
fn skip(tail: &str) -> usize {
    let mut letters = tail.chars();
    let first = letters.next().map_or(1, char::len_utf8);
    if tail.starts_with('\\') { first + letters.next().map_or(0, char::len_utf8) } else { first }
}

/// Whether a piece is meant as mathematics: dollars may also be money.
fn is_marked(text: &str, piece: &Piece) -> bool {
    let inside = text.get(piece.inside.clone()).unwrap_or_default();
    if inside.trim().is_empty() || inside.len() > MOST_INSIDE {
        return false;
    }
    if text.starts_with("$$") || text.starts_with('\\') {
        return true;
    }
    let after = text.get(piece.whole.end..).and_then(|rest| rest.chars().next());
    let spaces = (inside.starts_with(char::is_whitespace), inside.ends_with(char::is_whitespace));
    spaces.0 == spaces.1 && !after.is_some_and(|letter| letter.is_ascii_digit()) && plain_words(inside) <= 2
}

/// How many words of prose a text has, read as mathematics; units do not count.
pub fn plain_words(text: &str) -> usize {
    let Some(tokens) = lexer::tokens(&super::character::plain(text)) else { return usize::MAX };
    tokens.iter().filter(|token| matches!(&token.sign, Sign::Word(word) if is_prose(word))).count()
}

/// Short words that are no product of letters.
const SHORT: [&str; 24] = [
    "is", "it", "of", "to", "we", "as", "so", "by", "an", "at", "on", "be", "he", "if", "my", "me", "us", "do", "go",
    "no", "up", "am", "in", "or",
];

fn is_prose(word: &str) -> bool {
    let long = word.chars().count() > 2 && !super::token::is_unit(word);
    long || !word.is_ascii() || SHORT.contains(&word.to_lowercase().as_str())
}

/// Whether a text reads as mathematics from end to end, without words of prose.
pub fn is_formula(text: &str) -> bool {
    let text = super::tidy::bare(text);
    plain_words(&text) == 0 && !counts_off(&text) && parser::parse(&text).is_some()
}

/// Whether letters and numbers stand in turn with spaces between them, as in "a 5 b 6".
fn counts_off(text: &str) -> bool {
    let Some(tokens) = lexer::tokens(text) else { return true };
    tokens.windows(2).any(|pair| match pair {
        [first, second] => {
            second.spaced && matches!((&first.sign, &second.sign), (Sign::Letter(_), Sign::Number { .. }))
        }
        _ => false,
    })
}

/// Whether what stands between two pieces only joins them: commas, dollars, "and", "or".
pub fn joins(between: &str) -> bool {
    between.len() <= 40
        && between
            .split(|letter: char| letter.is_whitespace() || matches!(letter, '$' | ',' | ';' | '~' | '、' | '，'))
            .all(|part| {
                matches!(
                    part,
                    "" | "and"
                        | "or"
                        | "&"
                        | "和"
                        | "或"
                        | "\\quad"
                        | "\\text{and}"
                        | "\\text{or}"
                        | "\\("
                        | "\\)"
                        | "\\text{"
                        | "}"
                )
            })
}

/// The last piece with those before it that are joined to it, as one text.
pub fn last_joined(reply: &str, pieces: &[Piece]) -> Option<(String, Range<usize>)> {
    let last = pieces.last()?;
    let mut first = pieces.len() - 1;
    while let Some(before) = first.checked_sub(1)
        && let (Some(left), Some(right)) = (pieces.get(before), pieces.get(first))
        && reply.get(left.whole.end..right.whole.start).is_some_and(joins)
    {
        first = before;
    }
    let joined = pieces.get(first..)?;
    let texts: Vec<&str> = joined.iter().map(|piece| piece.text(reply)).collect();
    Some((texts.join(", "), joined.first()?.whole.start..last.whole.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(reply: &str) -> Vec<&str> {
        boxes(reply).iter().map(|piece| piece.text(reply)).collect()
    }

    #[test]
    fn boxes_are_the_outermost_ones() {
        assert_eq!(boxed("\\boxed{1} and \\fbox {2\\frac{1}{2}}"), ["1", "2\\frac{1}{2}"]);
        assert_eq!(boxed("\\boxed{\\boxed{3}}"), ["\\boxed{3}"]);
        assert_eq!(boxed("\\boxed{}"), [""; 0]);
        assert_eq!(boxed("$\\boxed{\\frac{1}{2}$ more"), ["\\frac{1}{2}"]);
        assert_eq!(boxed("\\boxed 5 apples"), ["5"]);
        assert_eq!(boxed("\\boxed{\\{1\\}}"), ["\\{1\\}"]);
    }

    #[test]
    fn dollars_may_be_money() {
        let texts =
            |reply: &'static str| -> Vec<&str> { delimited(reply).iter().map(|piece| piece.text(reply)).collect() };
        assert_eq!(texts("Thus $x = 5$ and \\(y\\)"), ["x = 5", "y"]);
        assert_eq!(texts("It costs $7 and $8"), [""; 0]);
        assert_eq!(texts("At $11.50 each, 6 cost $69.00."), [""; 0]);
        assert_eq!(texts("$$\\$11$$"), ["\\$11"]);
    }
}
