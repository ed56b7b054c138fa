//! Sentences of English text by the decisions of Kiss and Strunk's Punkt (<https://doi.org/10.1162/coli.2006.32.4.485>).
//!
//! A sentence may end at `.`, `?` or `!` before a space or a closing sign. A full stop ends none after an abbreviation,
//! unless a word follows that begins sentences, nor after an initial or a number where what follows does not look like a
//! beginning. Punkt learns abbreviations and beginnings from a corpus; here both are short lists of the common ones.

use super::text::is_space;

/// Signs that end a word when they follow it.
const AFTER_WORD: &str = ")\";}]*:@'({[!?";
/// Signs that no word begins with.
const BEFORE_WORD: &str = "(\"`{[:;&#*@)}]-,";

/// Abbreviations that a full stop belongs to, without it and in lower case.
const ABBREVIATIONS: [&str; 74] = [
    "a.d", "a.m", "adj", "adm", "ala", "apr", "ariz", "ark", "aug", "ave", "b.c", "bros", "calif", "capt", "cf", "co",
    "col", "colo", "conn", "corp", "ct", "d.c", "dec", "dept", "dr", "e.g", "est", "feb", "fla", "ft", "gen", "gov",
    "i.e", "inc", "jan", "jr", "lt", "ltd", "maj", "mass", "messrs", "mr", "mrs", "ms", "mt", "n.c", "n.h", "n.j",
    "n.m", "n.y", "nov", "oct", "p.m", "ph.d", "pp", "prof", "r.i", "rep", "reps", "rev", "s.c", "sen", "sens", "sept",
    "sgt", "sr", "st", "tenn", "u.k", "u.n", "u.s", "u.s.a", "va", "vs",
];

/// Words that are common in lower case, so that a capital on them marks a beginning.
const BEGINNINGS: [&str; 66] = [
    "a", "about", "after", "all", "also", "although", "among", "an", "and", "another", "any", "as", "at", "because",
    "before", "both", "but", "by", "each", "even", "every", "first", "for", "from", "he", "her", "here", "his", "how",
    "however", "if", "in", "instead", "it", "its", "many", "more", "most", "my", "no", "not", "now", "of", "on",
    "once", "one", "or", "our", "she", "since", "so", "some", "such", "that", "the", "their", "there", "these", "they",
    "this", "those", "to", "we", "when", "while", "you",
];

/// The sentences of a text, without the space between them.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut slices = Vec::new();
    let mut start = 0;
    for (end, next) in ends(text) {
        slices.push((start, end));
        start = next;
    }
    slices.push((start, text.trim_end_matches(is_space).len().max(start)));
    realigned(text, &slices)
}

/// Where sentences end, and where the next ones begin.
fn ends(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((start, end)) = next_word(text, at) {
        at = end;
        let following = next_word(text, end);
        let Some(candidate) = candidate(text, start, end, following.is_some()) else { continue };
        let stop = candidate + 1;
        let (context, next) = match (stop == end, following) {
            (true, Some((from, to))) => (text.get(start..to), from),
            _ => {
                let sign = text.get(stop..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
                (text.get(start..stop + sign), stop)
            }
        };
        if context.is_some_and(breaks) {
            found.push((stop, next));
        }
    }
    found
}

/// The next run without spaces.
fn next_word(text: &str, from: usize) -> Option<(usize, usize)> {
    let rest = text.get(from..)?;
    let start = from + rest.find(|c| !is_space(c))?;
    let end = text.get(start..)?.find(is_space).map_or(text.len(), |length| start + length);
    Some((start, end))
}

/// The last mark in a run that a sentence could end at.
fn candidate(text: &str, start: usize, end: usize, is_followed: bool) -> Option<usize> {
    let word = text.get(start..end)?;
    let mut after = None;
    for (at, c) in word.char_indices().rev() {
        let fits = after.map_or(is_followed, |after| AFTER_WORD.contains(after));
        if matches!(c, '.' | '?' | '!') && fits {
            return Some(start + at);
        }
        after = Some(c);
    }
    None
}

/// Whether a run of letters with what follows holds the end of a sentence and something behind it.
fn breaks(context: &str) -> bool {
    let tokens = tokens(context);
    tokens.windows(2).any(|pair| matches!(pair, [token, next] if ends_sentence(token, next)))
}

fn ends_sentence(token: &str, next: &str) -> bool {
    if matches!(token, "." | "?" | "!") {
        return true;
    }
    let Some(stem) = token.strip_suffix('.') else { return false };
    let lower = stem.to_lowercase();
    let is_ellipsis = stem.ends_with('.');
    let is_known = |word: &str| ABBREVIATIONS.binary_search(&word).is_ok();
    let is_abbreviation = !is_ellipsis && (is_known(&lower) || lower.rsplit('-').next().is_some_and(is_known));
    let mut letters = stem.chars();
    let is_initial = letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none();
    let begins = begins(next);
    if is_initial || is_number(&lower) {
        // After an initial comes a name more often than a sentence.
        let unknown = if is_initial { !next.chars().next().is_some_and(char::is_uppercase) } else { true };
        return begins.unwrap_or(unknown);
    }
    if is_abbreviation || is_ellipsis { begins == Some(true) } else { true }
}

fn is_number(token: &str) -> bool {
    let digits = token.trim_start_matches('-').trim_start_matches(['.', ',']);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '.' | '-'))
}

/// Whether a word looks like the beginning of a sentence; `None` where it may be one or not.
fn begins(word: &str) -> Option<bool> {
    let first = word.chars().next()?;
    if matches!(first, ';' | ':' | ',' | '.' | '!' | '?') && word.chars().nth(1).is_none() {
        return Some(false);
    }
    if first.is_uppercase() {
        let lower = word.trim_end_matches('.').to_lowercase();
        return BEGINNINGS.binary_search(&lower.as_str()).is_ok().then_some(true);
    }
    first.is_lowercase().then_some(false)
}

/// The words and signs of a run of letters with what follows.
fn tokens(context: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = context.trim_start_matches(is_space);
    while let Some(first) = rest.chars().next() {
        let length = match repeated(rest) {
            0 if BEFORE_WORD.contains(first) => first.len_utf8(),
            0 => word_length(rest),
            length => length,
        };
        let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        found.push(token);
        rest = after.trim_start_matches(is_space);
    }
    found
}

/// The length of a row of dashes or dots at the beginning, else 0.
fn repeated(text: &str) -> usize {
    let run = |sign: char| text.len() - text.trim_start_matches(sign).len();
    run('-').max(run('.')).max(1) * usize::from(text.starts_with("--") || text.starts_with(".."))
}

fn word_length(text: &str) -> usize {
    let is_end = |rest: &str| {
        rest.starts_with(|c| is_space(c) || AFTER_WORD.contains(c)) || rest.is_empty() || repeated(rest) > 0
    };
    let ends = text.char_indices().skip(1).find(|(at, c)| {
        let rest = text.get(*at..).unwrap_or_default();
        is_end(rest) || (*c == ',' && is_end(rest.get(1..).unwrap_or_default()))
    });
    ends.map_or(text.len(), |(at, _)| at)
}

/// Gives closing quotes and brackets at the beginning of a sentence back to the one before.
fn realigned<'a>(text: &'a str, slices: &[(usize, usize)]) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut moved = 0;
    for (index, (start, end)) in slices.iter().enumerate() {
        let start = start + moved;
        let next = slices.get(index + 1).and_then(|(from, to)| Some((*from, text.get(*from..*to)?)));
        let (end, taken) = match next.map(|(from, next)| (from, closing(next))) {
            Some((from, (signs, all))) if all > 0 => (from + signs, all),
            _ => (*end, 0),
        };
        moved = taken;
        found.extend(text.get(start..end).filter(|sentence| !sentence.is_empty()));
    }
    found
}

/// The length of closing signs at the beginning, without and with the space behind them; zeros where text follows.
fn closing(text: &str) -> (usize, usize) {
    let rest = text.trim_start_matches(['"', '\'', ')', ']', '}']);
    let signs = text.len() - rest.len();
    let behind = rest.trim_start_matches(is_space);
    let is_closed = rest.is_empty() || behind.len() < rest.len() || rest.starts_with("--");
    if signs > 0 && is_closed { (signs, text.len() - behind.len()) } else { (0, 0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn splits(text: &str, expected: &[&str]) {
        assert_eq!(sentences(text), expected, "{text}");
    }

    #[test]
    fn marks_end_sentences() {
        splits("One. Two! Three?", &["One.", "Two!", "Three?"]);
        splits("One.\n\nTwo", &["One.", "Two"]);
        splits("Wow!!! Great.", &["Wow!!!", "Great."]);
        splits("No end here", &["No end here"]);
        splits("It costs 3.50 today. Fine.", &["It costs 3.50 today.", "Fine."]);
        splits("lower. case too.", &["lower.", "case too."]);
    }

    #[test]
    fn abbreviations_and_initials_do_not() {
        splits("Dr. Smith met J. Jones. They left.", &["Dr. Smith met J. Jones.", "They left."]);
        splits("It was in the U.S. The rest followed.", &["It was in the U.S.", "The rest followed."]);
        splits("Use tools, e.g. hammers, at 5 p.m. daily.", &["Use tools, e.g. hammers, at 5 p.m. daily."]);
        splits("Well... maybe. Yes.", &["Well... maybe.", "Yes."]);
        splits("In 1999. The end.", &["In 1999.", "The end."]);
    }

    #[test]
    fn closing_signs_stay_with_their_sentence() {
        splits("He said \"Go.\" Then he left.", &["He said \"Go.\"", "Then he left."]);
        splits("(It rained.) We stayed.", &["(It rained.)", "We stayed."]);
    }

    #[test]
    fn the_lists_are_in_order() {
        assert!(ABBREVIATIONS.is_sorted() && BEGINNINGS.is_sorted());
    }

    proptest! {
        #[test]
        fn any_text_is_split_without_loss(text in "\\PC{0,60}") {
            let kept = |text: &str| text.chars().filter(|c| !is_space(*c)).collect::<String>();
            prop_assert_eq!(kept(&sentences(&text).concat()), kept(&text));
        }
    }
}
