//! Cuts a text of LaTeX or plain mathematics into tokens.

use super::token::{self, Sign, Token};
use super::tree::{Fence, Named, Relation};

/// More tokens than any answer has; a longer text is not read as mathematics.
const MOST_TOKENS: usize = 4_000;

/// More digits than any answer has.
const MOST_DIGITS: usize = 20_000;

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    spaced: bool,
    brackets: usize,
    tokens: Vec<Token>,
}

/// The tokens of a text, or `None` where it has signs that mathematics does not use or is too long.
pub fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut lexer = Lexer { text, at: 0, spaced: false, brackets: 0, tokens: Vec::new() };
    while lexer.step()? {
        if lexer.tokens.len() > MOST_TOKENS {
            return None;
        }
    }
    Some(lexer.tokens)
}

fn trimmed_word(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_whitespace() || matches!(letter, '~' | '"' | '.' | ',' | ';'))
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, sign: Sign, length: usize) -> Option<bool> {
        match sign {
            Sign::Open(_) | Sign::OpenSet | Sign::OpenAngle => self.brackets += 1,
            Sign::Close(_) | Sign::CloseSet | Sign::CloseAngle => self.brackets = self.brackets.saturating_sub(1),
            _ => {}
        }
        self.tokens.push(Token { sign, spaced: self.spaced });
        self.spaced = false;
        self.at += length;
        Some(true)
    }

    fn skip(&mut self, length: usize) -> Option<bool> {
        self.spaced = true;
        self.at += length;
        Some(true)
    }

    fn last(&self) -> Option<&Sign> {
        self.tokens.last().map(|token| &token.sign)
    }

    fn step(&mut self) -> Option<bool> {
        let rest = self.rest();
        let Some(letter) = rest.chars().next() else { return Some(false) };
        match letter {
            _ if letter.is_whitespace() => self.skip(letter.len_utf8()),
            '~' | '$' | '"' | '`' => self.skip(1),
            '\\' => self.command(),
            '0'..='9' => self.number(),
            '.' => self.dot(),
            '*' if rest.starts_with("**") => self.push(Sign::Caret, 2),
            _ if letter.is_alphabetic() => self.word(),
            _ => self.single(letter),
        }
    }

    fn dot(&mut self) -> Option<bool> {
        let rest = self.rest();
        if rest.starts_with("...") {
            return self.push(Sign::Ellipsis, rest.len() - rest.trim_start_matches('.').len());
        }
        if rest.get(1..).is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit())) {
            return self.number();
        }
        // A dot that ends the text is a full stop.
        if rest.trim_matches(['.', ' ', '\n', '\r', '\t']).is_empty() { self.skip(1) } else { None }
    }

    fn single(&mut self, letter: char) -> Option<bool> {
        let rest = self.rest();
        let (sign, length) = match letter {
            '+' => (Sign::Plus, 1),
            '-' => (Sign::Minus, 1),
            '*' => (Sign::Times, 1),
            '/' => (Sign::Divide, 1),
            '^' => (Sign::Caret, 1),
            '_' => (Sign::Underscore, 1),
            '=' if rest.starts_with("==") => (Sign::Relation(Relation::Equal), 2),
            '=' => (Sign::Relation(Relation::Equal), 1),
            '<' if rest.starts_with("<=") => (Sign::Relation(Relation::LessEqual), 2),
            '>' if rest.starts_with(">=") => (Sign::Relation(Relation::GreaterEqual), 2),
            '!' if rest.starts_with("!=") => (Sign::Relation(Relation::Unequal), 2),
            '<' => (Sign::Relation(Relation::Less), 1),
            '>' => (Sign::Relation(Relation::Greater), 1),
            ',' | ';' => (Sign::Comma, 1),
            ':' => (Sign::Colon, 1),
            '!' => (Sign::Bang, 1),
            '%' => (Sign::Percent, 1),
            '\'' => (Sign::Prime, 1),
            '|' => (Sign::Bar, 1),
            '&' => (Sign::Ampersand, 1),
            '(' => (Sign::Open(Fence::Round), 1),
            ')' => (Sign::Close(Fence::Round), 1),
            '[' => (Sign::Open(Fence::Square), 1),
            ']' => (Sign::Close(Fence::Square), 1),
            '{' => (Sign::OpenGroup, 1),
            '}' => (Sign::CloseGroup, 1),
            _ => return None,
        };
        self.push(sign, length)
    }

    /// Digits with everything that belongs to one number: separators of thousands, a decimal point, repeating digits
    /// and an exponent such as in `1e-3`.
    fn number(&mut self) -> Option<bool> {
        let rest = self.rest();
        let mut digits = String::new();
        let mut at = take_digits(rest, 0, &mut digits);
        if (1..=3).contains(&digits.len()) {
            // In brackets a comma divides members: (1,200) is a pair.
            while let Some(next) = thousands(rest, at, self.brackets > 0) {
                at = take_digits(rest, next, &mut digits);
            }
        }
        let tail = rest.get(at..).unwrap_or_default();
        let mut repeating = String::new();
        if let Some(fraction) = tail.strip_prefix('.')
            && !fraction.starts_with("..")
            && (fraction.starts_with(|letter: char| letter.is_ascii_digit() || letter == '\\') || !digits.is_empty())
        {
            digits.push('.');
            at = take_digits(rest, at + 1, &mut digits);
            let (length, found) = repeated(rest.get(at..).unwrap_or_default());
            at += length;
            repeating = found;
            if digits.ends_with('.') && repeating.is_empty() {
                digits.pop();
            }
        }
        let (length, exponent) = exponent(rest.get(at..).unwrap_or_default());
        at += length;
        if digits.len() > MOST_DIGITS {
            return None;
        }
        self.push(Sign::Number { digits, repeating, exponent }, at)
    }

    fn word(&mut self) -> Option<bool> {
        let rest = self.rest();
        let length = rest.find(|letter: char| !letter.is_alphabetic()).unwrap_or(rest.len());
        let word = rest.get(..length).unwrap_or_default();
        let lower = word.to_lowercase();
        if word == "x" && matches!(self.last(), Some(Sign::Number { .. })) && times_ten(rest) {
            return self.push(Sign::Times, length);
        }
        if word.chars().count() == 1 && word.is_ascii() {
            return self.push(Sign::Letter(word.to_owned()), length);
        }
        if let Some(sign) = token::named(word).or_else(|| token::named(&lower)) {
            return self.push(sign, length);
        }
        // A name of a function or π right behind or before letters: sinx, pir.
        for split in [6, 5, 4, 3, 2] {
            if let Some(head) = lower.get(..split)
                && word.len() <= split + 2
                && let Some(sign @ (Sign::Name(_) | Sign::Pi | Sign::Sqrt(_))) = token::named(head)
                && !matches!(head, "max" | "min" | "abs" | "sec" | "tan" | "tg")
            {
                return self.push(sign, split);
            }
        }
        self.push(Sign::Word(word.to_owned()), length)
    }

    fn command(&mut self) -> Option<bool> {
        let rest = self.rest();
        let after = rest.get(1..).unwrap_or_default();
        let length = after.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(after.len());
        if length == 0 {
            return self.escaped(after);
        }
        let word = after.get(..length).unwrap_or_default();
        let total = length + 1;
        match word {
            "left" | "right" if after.get(length..).is_some_and(|rest| rest.trim_start().starts_with('.')) => {
                let tail = after.get(length..).unwrap_or_default();
                let blank = tail.len() - tail.trim_start().len();
                self.skip(total + blank + 1)
            }
            "begin" | "end" => self.environment(word == "begin", total),
            "mathbb" => self.blackboard(total),
            "hspace" | "vspace" | "phantom" | "label" | "tag" | "color" => {
                let (_, inner) = argument(rest.get(total..).unwrap_or_default())?;
                self.skip(total + inner)
            }
            "xrightarrow" => {
                let (_, inner) = argument(rest.get(total..).unwrap_or_default())?;
                self.push(Sign::Relation(Relation::Equal), total + inner)
            }
            "pmod" => {
                let (inside, inner) = argument(rest.get(total..).unwrap_or_default())?;
                self.push(Sign::Text(format!("(mod {inside})")), total + inner)
            }
            _ if token::takes_words(word) => self.words(total),
            _ if token::is_ornamental(word) => self.skip(total),
            _ => {
                let sign = token::command(word).unwrap_or_else(|| Sign::Letter(word.to_owned()));
                self.push(sign, total)
            }
        }
    }

    /// A backslash before a sign that is no letter.
    fn escaped(&mut self, after: &str) -> Option<bool> {
        match after.chars().next() {
            Some('{') => self.push(Sign::OpenSet, 2),
            Some('}') => self.push(Sign::CloseSet, 2),
            Some('%') => self.push(Sign::Percent, 2),
            Some('|') => self.push(Sign::Bar, 2),
            Some('\\') => {
                // `\\[4pt]` sets a distance; it belongs to the row's end.
                let tail = after.get(1..).unwrap_or_default().trim_start();
                let distance = tail.strip_prefix('[').and_then(|tail| tail.find(']')).map_or(0, |end| {
                    let inside = tail.get(1..=end).unwrap_or_default();
                    let is_length = ["pt", "em", "ex", "mm", "cm"].iter().any(|unit| inside.ends_with(unit));
                    if is_length { end + 2 + after.len() - 1 - tail.len() } else { 0 }
                });
                self.push(Sign::Row, 2 + distance)
            }
            Some(letter @ ('$' | ' ' | ',' | ';' | ':' | '!' | '/' | '#' | '&' | '-' | '*' | '>')) => {
                self.skip(1 + letter.len_utf8())
            }
            Some(letter) if letter.is_whitespace() => self.skip(1 + letter.len_utf8()),
            Some('(' | ')' | '[' | ']' | '_' | '^') => self.skip(1),
            _ => self.skip(1),
        }
    }

    fn environment(&mut self, begins: bool, total: usize) -> Option<bool> {
        let (name, mut length) = argument(self.rest().get(total..).unwrap_or_default())?;
        let name = name.trim().trim_end_matches('*').to_owned();
        if begins && matches!(name.as_str(), "array" | "tabular") {
            length += argument(self.rest().get(total + length..).unwrap_or_default()).map_or(0, |(_, more)| more);
        }
        self.push(if begins { Sign::Begin(name) } else { Sign::End(name) }, total + length)
    }

    fn blackboard(&mut self, total: usize) -> Option<bool> {
        let (inside, length) = argument(self.rest().get(total..).unwrap_or_default())?;
        let sign = match inside.trim() {
            "R" => Sign::Named(Named::Reals),
            other => Sign::Named(Named::Other(other.chars().next()?)),
        };
        self.push(sign, total + length)
    }

    /// `\text{...}`: numbers and letters of choices are read on; words stay words.
    fn words(&mut self, total: usize) -> Option<bool> {
        let (inside, length) = argument(self.rest().get(total..).unwrap_or_default())?;
        let word = trimmed_word(inside);
        let lower = word.to_lowercase();
        let known = match lower.as_str() {
            "" | "$" | "€" | "£" | "¥" | "\\$" | "usd" => return self.skip(total + length),
            "and" | "&" => Some(Sign::And),
            "or" => Some(Sign::Or),
            "percent" | "%" | "\\%" => Some(Sign::Percent),
            "degrees" | "degree" | "°" => Some(Sign::Degree),
            _ if inside.trim() == "," => Some(Sign::Comma),
            _ => token::named(word).filter(|sign| matches!(sign, Sign::Name(_) | Sign::Log | Sign::Lg | Sign::Exp)),
        };
        if let Some(sign) = known {
            return self.push(sign, total + length);
        }
        let numeric = word.chars().any(|letter| letter.is_ascii_digit())
            && word.chars().filter(|letter| letter.is_alphabetic()).count() <= 1;
        if numeric && let Some(inner) = tokens(word) {
            self.tokens.extend(inner);
            return self.skip(total + length);
        }
        self.push(Sign::Text(word.to_owned()), total + length)
    }
}

fn take_digits(text: &str, from: usize, digits: &mut String) -> usize {
    let tail = text.get(from..).unwrap_or_default();
    let length = tail.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(tail.len());
    digits.push_str(tail.get(..length).unwrap_or_default());
    from + length
}

/// Where the next group of three digits begins, if a separator of thousands and such a group stand at `at`.
fn thousands(text: &str, at: usize, bracketed: bool) -> Option<usize> {
    let tail = text.get(at..)?;
    let separators: &[&str] = &[",\\! ", ",\\!", "{,}", "\\,", "\\ ", "\\;", "\\!", " ", ","];
    let separator = separators.iter().find(|separator| tail.starts_with(**separator))?;
    if bracketed && *separator == "," {
        return None;
    }
    let group = tail.get(separator.len()..)?;
    let length = group.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(group.len());
    let after = group.get(length..).unwrap_or_default().trim_start();
    // "1 234/5" would be a mixed number.
    let mixed = *separator == " " && (after.starts_with('/') || after.starts_with("\\frac"));
    (length == 3 && !mixed).then_some(at + separator.len())
}

/// Digits that repeat for ever: `\overline{3}`, `\bar{3}`, `\dot{3}`.
fn repeated(tail: &str) -> (usize, String) {
    for mark in ["\\overline", "\\bar", "\\dot"] {
        if let Some(rest) = tail.strip_prefix(mark)
            && let Some((inside, length)) = argument(rest)
            && !inside.is_empty()
            && inside.len() <= 100
            && inside.chars().all(|letter| letter.is_ascii_digit())
        {
            return (mark.len() + length, inside.to_owned());
        }
    }
    (0, String::new())
}

fn exponent(tail: &str) -> (usize, i32) {
    let Some(rest) = tail.strip_prefix(['e', 'E']) else { return (0, 0) };
    let unsigned = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    let length = unsigned.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(unsigned.len());
    let after = unsigned.get(length..).unwrap_or_default();
    if length == 0 || after.starts_with(|letter: char| letter.is_alphabetic()) {
        return (0, 0);
    }
    let total = tail.len() - after.len();
    let Some(value) = unsigned.get(..length).and_then(|digits| digits.parse::<i32>().ok()) else { return (0, 0) };
    (total, if rest.starts_with('-') { -value } else { value })
}

/// Whether the text goes on as `x 10^`, where x stands for times.
fn times_ten(rest: &str) -> bool {
    let tail = rest.get(1..).unwrap_or_default().trim_start();
    tail.strip_prefix("10").is_some_and(|tail| tail.trim_start().starts_with(['^', '*']))
}

/// What stands in the braces that a text begins with, and how many bytes it takes with the braces. A single letter
/// stands for itself.
pub fn argument(text: &str) -> Option<(&str, usize)> {
    let blank = text.len() - text.trim_start().len();
    let body = text.get(blank..)?;
    if !body.starts_with('{') {
        let letter = body.chars().next()?;
        return body.get(..letter.len_utf8()).map(|inside| (inside, blank + letter.len_utf8()));
    }
    let mut depth = 0usize;
    let mut escaped = false;
    for (at, letter) in body.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return body.get(1..at).map(|inside| (inside, blank + at + 1));
                }
            }
            _ => {}
        }
    }
    // A brace that is never closed holds all that follows.
    body.get(1..).map(|inside| (inside, text.len()))
}
