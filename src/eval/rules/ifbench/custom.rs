//! Instructions that are a whole task: what the reply must be, to the letter.

use unicode_normalization::UnicodeNormalization;

use super::super::pattern::Fixed;
use super::super::text::{is_sign, split, strip};
use super::super::{Given, Rule};
use super::csv::rows;
use super::splitter::sentences;

/// Instructions with a task of their own.
pub(super) const RULES: [(&str, Rule); 11] = [
    ("custom:multiples", multiples),
    ("custom:mcq_count_length", mcq_count_length),
    ("custom:reverse_newline", reverse_newline),
    ("custom:word_reverse", word_reverse),
    ("custom:character_reverse", character_reverse),
    ("custom:sentence_alphabet", sentence_alphabet),
    ("custom:european_capitals_sort", european_capitals_sort),
    ("custom:csv_city", csv_city),
    ("custom:csv_special_character", csv_special_character),
    ("custom:csv_quotes", csv_quotes),
    ("custom:date_format_list", date_format_list),
];

/// Capitals of Europe north of 45 degrees, from north to south.
const CAPITALS: [&str; 27] = [
    "Reykjavik",
    "Helsinki",
    "Oslo",
    "Tallinn",
    "Stockholm",
    "Riga",
    "Moscow",
    "Copenhagen",
    "Vilnius",
    "Minsk",
    "Dublin",
    "Berlin",
    "Amsterdam",
    "Warsaw",
    "London",
    "Brussels",
    "Prague",
    "Luxembourg",
    "Paris",
    "Vienna",
    "Bratislava",
    "Budapest",
    "Vaduz",
    "Chisinau",
    "Bern",
    "Ljubljana",
    "Zagreb",
];

static DIGITS: Fixed = Fixed::new(r"\d+");
static QUESTION: Fixed = Fixed::new(r"\n*Question \d+[.|):;]?[\s\x1c-\x1f]*");
static OPTION: Fixed = Fixed::new(r"^[A-Ea-e][.|)][\s\x1c-\x1f]*[\p{L}\p{N}_]");
static PRODUCTS: Fixed = Fixed::new(
    "^(?:ProductID|\"ProductID\"),[ \t]*(?:Category|\"Category\"),[ \t]*(?:Brand|\"Brand\"),[ \t]*(?:Price|\"Price\"),[ \t]*\
     (?:Stock|\"Stock\")$",
);
static STUDENTS: Fixed = Fixed::new(
    "^(?:StudentID|\"StudentID\")\t *(?:Subject|\"Subject\")\t *(?:Grade|\"Grade\")\t *(?:Semester|\"Semester\")\t *\
     (?:Score|\"Score\")$",
);
static SPECIAL: Fixed = Fixed::new("^\".*[^\\p{L}\\p{N}_\\s].*\"");
static DATE: Fixed = Fixed::new(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$");

/// The multiples of seven between 10 and 50 are all the numbers there are.
fn multiples(given: &Given<'_>) -> Option<bool> {
    Some(DIGITS.all(given.reply) == ["14", "21", "28", "35", "42", "49"])
}

/// Four questions with five options each, each question longer than the one before.
fn mcq_count_length(given: &Given<'_>) -> Option<bool> {
    if !given.reply.starts_with("Question") {
        return Some(false);
    }
    let questions: Vec<&str> =
        QUESTION.split(given.reply).into_iter().map(strip).filter(|part| !part.is_empty()).collect();
    let mut lengths = Vec::new();
    for question in questions {
        let lines: Vec<&str> = question.split('\n').map(strip).collect();
        if lines.iter().filter(|line| OPTION.is_in(line)).count() != 5 {
            return Some(false);
        }
        let text: Vec<&str> = lines.into_iter().take_while(|line| !OPTION.is_in(line)).collect();
        lengths.push(strip(&text.join(" ")).chars().count());
    }
    Some(lengths.len() == 4 && lengths.windows(2).all(|pair| matches!(pair, [a, b] if a < b)))
}

/// Letters without their marks, and nothing that is not ASCII then.
fn ascii(text: &str) -> String {
    text.nfkd().filter(char::is_ascii).collect()
}

/// From a line with Zimbabwe on, 52 lines or more in falling order of the alphabet.
fn reverse_newline(given: &Given<'_>) -> Option<bool> {
    let lines = given.reply.split('\n').map(|line| line.trim_matches(is_sign)).filter(|line| !line.is_empty());
    let lines: Vec<String> = lines.skip_while(|line| !line.contains("Zimbabwe")).map(ascii).collect();
    Some(lines.len() >= 52 && lines.is_sorted_by(|a, b| a >= b))
}

/// The national animal, with the words of the reply in reverse.
fn word_reverse(given: &Given<'_>) -> Option<bool> {
    let reply = super::super::text::bare(&given.reply.to_lowercase());
    let words: Vec<&str> = split(&reply).collect();
    let reversed: Vec<&str> = words.into_iter().rev().collect();
    Some(reversed.join(" ").contains("bald eagle"))
}

/// The same with its letters in reverse.
fn character_reverse(given: &Given<'_>) -> Option<bool> {
    Some(given.reply.to_lowercase().contains("elgae dlab"))
}

/// Twenty-six sentences that begin with the letters of the alphabet.
fn sentence_alphabet(given: &Given<'_>) -> Option<bool> {
    let firsts: Option<String> =
        sentences(given.reply).iter().map(|sentence| sentence.to_lowercase().chars().next()).collect();
    Some(firsts? == "abcdefghijklmnopqrstuvwxyz")
}

fn european_capitals_sort(given: &Given<'_>) -> Option<bool> {
    let reply = ascii(given.reply);
    Some(reply.split(',').map(strip).filter(|name| !name.is_empty()).eq(CAPITALS))
}

/// A head and seven rows of five fields.
fn csv_city(given: &Given<'_>) -> Option<bool> {
    let rows = rows(given.reply, ',');
    let (head, others) = rows.split_first()?;
    let is_head = head == &["ID", "Country", "City", "Year", "Count"];
    Some(is_head && others.len() == 7 && others.iter().all(|row| row.len() == 5))
}

/// The rows with the quotes of fields kept in them.
fn quoted_rows(text: &str, separator: char) -> Vec<Vec<String>> {
    rows(&text.replace('"', "\"\"\""), separator)
}

fn has_head(reply: &str, head: &Fixed) -> bool {
    reply.split('\n').next().is_some_and(|line| head.is_in(strip(line)))
}

/// A head and fourteen rows; a quoted field with a special sign comes before any row that is not of five fields.
fn csv_special_character(given: &Given<'_>) -> Option<bool> {
    let rows = quoted_rows(given.reply, ',');
    if !has_head(given.reply, &PRODUCTS) || rows.len() != 15 {
        return Some(false);
    }
    let fitting = rows.iter().skip(1).take_while(|row| row.len() == 5);
    Some(fitting.flatten().any(|field| SPECIAL.is_in(field)))
}

/// A head and three rows of five fields between tabs, each field in quotes.
fn csv_quotes(given: &Given<'_>) -> Option<bool> {
    let rows = quoted_rows(given.reply, '\t');
    let is_quoted = |field: &String| strip(field).starts_with('"') && strip(field).ends_with('"');
    let all = rows.iter().all(|row| row.len() == 5 && row.iter().all(is_quoted));
    Some(has_head(given.reply, &STUDENTS) && rows.len() == 4 && all)
}

/// Dates of Napoleon's lifetime between commas.
fn date_format_list(given: &Given<'_>) -> Option<bool> {
    Some(given.reply.split(',').map(strip).all(|date| is_date(date) == Some(true)))
}

fn is_date(date: &str) -> Option<bool> {
    if !DATE.is_in(date) {
        return Some(false);
    }
    let mut parts = date.split('-').map(str::parse::<u32>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    // Day and month 0 pass in the published rule.
    let days = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        0 => 99,
        _ => 31,
    };
    Some((1769..=1821).contains(&year) && month <= 12 && day <= days)
}
