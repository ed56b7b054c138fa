//! A limit on how much worse a run may be than another: `p99 ttft +5%`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::compare::{Change, Quantity};
use super::interval::Interval;
use super::until::Latency;
use crate::error::{Failure, Result, known};
use crate::units::{count, figure};

/// How much of a change is allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    Percent(f64),
    /// In ms.
    Absolute(f64),
}

/// A limit on the change of one figure from A to B. A positive limit bounds growth, a negative one a fall.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    text: String,
    quantity: Quantity,
    limit: Limit,
}

/// What became of a gate at a load point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateState {
    /// The change is within the limit, and so is its whole interval.
    Passed,
    /// The change is beyond the limit and told apart from none.
    Failed,
    /// The limit lies inside the interval, or there is no interval: more requests would tell.
    Undecided,
}

/// A gate at a load point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    /// The gate as it was written.
    pub gate: String,
    /// What became of it.
    pub state: GateState,
    /// Why, in words.
    pub why: String,
}

impl Gate {
    /// The figure it looks at.
    pub fn quantity(&self) -> Quantity {
        self.quantity
    }

    /// Judges a change; `requests` is the number of requests of the smaller run.
    ///
    /// It fails when the change is beyond the limit and its interval excludes no change at all. It is undecided when
    /// the change is beyond but might be none, or is within and its interval reaches beyond.
    pub fn judge(&self, change: &Change, requests: u64) -> GateResult {
        let (estimate, interval, limit, unit) = match self.limit {
            Limit::Percent(limit) => (change.percent, change.percent_ci, limit, " %"),
            Limit::Absolute(limit) => (change.difference, change.difference_ci, limit, " ms"),
        };
        let result = |state, why: String| GateResult { gate: self.text.clone(), state, why };
        let (Some(estimate), Some(Interval { low, high })) = (estimate, interval) else {
            return result(GateState::Undecided, "too few values for an interval".to_owned());
        };
        // Turned so that the limit is one on growth.
        let sign = limit.signum();
        let (estimate, limit) = (estimate * sign, limit * sign);
        let (low, high) = if sign < 0.0 { (-high, -low) } else { (low, high) };
        let signed = |value: f64| signed(value * sign, unit);
        // The interval shrinks with the square root of the number of requests.
        let needs = |distance: f64, room: f64| {
            let n = requests as f64 * (distance / room).powi(2);
            if n.is_finite() && n < 1e9 { format!(", needs n ≈ {}", count(two_digits(n))) } else { String::new() }
        };
        if estimate > limit && low > 0.0 {
            let why = format!("change is {}, interval from {} on", signed(estimate), signed(low));
            result(GateState::Failed, why)
        } else if estimate > limit {
            let why = format!("interval reaches from {}{}", signed(low), needs(estimate - low, estimate));
            result(GateState::Undecided, why)
        } else if high > limit {
            let why = format!("interval reaches {}{}", signed(high), needs(high - estimate, limit - estimate));
            result(GateState::Undecided, why)
        } else {
            result(GateState::Passed, format!("interval reaches {}", signed(high)))
        }
    }
}

/// A number of requests as a rough figure.
fn two_digits(n: f64) -> u64 {
    let unit = 10f64.powf(n.max(1.0).log10().floor() - 1.0).max(1.0);
    ((n / unit).ceil() * unit) as u64
}

/// A change with its sign.
fn signed(value: f64, unit: &str) -> String {
    let sign = if value > 0.0 { "+" } else { "" };
    format!("{sign}{}{unit}", figure(Some(value)))
}

impl FromStr for Gate {
    type Err = Failure;

    /// Reads `<stat> <metric> <+|->N%` or `N ms`, such as `p99 ttft +5%`, `mean e2e +10ms`, `tok/s -3%`.
    fn from_str(text: &str) -> Result<Self> {
        let refuse = |why: &str| {
            Failure::usage(format!("--fail-if {text:?}: {why}"))
                .hint("write it as --fail-if \"p99 ttft +5%\", \"mean e2e +10ms\" or \"tok/s -3%\"")
        };
        let at = text.find(['+', '-', '−']).ok_or_else(|| refuse("no + or - before the limit"))?;
        let (what, limit) = text.split_at(at);
        let quantity = match what.split_whitespace().collect::<Vec<_>>()[..] {
            ["tok/s"] => Quantity::Tokens,
            ["req/s"] => Quantity::Requests,
            [stat, latency] => {
                let said = |failure: Failure| refuse(&failure.message);
                Quantity::Latency(stat.parse().map_err(said)?, latency.parse().map_err(said)?)
            }
            _ => {
                let latencies = known(Latency::ALL.map(Latency::name));
                return Err(refuse(&format!(
                    "not a figure; known figures: tok/s, req/s, or a statistic (mean, p50, p99) of {latencies}"
                )));
            }
        };
        let limit = limit.replace('−', "-");
        let number =
            |text: &str| text.replace(' ', "").parse::<f64>().ok().filter(|limit| limit.is_finite() && *limit != 0.0);
        let limit = if let Some(percent) = limit.trim().strip_suffix('%') {
            number(percent).map(Limit::Percent)
        } else if let (Some(ms), Quantity::Latency(..)) = (limit.trim().strip_suffix("ms"), quantity) {
            number(ms).map(Limit::Absolute)
        } else {
            None
        };
        let limit = limit.ok_or_else(|| refuse("the limit is no percentage and, of a latency, no milliseconds"))?;
        Ok(Gate { text: text.trim().to_owned(), quantity, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::super::compare::Told;
    use super::*;

    fn change(percent: f64, low: f64, high: f64) -> Change {
        let interval = Some(Interval { low, high });
        Change {
            figure: String::new(),
            a: Some(100.0),
            b: Some(100.0 + percent),
            percent: Some(percent),
            percent_ci: interval,
            difference: Some(percent),
            difference_ci: interval,
            told: Told::NotApart,
        }
    }

    #[test]
    fn a_gate_fails_only_on_a_change_that_is_there() -> Result<()> {
        let gate: Gate = "p99 ttft +5%".parse()?;
        for (change, state, words) in [
            (change(8.0, 2.0, 14.0), GateState::Failed, "change is +8.00 %, interval from +2.00 % on"),
            (change(8.0, -1.0, 17.0), GateState::Undecided, "reaches from −1.00 %, needs n ≈ 1,300"),
            (change(2.4, -9.8, 15.1), GateState::Undecided, "interval reaches +15.1 %, needs n ≈ 24,000"),
            (change(2.0, 1.0, 3.0), GateState::Passed, "interval reaches +3.00 %"),
            (change(-20.0, -30.0, -10.0), GateState::Passed, "interval reaches −10.0 %"),
        ] {
            let result = gate.judge(&change, 1000);
            assert_eq!(result.state, state, "{result:?}");
            assert!(result.why.contains(words), "{result:?}");
        }
        let unknown = Change { percent_ci: None, ..change(8.0, 0.0, 0.0) };
        assert_eq!(gate.judge(&unknown, 10).state, GateState::Undecided);
        Ok(())
    }

    #[test]
    fn a_negative_limit_bounds_a_fall() -> Result<()> {
        let gate: Gate = "tok/s -3%".parse()?;
        assert_eq!(gate.judge(&change(-6.0, -8.0, -4.0), 9).state, GateState::Failed);
        assert_eq!(gate.judge(&change(-2.0, -4.0, 0.5), 9).state, GateState::Undecided);
        assert_eq!(gate.judge(&change(9.0, 8.0, 10.0), 9).state, GateState::Passed);
        assert_eq!("mean e2e +10ms".parse::<Gate>()?.judge(&change(11.0, 10.0, 12.0), 9).state, GateState::Failed);
        Ok(())
    }

    #[test]
    fn bad_gates_say_what_is_known() {
        for (text, words) in [
            ("p99 ttft 5%", "no + or -"),
            ("p99 tttf +5%", "known metrics: ttft, tpot, itl, e2e"),
            ("p99.99.9 ttft +5%", "known statistics"),
            ("tokens +5%", "known figures: tok/s"),
            ("p99 ttft +5", "percentage"),
            ("tok/s +5ms", "percentage"),
            ("p99 ttft +0%", "percentage"),
        ] {
            let message = text.parse::<Gate>().err().map(|failure| failure.message).unwrap_or_default();
            assert!(message.contains(words) && message.contains("--fail-if"), "{text}: {message}");
        }
    }
}
