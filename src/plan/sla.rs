//! What is searched for, over which values, and how each value is probed.

use serde::Serialize;

use super::{Axes, Criteria, ListOf, Load, Point, Settings, grid};
use crate::error::{Failure, Result};

/// EvalScope's requests of a probe for each unit of what is varied.
const MULTIPLIER: f64 = 2.0;

/// What a search varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Variable {
    /// Requests in flight.
    Parallel,
    /// Requests a second, with a fixed cap on those in flight.
    Rate,
}

impl Variable {
    /// Its name in flags, folders and files.
    pub fn name(self) -> &'static str {
        match self {
            Variable::Parallel => "parallel",
            Variable::Rate => "rate",
        }
    }
}

/// A search, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct SlaSpec {
    /// What is varied.
    pub variable: Variable,
    /// What must hold, or be best.
    pub criteria: Criteria,
    /// Runs of each probe, whose values are averaged.
    pub runs: u32,
    /// Least value.
    pub lower: u64,
    /// Greatest value.
    pub upper: u64,
    /// Value to begin with, within the bounds.
    pub start: u64,
    /// Requests in flight while the rate is varied.
    pub fixed_parallel: u64,
    /// Requests of a run for each unit of the value.
    pub multiplier: f64,
    /// Warm-up requests of a run, as a count or a share.
    warmup: f64,
}

impl SlaSpec {
    /// The search that the settings ask for, if they do.
    ///
    /// # Errors
    /// When a value is out of range or does not go with a search; the message names the flag.
    pub fn resolve(settings: &Settings) -> Result<Option<Self>> {
        if !settings.sla_auto_tune {
            return match &settings.sla_params {
                None => Ok(None),
                Some(_) => Err(Failure::usage("--sla-params goes with --sla-auto-tune")),
            };
        }
        let at_least_one = |flag: &str, value: u64| match value {
            0 => Err(Failure::usage(format!("{flag} must be at least 1"))),
            _ => Ok(value),
        };
        let variable = match settings.sla_variable.as_str() {
            "parallel" => Variable::Parallel,
            "rate" => Variable::Rate,
            other => {
                return Err(Failure::usage(format!("--sla-variable {other}: cannot be varied"))
                    .hint("known variables: parallel, rate"));
            }
        };
        let params = settings.sla_params.as_deref().ok_or_else(|| {
            Failure::usage("--sla-auto-tune needs --sla-params")
                .hint("say what must hold, such as --sla-params '[{\"p99_ttft\": \"<=500ms\"}]'")
        })?;
        let criteria = Criteria::parse(params)?;
        at_least_one("--sla-num-runs", settings.sla_num_runs.into())?;
        let lower = at_least_one("--sla-lower-bound", settings.sla_lower_bound)?;
        let upper = settings.sla_upper_bound;
        if lower > upper {
            return Err(Failure::usage(format!("--sla-lower-bound {lower} exceeds --sla-upper-bound {upper}")));
        }
        let fixed_parallel = at_least_one("--sla-fixed-parallel", settings.sla_fixed_parallel.unwrap_or(upper))?;
        let multiplier = settings.sla_number_multiplier.unwrap_or(MULTIPLIER);
        if !multiplier.is_finite() || multiplier <= 0.0 {
            return Err(Failure::usage(format!("--sla-number-multiplier {multiplier}: must be a positive number")));
        }
        for (given, flag) in [
            (settings.open_loop, "--open-loop"),
            (settings.trace_speed.is_some(), "--trace-speed"),
            (settings.until.is_some(), "--until"),
            (settings.repeat > 1, "--repeat"),
            (settings.workload.is_some(), "--workload"),
            (settings.ramp_up_strategy.is_some(), "--ramp-up-strategy"),
        ] {
            if given {
                return Err(Failure::usage(format!("{flag} does not go with --sla-auto-tune"))
                    .hint("a probe is a closed loop of its own length; --sla-variable rate paces it"));
            }
        }
        let first = match variable {
            Variable::Parallel => settings.parallel.to_vec().first().copied().unwrap_or(lower),
            // A float above every u64 becomes the greatest.
            Variable::Rate => {
                settings.rate.as_ref().map(ListOf::to_vec).and_then(|rates| rates.first().copied()).unwrap_or(0.0)
                    as u64
            }
        };
        let warmup = settings.warmup_num.count();
        let runs = settings.sla_num_runs;
        let start = first.clamp(lower, upper);
        let spec = SlaSpec { variable, criteria, runs, lower, upper, start, fixed_parallel, multiplier, warmup };
        spec.point(start)?;
        Ok(Some(spec))
    }

    /// The load point of one run at a value.
    ///
    /// # Errors
    /// When the warm-up is out of range, which [`SlaSpec::resolve`] has seen before.
    pub fn point(&self, value: u64) -> Result<Point> {
        let number = ((value as f64 * self.multiplier).round_ties_even() as u64).max(1);
        let rate = [value as f64];
        let (parallel, rate) = match self.variable {
            Variable::Parallel => (value, &[][..]),
            Variable::Rate => (self.fixed_parallel, &rate[..]),
        };
        let axes = Axes {
            number: Some(&[number]),
            parallel: &[parallel],
            rate,
            open: false,
            trace: None,
            max_in_flight: None,
            warmup: self.warmup,
            repeat: 1,
        };
        let points = grid(axes, |_| number)?;
        points.into_iter().next().ok_or_else(|| Failure::bug("a probe has no load point"))
    }

    /// Folder of one run at a value, below the run's folder; EvalScope's name.
    pub fn folder(&self, value: u64, run: u32) -> String {
        format!("sla_tuning/sla_{}_{value}_run_{run}", self.variable.name())
    }

    /// A value in words: `8 in flight`, `8 req/s`.
    pub fn unit(&self) -> &'static str {
        match self.variable {
            Variable::Parallel => Load::Closed { parallel: 1 }.unit(),
            Variable::Rate => Load::Open { rate: 1.0, max_in_flight: None }.unit(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::layer;
    use super::*;

    fn resolve(more: &str) -> Result<Option<SlaSpec>> {
        let profile = format!("sla-auto-tune = true\nsla-params = '{{\"rps\": \">=2\"}}'\n{more}");
        SlaSpec::resolve(&layer(Some(("test", &profile)), toml::Table::new())?)
    }

    #[test]
    fn nothing_is_searched_unasked() -> Result<()> {
        assert_eq!(SlaSpec::resolve(&layer(None, toml::Table::new())?)?, None);
        Ok(())
    }

    #[test]
    fn defaults_are_evalscopes() -> Result<()> {
        let spec = resolve("parallel = 8")?.ok_or_else(|| Failure::bug("no search"))?;
        let SlaSpec { runs, lower, upper, start, fixed_parallel, .. } = spec;
        assert_eq!((runs, lower, upper, start, fixed_parallel), (3, 1, 65536, 8, 65536));
        assert_eq!(spec.point(8)?, Point::closed(8, 16, 0));
        assert_eq!(spec.folder(8, 0), "sla_tuning/sla_parallel_8_run_0");
        Ok(())
    }

    #[test]
    fn a_rate_is_paced_below_a_fixed_cap() -> Result<()> {
        let more =
            "sla-variable = 'rate'\nrate = 2.9\nsla-fixed-parallel = 7\nsla-number-multiplier = 0.1\nwarmup-num = 0.5";
        let spec = resolve(more)?.ok_or_else(|| Failure::bug("no search"))?;
        assert_eq!(spec.start, 2);
        let load = Load::Paced { parallel: 7, rate: 2.0 };
        assert_eq!(spec.point(2)?, Point { load, number: 1, warmup: 1, repeat: 1 });
        assert_eq!(spec.folder(2, 1), "sla_tuning/sla_rate_2_run_1");
        Ok(())
    }

    #[test]
    fn the_start_lies_within_the_bounds() -> Result<()> {
        let start = |more: &str| resolve(more).map(|spec| spec.map(|spec| spec.start));
        assert_eq!(start("parallel = 8\nsla-upper-bound = 5")?, Some(5));
        assert_eq!(start("parallel = [2, 99]\nsla-lower-bound = 4")?, Some(4));
        assert_eq!(start("sla-variable = 'rate'")?, Some(1), "an unpaced rate begins at the bottom");
        Ok(())
    }

    #[test]
    fn what_is_wrong_names_its_flag() {
        for (more, flag) in [
            ("sla-variable = 'x'", "--sla-variable"),
            ("sla-num-runs = 0", "--sla-num-runs"),
            ("sla-lower-bound = 0", "--sla-lower-bound"),
            ("sla-lower-bound = 9\nsla-upper-bound = 8", "--sla-upper-bound"),
            ("sla-fixed-parallel = 0", "--sla-fixed-parallel"),
            ("sla-number-multiplier = 0.0", "--sla-number-multiplier"),
            ("sla-number-multiplier = inf", "--sla-number-multiplier"),
            ("open-loop = true\nrate = 1.0", "--open-loop"),
            ("repeat = 2", "--repeat"),
            ("warmup-num = -1.0", "--warmup-num"),
        ] {
            let message = resolve(more).map_or_else(|failure| failure.message, |_| String::new());
            assert!(message.contains(flag), "{more}: {message:?}");
        }
        let lone =
            layer(Some(("test", "sla-params = '{}'")), toml::Table::new()).and_then(|all| SlaSpec::resolve(&all));
        assert!(lone.is_err_and(|failure| failure.message.contains("--sla-auto-tune")));
        let bare =
            layer(Some(("test", "sla-auto-tune = true")), toml::Table::new()).and_then(|all| SlaSpec::resolve(&all));
        assert!(bare.is_err_and(|failure| failure.message.contains("--sla-params")));
    }
}
