//! Quantities in and out: rounding as EvalScope does it, and figures as people read them.

/// Nanoseconds in a second.
pub const NS_PER_S: f64 = 1e9;
/// Nanoseconds in a millisecond.
pub const NS_PER_MS: f64 = 1e6;

/// Rounds to decimals as Python's `round` does: correctly from the exact binary value, ties to even.
pub fn round_to(value: f64, decimals: usize) -> f64 {
    if !value.is_finite() {
        return value;
    }
    format!("{value:.decimals$}").parse().unwrap_or(value)
}

/// Nanoseconds as seconds.
pub fn seconds(ns: u64) -> f64 {
    ns as f64 / NS_PER_S
}

/// Nanoseconds as milliseconds.
pub fn millis(ns: u64) -> f64 {
    ns as f64 / NS_PER_MS
}

/// A figure with three significant digits and grouped thousands: `10.3`, `2,640`, `0.48`. Missing is `—`.
pub fn figure(value: Option<f64>) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else { return "—".to_owned() };
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    let decimals = (2 - magnitude).clamp(0, 6) as usize;
    let scale = 10f64.powi((magnitude - 2).max(0));
    let rounded = if magnitude > 2 { (value / scale).round() * scale } else { value };
    group(&format!("{rounded:.decimals$}"))
}

/// A whole number with grouped thousands.
pub fn count(value: u64) -> String {
    group(&value.to_string())
}

fn group(digits: &str) -> String {
    let (sign, rest) = digits.strip_prefix('-').map_or(("", digits), |rest| ("−", rest));
    let (whole, fraction) = rest.split_once('.').map_or((rest, ""), |(whole, fraction)| (whole, fraction));
    let mut grouped = String::with_capacity(digits.len() + 4);
    grouped.push_str(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

/// A length of time as people read it: `812 ms`, `9.31 s`, `1 m 02 s`.
pub fn span(seconds: f64) -> String {
    if seconds < 10.0 {
        if seconds < 1.0 { format!("{} ms", figure(Some(seconds * 1e3))) } else { format!("{seconds:.2} s") }
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        let whole = seconds.round() as u64;
        if whole < 3600 {
            format!("{} m {:02} s", whole / 60, whole % 60)
        } else {
            format!("{} h {:02} m", whole / 3600, whole / 60 % 60)
        }
    }
}

/// An amount of data as people read it: `812 B`, `12.3 MB`, in powers of 1000.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut amount = bytes as f64;
    let mut unit = 0;
    // What would be rounded to 1,000 is one of the next unit.
    while amount >= 999.5 && unit + 1 < UNITS.len() {
        amount /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{} {}", figure(Some(amount)), UNITS[unit]) }
}

/// Text from a server, safe to print: control characters become spaces and the length is bounded.
pub fn clean(text: &str, most: usize) -> String {
    let mut out: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect();
    if text.chars().count() > most {
        out.push('…');
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        for (bytes, expected) in
            [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (12_345_678, "12.3 MB"), (999_999, "1.00 MB")]
        {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn rounding_follows_python() {
        assert_eq!(round_to(0.125, 2), 0.12);
        assert_eq!(round_to(2.675, 2), 2.67);
        assert_eq!(round_to(0.414649, 4), 0.4146);
        assert!(round_to(f64::NAN, 2).is_nan());
    }

    #[test]
    fn figures_keep_three_digits() {
        for (value, text) in [
            (10.34, "10.3"),
            (2642.0, "2,640"),
            (0.4812, "0.481"),
            (0.0, "0"),
            (171.2, "171"),
            (1_234_567.0, "1,230,000"),
        ] {
            assert_eq!(figure(Some(value)), text);
        }
        assert_eq!(figure(None), "—");
        assert_eq!(figure(Some(-3.5)), "−3.50");
    }

    #[test]
    fn spans_read_well() {
        assert_eq!(span(0.812), "812 ms");
        assert_eq!(span(62.0), "1 m 02 s");
        assert_eq!(span(3720.0), "1 h 02 m");
    }

    #[test]
    fn server_text_is_cleaned() {
        assert_eq!(clean("a\u{1b}[31mb\n", 80), "a [31mb");
        assert_eq!(clean("abcdef", 3), "abc…");
    }
}
