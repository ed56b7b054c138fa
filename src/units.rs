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

/// A figure with half the width of its interval, to two digits, and itself to the same place: `212.4 ±3.1`.
pub fn plus_minus(value: f64, half: f64) -> String {
    match place_of(half) {
        Some(place) => format!("{} ±{}", at_place(value, place), at_place(half, place)),
        None => format!("{} ±0", figure(Some(value))),
    }
}

/// A figure with the way down and up to the bounds of its interval, which need not be equal: `309 −22 +33`. It has four
/// significant digits at most, for a quantile is not known any better.
pub fn down_up(value: f64, low: f64, high: f64) -> String {
    let (down, up) = ((value - low).max(0.0), (high - value).max(0.0));
    let finest = if value > 0.0 { value.log10().floor() as i32 - 3 } else { i32::MIN };
    match place_of(down.max(up)).map(|place| place.max(finest)) {
        Some(place) => format!("{} −{} +{}", at_place(value, place), at_place(down, place), at_place(up, place)),
        None => format!("{} ±0", figure(Some(value))),
    }
}

/// The bounds of an interval, to two digits of half its width: `45.50 – 46.74`; four significant digits at most.
pub fn range(low: f64, high: f64) -> String {
    let finest = if high > 0.0 { high.log10().floor() as i32 - 3 } else { i32::MIN };
    match place_of((high - low) / 2.0).map(|place| place.max(finest)) {
        Some(place) => format!("{} – {}", at_place(low, place), at_place(high, place)),
        None => format!("{0} – {0}", figure(Some(low))),
    }
}

/// The power of ten of the second digit of a width; `None` where it has no digits.
fn place_of(width: f64) -> Option<i32> {
    (width.is_finite() && width > 0.0).then(|| {
        // What rounds up to the next power of ten has its second digit a place further left.
        let magnitude = width.log10().floor() as i32;
        let rounded = (width / 10f64.powi(magnitude - 1)).round() * 10f64.powi(magnitude - 1);
        rounded.log10().floor() as i32 - 1
    })
}

/// A figure rounded at a power of ten, thousands grouped.
fn at_place(value: f64, place: i32) -> String {
    let decimals = (-place).clamp(0, 6) as usize;
    let scale = 10f64.powi(place.max(0));
    let rounded = if place > 0 { (value / scale).round() * scale } else { value };
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
    let decimals = match amount {
        _ if unit == 0 => 0,
        amount if amount < 9.995 => 2,
        amount if amount < 99.95 => 1,
        _ => 0,
    };
    format!("{amount:.decimals$} {}", UNITS[unit])
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
    fn intervals_keep_two_digits_and_the_value_their_place() {
        for (value, half, text) in [
            (212.43, 3.12, "212.4 ±3.1"),
            (46.312, 0.0821, "46.312 ±0.082"),
            (2_334.0, 41.2, "2,334 ±41"),
            (23_342.0, 412.0, "23,340 ±410"),
            (5.31, 12.4, "5 ±12"),
            (9.5, 0.0996, "9.50 ±0.10"),
            (16.0, 0.0, "16.0 ±0"),
        ] {
            assert_eq!(plus_minus(value, half), text);
        }
        assert_eq!(down_up(309.0, 287.2, 342.0), "309 −22 +33");
        assert_eq!(down_up(2_014.0, 1_931.0, 2_116.0), "2,010 −80 +100");
        assert_eq!(down_up(8.4, 8.4, 8.4), "8.40 ±0");
        assert_eq!(range(45.5, 46.742), "45.50 – 46.74");
        assert_eq!(range(1_931.0, 2_116.0), "1,931 – 2,116");
        assert_eq!(range(7.0, 7.0), "7.00 – 7.00");
        assert_eq!(down_up(11.5876, 11.5794, 11.5958), "11.59 −0.01 +0.01");
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
