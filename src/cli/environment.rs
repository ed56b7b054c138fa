//! Variables of the environment that EvalScope reads, as far as they mean something here.

use std::time::Duration;

use tracing_subscriber::filter::LevelFilter;

use crate::error::{Failure, Result, known};

/// Seconds between two lines of running figures in the log, as in EvalScope.
const HEARTBEAT_S: f64 = 60.0;
/// Python's names of levels.
const LEVELS: [(&str, LevelFilter); 6] = [
    ("debug", LevelFilter::DEBUG),
    ("info", LevelFilter::INFO),
    ("warning", LevelFilter::WARN),
    ("warn", LevelFilter::WARN),
    ("error", LevelFilter::ERROR),
    ("critical", LevelFilter::ERROR),
];

/// What the environment says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Environment {
    /// `EVALSCOPE_HEARTBEAT_INTERVAL`: time between two lines of running figures in the log.
    pub(super) heartbeat: Duration,
    /// `EVALSCOPE_LOG_LEVEL`: what `benchmark.log` holds.
    pub(super) level: LevelFilter,
    /// What is set and means nothing.
    pub(super) notices: Vec<String>,
}

impl Environment {
    /// Reads it.
    ///
    /// # Errors
    /// When a value cannot be used; the message names the variable.
    pub(super) fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let given = |name: &str| get(name).filter(|value| !value.trim().is_empty());
        let heartbeat = match given("EVALSCOPE_HEARTBEAT_INTERVAL") {
            None => HEARTBEAT_S,
            Some(text) => {
                let seconds = text.trim().parse().ok().filter(|seconds: &f64| *seconds > 0.0 && *seconds < 1e9);
                seconds.ok_or_else(|| {
                    Failure::usage(format!("EVALSCOPE_HEARTBEAT_INTERVAL={text}: not a number of seconds above 0"))
                        .hint("60 logs running figures once a minute")
                })?
            }
        };
        let level = match given("EVALSCOPE_LOG_LEVEL") {
            None => LevelFilter::INFO,
            Some(text) => {
                let found = LEVELS.iter().find(|(name, _)| text.trim().eq_ignore_ascii_case(name));
                found.map(|(_, level)| *level).ok_or_else(|| {
                    Failure::usage(format!("EVALSCOPE_LOG_LEVEL={text}: no such level"))
                        .hint(format!("known levels: {}", known(LEVELS.map(|(name, _)| name))))
                })?
            }
        };
        let language = given("EVALSCOPE_LANGUAGE").filter(|language| !language.trim().eq_ignore_ascii_case("en"));
        let notices = language.map(|language| format!("EVALSCOPE_LANGUAGE={language}: reports are in English"));
        Ok(Environment { heartbeat: Duration::from_secs_f64(heartbeat), level, notices: notices.into_iter().collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Environment> {
        Environment::read(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn variables_of_evalscope_are_read() -> Result<()> {
        let unset = Environment::read(|_| None)?;
        assert_eq!((unset.heartbeat, unset.level), (Duration::from_secs(60), LevelFilter::INFO));
        assert_eq!(read("EVALSCOPE_HEARTBEAT_INTERVAL", "0.5")?.heartbeat, Duration::from_millis(500));
        assert_eq!(read("EVALSCOPE_LOG_LEVEL", "Warning")?.level, LevelFilter::WARN);
        assert_eq!(read("EVALSCOPE_LANGUAGE", "zh")?.notices.len(), 1);
        assert_eq!(read("EVALSCOPE_LANGUAGE", "en")?, unset);
        assert_eq!(read("EVALSCOPE_LOG_LEVEL", "")?, unset);
        Ok(())
    }

    #[test]
    fn what_cannot_be_used_names_its_variable() {
        for (name, value) in [
            ("EVALSCOPE_HEARTBEAT_INTERVAL", "0"),
            ("EVALSCOPE_HEARTBEAT_INTERVAL", "often"),
            ("EVALSCOPE_LOG_LEVEL", "loud"),
        ] {
            assert!(read(name, value).is_err_and(|failure| failure.message.contains(name)), "{name}={value}");
        }
    }
}
