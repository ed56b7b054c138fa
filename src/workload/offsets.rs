//! Instants of arrival from a file: plain seconds, or the time column of a trace in CSV or JSONL.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::value::RawValue;

use super::lines::{Lines, Place};
use crate::error::{Failure, Result};

/// Name of the time in CSV and JSONL, in whatever case.
const COLUMN: &str = "timestamp";

/// How the lines of a trace are read.
enum Layout {
    /// A number a line.
    Plain,
    /// A header, and the number of the time's column.
    Csv(usize),
    /// A JSON object a line.
    Jsonl,
}

/// Reads instants of arrival, in nanoseconds after the first.
///
/// | first line | each line | as in |
/// |---|---|---|
/// | a number | seconds | plain lists |
/// | a JSON object | `timestamp`: seconds or a date with time; milliseconds beside `hash_ids` without `chat_id` | EvalScope, vLLM, Bailian; Mooncake |
/// | anything else | CSV with a column `timestamp`: seconds, or a date with time | BurstGPT; Azure |
///
/// The name may be in any case. Up to nine digits of a second count; a date without offset is in UTC. Blank lines are
/// passed over.
///
/// # Errors
/// When the file cannot be read, has no instant, or a line has none or an earlier one than the line before it.
pub fn read_offsets(path: &Path) -> Result<Arc<[u64]>> {
    let mut lines = Lines::open(path, "--arrival-file")?;
    let mut layout = None;
    let mut first = None;
    let mut offsets: Vec<u64> = Vec::new();
    while let Some((place, line)) = lines.next()? {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let layout = match &layout {
            Some(layout) => layout,
            None => {
                let found = layout_of(line, place)?;
                let header = matches!(found, Layout::Csv(_));
                let found = layout.insert(found);
                if header {
                    continue;
                }
                &*found
            }
        };
        let instant = instant(layout, line, place)?;
        let start = *first.get_or_insert(instant);
        let offset = instant.checked_sub(start).and_then(|offset| u64::try_from(offset).ok());
        match offset {
            Some(offset) if offsets.last().is_none_or(|last| *last <= offset) => offsets.push(offset),
            _ => return Err(place.refuse("is earlier than the line before it").hint("sort the file by time")),
        }
    }
    if offsets.is_empty() {
        return Err(Failure::usage(format!("--arrival-file {}: has no instants", path.display()))
            .hint("give seconds, one a line, or CSV or JSONL with a timestamp"));
    }
    Ok(offsets.into())
}

fn layout_of(line: &str, place: Place<'_>) -> Result<Layout> {
    if line.starts_with('{') {
        return Ok(Layout::Jsonl);
    }
    if nanoseconds(line, 9).is_some() {
        return Ok(Layout::Plain);
    }
    let column = fields(line).position(|name| name.eq_ignore_ascii_case(COLUMN));
    column.map(Layout::Csv).ok_or_else(|| {
        place
            .refuse("neither seconds, nor a JSON object, nor a header with a column timestamp")
            .hint("give seconds, one a line, or CSV or JSONL with a timestamp")
    })
}

/// The instant of a line, in nanoseconds since some fixed one.
fn instant(layout: &Layout, line: &str, place: Place<'_>) -> Result<i128> {
    let (text, digits) = match layout {
        Layout::Plain => (line, 9),
        Layout::Csv(column) => {
            let text = fields(line).nth(*column);
            (text.ok_or_else(|| place.refuse(format_args!("has no column {}", column + 1)))?, 9)
        }
        Layout::Jsonl => return instant_of_object(line, place),
    };
    parse(text, digits).ok_or_else(|| refuse(text, place))
}

fn instant_of_object(line: &str, place: Place<'_>) -> Result<i128> {
    // Numbers stay as they are written: as doubles they would lose what is below a microsecond.
    let object: std::collections::BTreeMap<String, &RawValue> =
        serde_json::from_str(line).map_err(|error| place.refuse("not a JSON object").because(error))?;
    let time = object.iter().find(|(name, _)| name.eq_ignore_ascii_case(COLUMN));
    let (_, time) = time.ok_or_else(|| place.refuse("has no timestamp"))?;
    let milliseconds = object.contains_key("hash_ids") && !object.contains_key("chat_id");
    let text = time.get().trim_matches('"');
    parse(text, if milliseconds { 6 } else { 9 }).ok_or_else(|| refuse(text, place))
}

fn refuse(text: &str, place: Place<'_>) -> Failure {
    place.refuse(format_args!("{text:?} is no instant")).hint("an instant is a number, or a date with a time")
}

/// Nanoseconds of a number of seconds (9 digits) or milliseconds (6 digits), or of a date with a time.
pub(super) fn parse(text: &str, digits: u32) -> Option<i128> {
    if let Some(number) = nanoseconds(text, digits) {
        return Some(number);
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.as_nanosecond());
    }
    let civil = text.parse::<DateTime>().ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_nanosecond())
}

/// A decimal number times `10^digits`, cut to a whole one. Plain digits are exact; a number with an exponent
/// goes through a double.
fn nanoseconds(text: &str, digits: u32) -> Option<i128> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    if !plain(whole) || !plain(fraction) {
        let value = text.parse::<f64>().ok()?;
        return (value.is_finite() && value.abs() < 1e15).then(|| (value * 10_f64.powi(digits as i32)).round() as i128);
    }
    let kept = fraction.get(..digits as usize).unwrap_or(fraction);
    let missing = digits.saturating_sub(u32::try_from(kept.len()).ok()?);
    let number: i128 = format!("0{whole}{kept}").parse().ok()?;
    number.checked_mul(10_i128.checked_pow(missing)?).map(|number| sign * number)
}

/// The fields of a line of CSV, without the quotes around them.
pub(super) fn fields(line: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    line.split(move |c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .map(|field| field.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{TestResult, file};
    use super::*;
    use crate::error::Exit;

    fn read(bytes: &str) -> TestResult<Result<Vec<u64>>> {
        let (_folder, path) = file("a.trace", bytes.as_bytes())?;
        Ok(read_offsets(&path).map(|offsets| offsets.to_vec()))
    }

    #[test]
    fn instants_of_every_layout_are_read() -> TestResult {
        for (bytes, expected) in [
            ("0\n0.25\n\n1.5e0\n2\n", &[0, 250_000_000, 1_500_000_000, 2_000_000_000][..]),
            ("\u{feff}1700000000.123456789\r\n1700000000.1234567899\n", &[0, 0]),
            ("1700000000.000000001\n1700000000.000000002\n", &[0, 1]),
            ("-1.5\n.5\n3.\n", &[0, 2_000_000_000, 4_500_000_000]),
            // BurstGPT, then Azure's two spellings.
            ("Timestamp,Model,Log Type\n12,ChatGPT,\"a, b\"\n19,GPT-4,x\n", &[0, 7_000_000_000]),
            ("\"Model\",\"Timestamp\"\n\"a,b\",5\n\"c\",5.5\n", &[0, 500_000_000]),
            ("TIMESTAMP,ContextTokens\n2023-11-16 09:30:00.1250000,512\n2023-11-16 09:30:01,9\n", &[0, 875_000_000]),
            ("TIMESTAMP,A\n2024-05-12 23:59:59.250000+00:00,1\n2024-05-13 02:00:00.25+02:00,3\n", &[0, 1_000_000_000]),
            // EvalScope, Mooncake, Bailian.
            ("{\"timestamp\": 1.000000001}\n{\"body\": {}, \"timestamp\": \"1.5\"}\n", &[0, 499_999_999]),
            (
                "{\"timestamp\": \"2026-01-01T00:00:00Z\"}\n{\"timestamp\": \"2026-01-01T00:00:02Z\"}\n",
                &[0, 2_000_000_000],
            ),
            ("{\"timestamp\":0,\"hash_ids\":[7]}\n{\"timestamp\":250.5,\"hash_ids\":[7]}\n", &[0, 250_500_000]),
            (
                "{\"timestamp\":1,\"hash_ids\":[],\"chat_id\":1}\n{\"timestamp\":2,\"hash_ids\":[],\"chat_id\":2}\n",
                &[0, 1_000_000_000],
            ),
        ] {
            assert_eq!(read(bytes)??, expected, "{bytes}");
        }
        Ok(())
    }

    #[test]
    fn a_bad_line_is_named() -> TestResult {
        for (bytes, message) in [
            ("0\nsoon\n", "line 2: \"soon\" is no instant"),
            ("0\n\n2\n1.9\n", "line 4: is earlier than the line before it"),
            ("5\n4\n", "line 2: is earlier than the line before it"),
            ("0\nNaN\n", "line 2: \"NaN\" is no instant"),
            ("0\n1e300\n", "line 2: \"1e300\" is no instant"),
            ("a,b\n1,2\n", "line 1: neither seconds, nor a JSON object, nor a header with a column timestamp"),
            ("a,timestamp\n1\n", "line 2: has no column 2"),
            ("{\"timestamp\":1}\n{\"time\":2}\n", "line 2: has no timestamp"),
            ("{\"timestamp\":1}\n{\"timestamp\":\n", "line 2: not a JSON object"),
            ("{\"timestamp\":null}\n", "line 1: \"null\" is no instant"),
        ] {
            let failure = read(bytes)?.err().ok_or("accepted")?;
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.message.ends_with(&format!("a.trace: {message}")), "{failure}");
        }
        for bytes in ["", "\n\n", "timestamp\n"] {
            let failure = read(bytes)?.err().ok_or("accepted")?;
            assert!(failure.message.ends_with("has no instants") && failure.hint.is_some(), "{failure}");
        }
        let failure = read_offsets(Path::new("/no/such/trace")).err().ok_or("accepted")?;
        assert_eq!(failure.exit, Exit::Files);
        assert!(failure.message.starts_with("--arrival-file /no/such/trace"), "{failure}");
        Ok(())
    }
}
