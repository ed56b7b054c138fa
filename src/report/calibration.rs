//! What a machine can measure, on a console.

use super::table::{Cell, Column, Mark, Row, Table};
use super::terminal::{Style, WIDE, grid, list, wrap};
use crate::run::{Calibration, Level};
use crate::stats::{Bias, Verdict};
use crate::units::{count, figure};

/// A row a level, what casts doubt below them, and last the greatest load that is valid.
pub fn calibration_table(calibration: &Calibration, width: usize, style: Style) -> String {
    let columns = vec![
        Column::alone("load"),
        Column::alone("streams").wide(),
        Column::alone("events/s"),
        Column::of("TTFT error µs", "mean"),
        Column::of("TTFT error µs", "middle 95 %"),
        Column::of("ITL error µs", "middle 95 %"),
        Column::of("send µs", "mean"),
        Column::of("lag ms", "p99"),
        Column::alone("cpu %"),
    ];
    let rows = calibration.levels.iter().map(row).collect();
    let table = Table { columns, rows, ..Table::default() };
    let table = if width >= WIDE { table } else { table.narrow() };
    let gaps = [(3, 2), (2, 2), (2, 1)];
    let rows = gaps.into_iter().find_map(|gaps| grid(&table, width, gaps, style));
    let mut out = rows.unwrap_or_else(|| list(&table, width, style));
    let mut line = |text: String| wrap(&text, width).iter().for_each(|line| out.push_str(&format!("{line}\n")));
    for level in &calibration.levels {
        for text in remarks(level) {
            line(format!("at {} {}: {text}", level.load.level(), level.load.unit()));
        }
    }
    line(format!(
        "errors are measured minus true; a chunk each {} ms a stream; {} workers, {} cores, which the server of the check shares",
        figure(Some(calibration.chunk_gap_ms)),
        calibration.workers,
        calibration.cores
    ));
    let parallel = calibration.valid_parallel.map(|level| format!("{} in flight", count(level)));
    let rate = calibration.valid_rate.map(|rate| format!("{rate} req/s"));
    let valid: Vec<String> = [parallel, rate].into_iter().flatten().collect();
    line(if valid.is_empty() {
        "valid at none of these loads on this machine".to_owned()
    } else {
        format!("valid up to {} on this machine", valid.join(" and "))
    });
    style.plain(&out).replace("µs", if style.ascii { "us" } else { "µs" })
}

fn row(level: &Level) -> Row {
    let load = Cell::words(format!("{} {}", level.load.level(), level.load.unit()));
    let Some((trust, check)) = level.trust.as_ref().and_then(|trust| Some((trust, trust.self_check.as_ref()?))) else {
        let missing = (2..=8).map(|_| Cell::Figure(None));
        return Row {
            mark: Mark::Bad,
            cells: [load].into_iter().chain(missing).collect(),
            words: vec!["failed".to_owned()],
        };
    };
    let host = trust.host.as_ref();
    let lag = host.and_then(|host| host.lag_ms.as_ref()).map(|lag| lag.p99);
    Row {
        mark: match trust.verdict {
            Verdict::Valid if level.is_valid() => Mark::Good,
            Verdict::Valid | Verdict::Degraded => Mark::Doubt,
            Verdict::Invalid => Mark::Bad,
        },
        cells: vec![
            load,
            Cell::Count(check.streams),
            Cell::Count(check.events_per_s.round() as u64),
            Cell::words(micros(check.ttft_ms.bias)),
            Cell::words(band(check.ttft_ms)),
            Cell::words(band(check.itl_ms)),
            Cell::words(micros(check.send_ms.bias)),
            Cell::Figure(lag),
            Cell::Figure(host.and_then(|host| host.cpu_percent)),
        ],
        words: vec![match trust.verdict {
            Verdict::Valid if !level.is_valid() => "VALID in part".to_owned(),
            verdict => verdict.name().to_owned(),
        }],
    }
}

/// What keeps a level from being valid.
fn remarks(level: &Level) -> Vec<String> {
    let mut remarks: Vec<String> = level.failure.iter().cloned().collect();
    if let Some(trust) = &level.trust {
        remarks.extend(trust.doubts.iter().map(|doubt| doubt.text.clone()));
        if let Some(check) = &trust.self_check {
            remarks.extend(check.short_of.clone());
            if check.missing > 0 {
                remarks.push(format!("{} requests could not be compared", count(check.missing)));
            }
        }
    }
    remarks
}

fn band(bias: Bias) -> String {
    format!("{} to {}", micros(bias.low), micros(bias.high))
}

/// An error in whole microseconds with its sign.
fn micros(ms: f64) -> String {
    let us = (ms * 1e3).round();
    let sign = if us < 0.0 {
        "−"
    } else if us > 0.0 {
        "+"
    } else {
        ""
    };
    format!("{sign}{}", count(us.abs() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Load;
    use crate::stats::{SelfCheck, Stages, Trust};

    fn level(parallel: u64, short_of: Option<&str>) -> Level {
        let bias = |bias: f64| Bias { bias, low: bias - 0.02, high: bias + 1.5 };
        let check = SelfCheck {
            streams: parallel,
            requests: 2 * parallel,
            missing: 0,
            events: 26 * parallel,
            events_per_s: 18.5 * parallel as f64,
            ttft_ms: bias(0.031),
            itl_ms: bias(0.0),
            send_ms: bias(0.018),
            short_of: short_of.map(str::to_owned),
        };
        let trust = Trust::judge(&Stages::default(), None, Some(check), None, 2 * parallel);
        Level { load: Load::Closed { parallel }, trust: Some(trust), failure: None }
    }

    #[test]
    fn a_level_is_a_row_and_the_greatest_valid_one_stands_last() {
        let failed = Level {
            load: Load::Open { rate: 2.5, max_in_flight: None },
            trust: None,
            failure: Some("no files".to_owned()),
        };
        let calibration = Calibration {
            format_version: 1,
            tool: "evalscope 0".to_owned(),
            cores: 2,
            workers: 2,
            chunk_gap_ms: 50.0,
            levels: vec![level(1, None), level(1000, Some("only 900 of 1,000 streams could be tried")), failed],
            valid_parallel: Some(1),
            valid_rate: None,
        };
        insta::assert_snapshot!(calibration_table(&calibration, 100, Style { color: false, ascii: true }));
    }
}
