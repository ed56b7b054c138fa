//! Numbers as Python reads, writes and rounds them.

/// English words for small numbers, and their digits.
const WORDS: [(&str, &str); 12] = [
    ("none", "0"),
    ("zero", "0"),
    ("one", "1"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
];

/// The digits of an English word for a number of at most ten.
pub fn digits_of(word: &str) -> Option<&'static str> {
    WORDS.iter().find(|(name, _)| *name == word).map(|(_, digits)| *digits)
}

/// The number that Python's `float` reads from a text: outer blanks, underscores between digits, `inf` and `nan` in any
/// case are accepted.
pub fn python_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = match text.contains('_') {
        false => text.to_owned(),
        true => without_underscores(text)?,
    };
    let body = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let word = ["inf", "infinity", "nan"].iter().any(|word| body.eq_ignore_ascii_case(word));
    if !word && !body.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    plain.parse().ok()
}

/// Underscores may stand between two digits only.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |index: Option<usize>| index.and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_digit);
    let between = |index: usize| digit(index.checked_sub(1)) && digit(Some(index + 1));
    text.match_indices('_').all(|(index, _)| between(index)).then(|| text.replace('_', ""))
}

/// Rounds to so many decimals; halves go to the even neighbour, and what is a half is decided on the exact value of the
/// number, as in Python.
pub fn round_half_even(number: f64, decimals: usize) -> f64 {
    // Formatting works on the exact decimal value, so that 2.675 (which is a little less) becomes 2.67.
    format!("{number:.decimals$}").parse().unwrap_or(number)
}

/// A number as Python's `str` writes it: the shortest digits that read back, `1e+16` from there on, `.0` for whole
/// ones.
pub fn python_repr(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    let plain = format!("{number}");
    if plain.contains('.') { plain } else { format!("{plain}.0") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_numbers() {
        for (text, expected) in
            [(" 1.5 ", 1.5), ("-.5", -0.5), ("1e3", 1000.0), ("1_000", 1000.0), ("5.", 5.0), ("+2", 2.0)]
        {
            assert_eq!(python_float(text), Some(expected), "{text}");
        }
        for text in ["", "-", "e5", "1__0", "_1", "1_", "0x10", "1,000", "½", "."] {
            assert_eq!(python_float(text), None, "{text}");
        }
        assert_eq!(python_float("-INFINITY"), Some(f64::NEG_INFINITY));
        assert!(python_float("NaN").is_some_and(f64::is_nan));
    }

    #[test]
    fn rounding_is_that_of_the_exact_value() {
        assert_eq!(round_half_even(2.675, 2), 2.67);
        assert_eq!(round_half_even(0.125, 2), 0.12);
        assert_eq!(round_half_even(0.375, 2), 0.38);
        assert_eq!(round_half_even(-1.005, 2), -1.0);
    }

    #[test]
    fn numbers_as_texts() {
        for (number, expected) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (-0.0, "-0.0"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(python_repr(number), expected);
        }
    }
}
