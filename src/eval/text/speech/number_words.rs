//! English number words in digits, by the rules of Whisper's authors.
//!
//! Successive digits are read as one number ("one oh one" is 101), suffixes are kept (1960s, 32nd), and signs of
//! currency stand before their number.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::eval::text::pattern::pattern;
use crate::eval::text::words::words;

const ONES: [&str; 19] = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
/// The multipliers with their power of ten.
const POWERS: [(&str, usize); 12] = [
    ("hundred", 2),
    ("thousand", 3),
    ("million", 6),
    ("billion", 9),
    ("trillion", 12),
    ("quadrillion", 15),
    ("quintillion", 18),
    ("sextillion", 21),
    ("septillion", 24),
    ("octillion", 27),
    ("nonillion", 30),
    ("decillion", 33),
];
const SIGNS_BEFORE: [(&str, &str); 4] = [("minus", "-"), ("negative", "-"), ("plus", "+"), ("positive", "+")];
const CURRENCIES: [(&str, &str); 8] = [
    ("pound", "£"),
    ("pounds", "£"),
    ("euro", "€"),
    ("euros", "€"),
    ("dollar", "$"),
    ("dollars", "$"),
    ("cent", "¢"),
    ("cents", "¢"),
];
const SIGNS: [char; 6] = ['-', '+', '£', '€', '$', '¢'];

/// What a word says.
#[derive(Clone, Copy, PartialEq)]
enum Word {
    Zero,
    One(u128),
    Ten(u128),
    Power(usize),
    OneWith(u128, &'static str),
    TenWith(u128, &'static str),
    PowerWith(usize, &'static str),
    SignBefore(&'static str),
    Currency(&'static str),
    Per,
    Percent,
    And,
    Repeat(usize),
    Point,
}

fn meaning(word: &str) -> Option<Word> {
    let one = |name: &str| ONES.iter().zip(1_u128..).find(|(one, _)| **one == name).map(|(_, value)| value);
    let ten = |name: &str| TENS.iter().zip(2_u128..).find(|(ten, _)| **ten == name).map(|(_, value)| value * 10);
    let power = |name: &str| POWERS.iter().find(|(power, _)| *power == name).map(|(_, exponent)| *exponent);
    let listed = |list: &'static [(&str, &'static str)]| list.iter().find(|(name, _)| *name == word).map(|(_, s)| *s);
    let special = match word {
        "o" | "oh" | "zero" => Some(Word::Zero),
        "per" => Some(Word::Per),
        "percent" => Some(Word::Percent),
        "and" => Some(Word::And),
        "double" => Some(Word::Repeat(2)),
        "triple" => Some(Word::Repeat(3)),
        "point" => Some(Word::Point),
        "zeroth" => Some(Word::OneWith(0, "th")),
        "first" => Some(Word::OneWith(1, "st")),
        "second" => Some(Word::OneWith(2, "nd")),
        "third" => Some(Word::OneWith(3, "rd")),
        "fifth" => Some(Word::OneWith(5, "th")),
        "twelfth" => Some(Word::OneWith(12, "th")),
        "eighth" => Some(Word::OneWith(8, "th")),
        "sixes" => Some(Word::OneWith(6, "s")),
        _ => None,
    };
    let plain =
        || one(word).map(Word::One).or_else(|| ten(word).map(Word::Ten)).or_else(|| power(word).map(Word::Power));
    let with = |suffix: &'static str, end: &str, ten_end: &str| {
        let stem = word.strip_suffix(end)?;
        let ordinal = suffix == "th";
        let one =
            one(stem).filter(|value| if ordinal { *value > 3 && !matches!(value, 5 | 8 | 12) } else { *value != 6 });
        let ten = || word.strip_suffix(ten_end).and_then(|stem| ten(&format!("{stem}y")));
        one.map(|value| Word::OneWith(value, suffix))
            .or_else(|| power(stem).map(|exponent| Word::PowerWith(exponent, suffix)))
            .or_else(|| ten().map(|value| Word::TenWith(value, suffix)))
    };
    special
        .or_else(plain)
        .or_else(|| with("th", "th", "ieth"))
        .or_else(|| with("s", "s", "ies"))
        .or_else(|| listed(&SIGNS_BEFORE).map(Word::SignBefore))
        .or_else(|| listed(&CURRENCIES).map(Word::Currency))
}

/// A number that is being read.
#[derive(Clone, Debug)]
enum Value {
    Whole(u128),
    /// Digits as they were said, perhaps with a point.
    Digits(String),
}

impl Value {
    fn into_text(self) -> String {
        match self {
            Self::Whole(number) => number.to_string(),
            Self::Digits(digits) => digits,
        }
    }

    /// With more digits after it.
    fn then(self, digits: &str) -> Self {
        let mut all = self.into_text();
        all.push_str(digits);
        Self::Digits(all)
    }

    /// With more after what was read so far, if that was anything but a zero that was counted.
    fn after(value: Option<Self>, more: &str) -> Self {
        match value {
            None | Some(Self::Whole(0)) => Self::Digits(more.to_owned()),
            Some(value) => value.then(more),
        }
    }

    /// Times a power of ten; none where that is no whole number, or one that is too large.
    fn times(&self, exponent: usize) -> Option<u128> {
        let Self::Digits(text) = self else { return (matches!(self, Self::Whole(0))).then_some(0) };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let decimals = decimals.trim_end_matches('0');
        if decimals.len() > exponent || text.matches('.').count() > 1 || text == "." {
            return None;
        }
        format!("{whole}{decimals}{}", "0".repeat(exponent - decimals.len())).parse().ok()
    }
}

fn ten_to(exponent: usize) -> u128 {
    u32::try_from(exponent).ok().and_then(|exponent| 10_u128.checked_pow(exponent)).unwrap_or(u128::MAX)
}

static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[0-9]+(?:\.[0-9]+)?$"));
static AND_A_HALF: LazyLock<Regex> = LazyLock::new(|| pattern(r"\band\s+a\s+half\b"));
static LETTER_DIGIT: LazyLock<Regex> = LazyLock::new(|| pattern("([a-z])([0-9])"));
static DIGIT_LETTER: LazyLock<Regex> = LazyLock::new(|| pattern("([0-9])([a-z])"));
static SUFFIX: LazyLock<Regex> = LazyLock::new(|| pattern(r"([0-9])\s+(st|nd|rd|th|s)\b"));
static AND_CENTS: LazyLock<Regex> = LazyLock::new(|| pattern(r"([€£$])([0-9]+) (?:and )?¢([0-9]{1,2})\b"));
static ONLY_CENTS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[€£$]0.([0-9]{1,2})\b"));
static LONE_ONE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b1(s?)\b"));

/// The text with number words in digits; a lone 1 is written "one".
pub(super) fn numbers_in_digits(text: &str) -> String {
    let text = halves(text);
    let text = LETTER_DIGIT.replace_all(&text, "${1} ${2}");
    let text = DIGIT_LETTER.replace_all(&text, "${1} ${2}");
    let text = SUFFIX.replace_all(&text, "${1}${2}");
    let all: Vec<&str> = words(&text).collect();
    let text = Reader::default().read(&all).join(" ");
    let two_digits = |cents: &str| format!("{:02}", cents.parse::<u8>().unwrap_or(0));
    let text = AND_CENTS
        .replace_all(&text, |found: &Captures<'_>| format!("{}{}.{}", &found[1], &found[2], two_digits(&found[3])));
    let text =
        ONLY_CENTS.replace_all(&text, |found: &Captures<'_>| format!("¢{}", found[1].parse::<u8>().unwrap_or(0)));
    LONE_ONE.replace_all(&text, "one${1}").into_owned()
}

/// "two and a half" as "two point five".
fn halves(text: &str) -> String {
    let parts: Vec<&str> = AND_A_HALF.split(text).collect();
    let last = parts.len().saturating_sub(1);
    let mut written = Vec::new();
    for (index, part) in parts.into_iter().enumerate().filter(|(_, part)| !part.trim().is_empty()) {
        written.push(part);
        if index < last {
            let word = words(part).last().and_then(meaning);
            let number = matches!(word, Some(Word::Zero | Word::One(_) | Word::Ten(_) | Word::Power(_)));
            written.push(if number { "point five" } else { "and a half" });
        }
    }
    written.join(" ")
}

#[derive(Default)]
struct Reader {
    written: Vec<String>,
    sign: Option<String>,
    value: Option<Value>,
    skip: bool,
}

/// The words beside the one that is read.
struct Beside<'a> {
    before: Option<Word>,
    after: Option<&'a str>,
}

impl Beside<'_> {
    fn number_follows(&self) -> bool {
        self.after.is_some_and(|word| NUMBER.is_match(word))
    }

    fn meaning_follows(&self) -> Option<Word> {
        self.after.and_then(meaning)
    }
}

impl Reader {
    fn read(mut self, all: &[&str]) -> Vec<String> {
        for (index, current) in all.iter().enumerate() {
            if std::mem::take(&mut self.skip) {
                continue;
            }
            let before = index.checked_sub(1).and_then(|before| all.get(before)).and_then(|word| meaning(word));
            let beside = Beside { before, after: all.get(index + 1).copied() };
            let bare = current.strip_prefix(SIGNS).unwrap_or(current);
            if NUMBER.is_match(bare) {
                self.digits(current, bare);
            } else if let Some(word) = meaning(current) {
                self.word(current, word, &beside);
            } else {
                self.finish();
                self.write(current);
            }
        }
        self.finish();
        self.written
    }

    fn write(&mut self, text: &str) {
        let sign = self.sign.take().unwrap_or_default();
        self.written.push(format!("{sign}{text}"));
        self.value = None;
    }

    fn finish(&mut self) {
        if let Some(value) = self.value.take() {
            self.write(&value.into_text());
        }
    }

    fn digits(&mut self, current: &str, bare: &str) {
        if let Some(Value::Digits(digits)) = &mut self.value
            && digits.ends_with('.')
        {
            digits.push_str(current);
            return;
        }
        self.finish();
        let sign = current.strip_suffix(bare).filter(|sign| !sign.is_empty());
        self.sign = sign.map(str::to_owned).or(self.sign.take());
        let digits = Value::Digits(bare.to_owned());
        self.value = Some(digits.times(0).map_or(digits, Value::Whole));
    }

    fn word(&mut self, current: &str, word: Word, beside: &Beside<'_>) {
        match word {
            Word::Zero => self.value = Some(Value::after(self.value.take(), "0")),
            Word::One(one) => self.value = Some(self.with_one(one, beside)),
            Word::Ten(ten) => self.value = Some(self.with_ten(ten)),
            Word::OneWith(one, suffix) => {
                let value = self.with_one(one, beside);
                self.write(&format!("{}{suffix}", value.into_text()));
            }
            Word::TenWith(ten, suffix) => {
                let value = self.with_ten(ten);
                self.write(&format!("{}{suffix}", value.into_text()));
            }
            Word::Power(exponent) => {
                let value = self.with_power(exponent);
                self.value = Some(value);
            }
            Word::PowerWith(exponent, suffix) => {
                let value = self.with_power(exponent);
                self.write(&format!("{}{suffix}", value.into_text()));
            }
            Word::SignBefore(sign) => {
                self.finish();
                if beside.meaning_follows().is_some() || beside.number_follows() {
                    self.sign = Some(sign.to_owned());
                } else {
                    self.write(current);
                }
            }
            Word::Currency(sign) => match self.value.take() {
                Some(value) => {
                    self.sign = Some(sign.to_owned());
                    self.write(&value.into_text());
                }
                None => self.write(current),
            },
            Word::Percent | Word::Per => self.percent(current, word, beside),
            Word::And | Word::Repeat(_) | Word::Point => self.special(current, word, beside),
        }
    }

    fn with_one(&mut self, one: u128, beside: &Beside<'_>) -> Value {
        let after_one = matches!(beside.before, Some(Word::One(_)));
        match self.value.take() {
            None => Value::Whole(one),
            // The last zero of "fifty" gives way to the digit.
            Some(Value::Digits(mut digits)) if matches!(beside.before, Some(Word::Ten(_))) && one < 10 => {
                digits.pop();
                Value::Digits(digits).then(&one.to_string())
            }
            Some(Value::Whole(number)) if !after_one && number % if one < 10 { 10 } else { 100 } == 0 => {
                Value::Whole(number.saturating_add(one))
            }
            Some(value) => value.then(&one.to_string()),
        }
    }

    fn with_ten(&mut self, ten: u128) -> Value {
        match self.value.take() {
            None => Value::Whole(ten),
            Some(Value::Whole(number)) if number % 100 == 0 => Value::Whole(number.saturating_add(ten)),
            Some(value) => value.then(&ten.to_string()),
        }
    }

    fn with_power(&mut self, exponent: usize) -> Value {
        let power = ten_to(exponent);
        match self.value.take() {
            None => Value::Whole(power),
            Some(Value::Whole(number)) if number != 0 => {
                let (thousands, rest) = (number / 1000 * 1000, number % 1000);
                Value::Whole(rest.saturating_mul(power).saturating_add(thousands))
            }
            Some(value) => match value.times(exponent) {
                Some(product) => Value::Whole(product),
                None => {
                    self.write(&value.into_text());
                    Value::Whole(power)
                }
            },
        }
    }

    fn percent(&mut self, current: &str, word: Word, beside: &Beside<'_>) {
        let Some(value) = self.value.take() else { return self.write(current) };
        if word == Word::Percent {
            self.write(&format!("{}%", value.into_text()));
        } else if beside.after == Some("cent") {
            self.write(&format!("{}%", value.into_text()));
            self.skip = true;
        } else {
            self.write(&value.into_text());
            self.write(current);
        }
    }

    fn special(&mut self, current: &str, word: Word, beside: &Beside<'_>) {
        let next = beside.meaning_follows();
        if next.is_none() && !beside.number_follows() {
            self.finish();
            return self.write(current);
        }
        match (word, next) {
            // "And" after hundreds and thousands belongs to the number.
            (Word::And, _) if matches!(beside.before, Some(Word::Power(_))) => {}
            (Word::Repeat(times), Some(Word::One(_) | Word::Zero)) => {
                let digit = if let Some(Word::One(one)) = next { one } else { 0 };
                let digits = digit.to_string().repeat(times);
                self.value = Some(Value::after(self.value.take(), &digits));
                self.skip = true;
            }
            (Word::Point, _) => {
                let decimal = matches!(next, Some(Word::Zero | Word::One(_) | Word::Ten(_)));
                if decimal || beside.number_follows() {
                    self.value = Some(Value::after(self.value.take(), "."));
                }
            }
            _ => {
                self.finish();
                self.write(current);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, expected) in [
            ("one oh one", "101"),
            ("twenty twenty", "2020"),
            ("two hundred and five", "205"),
            ("three million two hundred thousand", "3200000"),
            ("nineteen sixties", "1960s"),
            ("thirty second", "32nd"),
            ("two point five million", "2500000"),
            ("two and a half", "2.5"),
            ("minus twenty", "-20"),
            ("five dollars", "$5"),
            ("fifty per cent", "50%"),
            ("double o seven", "007"),
            ("thousands of people", "1000s of people"),
            ("salt and pepper", "salt and pepper"),
            ("one", "one"),
            ("point taken", "point taken"),
            ("1.5 billion", "1500000000"),
            ("a 2nd b2b", "a 2nd b 2 b"),
            ("eighth", "8th"),
            ("", ""),
        ] {
            assert_eq!(numbers_in_digits(text), expected, "{text}");
        }
    }
}
