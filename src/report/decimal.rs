//! Numbers as EvalScope's tables print them: a fixed number of decimals for each unit, trailing zeros cut off.

use serde_json::Value;

/// What stands where EvalScope has no value.
pub const MISSING: &str = "—";

/// A number with at most so many decimals. Ties go up, as in decimal arithmetic, and trailing zeros are cut off.
pub fn decimal(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return MISSING.to_owned();
    }
    // The shortest decimal text that reads back as the value is what a person means by it, so the rounding is done on
    // that text and not on the binary value behind it.
    let text = value.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let kept: String = fraction.chars().take(decimals).collect();
    let rest = &fraction[kept.len()..];
    let above = match rest.as_bytes() {
        [b'6'..=b'9', ..] => true,
        [b'5', more @ ..] => value > 0.0 || more.iter().any(|digit| *digit != b'0'),
        _ => false,
    };
    let mut digits: Vec<u8> = whole.bytes().chain(kept.bytes()).collect();
    if above {
        increment(&mut digits);
    }
    let split = digits.len() - kept.len();
    let text: String = digits.into_iter().map(char::from).collect();
    let (whole, fraction) = text.split_at(split);
    let fraction = fraction.trim_end_matches('0');
    let sign = if value < 0.0 && text.bytes().any(|digit| digit != b'0') { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Adds one to the last place of decimal digits.
fn increment(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
}

/// A JSON number of EvalScope's files; its sentinels for "none" are negative and become `—`.
pub fn number(value: Option<&Value>) -> Option<f64> {
    value.and_then(Value::as_f64).filter(|value| value.is_finite() && *value >= 0.0)
}

/// The text of a number that may be missing.
pub fn shown(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| MISSING.to_owned(), |value| decimal(value, decimals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_cut_and_ties_go_up() {
        for (value, decimals, text) in [
            (100.0, 2, "100"),
            (0.70, 2, "0.7"),
            (2.675, 2, "2.68"),
            (0.125, 2, "0.13"),
            (-0.125, 2, "-0.12"),
            (-0.001, 2, "0"),
            (99.996, 2, "100"),
            (1e21, 0, "1000000000000000000000"),
            (0.4146, 3, "0.415"),
            (8.5, 0, "9"),
        ] {
            assert_eq!(decimal(value, decimals), text, "{value}");
        }
        assert_eq!(decimal(f64::NAN, 2), "—");
    }

    #[test]
    fn sentinels_are_missing() {
        assert_eq!(number(Some(&Value::from(-1000.0))), None);
        assert_eq!(number(Some(&Value::Null)), None);
        assert_eq!(shown(number(Some(&Value::from(0.0))), 2), "0");
    }
}
