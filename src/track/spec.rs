//! What of a run is told, and where.

use super::address::Address;
use super::environment::Environment;
use crate::error::{Failure, Result, known};
use crate::plan::Settings;

/// A tracker whose run folder is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visualizer {
    /// Weights & Biases.
    Wandb,
    /// SwanLab.
    Swanlab,
    /// ClearML.
    Clearml,
}

impl Visualizer {
    /// Every tracker with its name.
    pub const ALL: [(&'static str, Visualizer); 3] =
        [("wandb", Visualizer::Wandb), ("swanlab", Visualizer::Swanlab), ("clearml", Visualizer::Clearml)];
}

/// What of a run is told, and where; checked before anything is sent.
#[derive(Debug, Clone)]
pub struct TrackSpec {
    pub(super) visualizer: Option<Visualizer>,
    /// A SwanLab of one's own, for the command that uploads.
    pub(super) swanlab_host: Option<String>,
    /// Whether `progress.json` is written.
    pub(super) progress: bool,
    pub(super) otlp: Option<Address>,
    pub(super) prometheus: Option<Address>,
    pub(super) environment: Environment,
    /// Things that were decided for the user and that he should know.
    pub notices: Vec<String>,
}

impl TrackSpec {
    /// Checks the settings of trackers and takes credentials out of them, so that no file gets any.
    ///
    /// # Errors
    /// When a tracker is not known or an address is none.
    pub fn resolve(settings: &mut Settings, environment: Environment) -> Result<Self> {
        let mut notices = Vec::new();
        let visualizer = settings.visualizer.as_deref().map(|given| {
            let found = Visualizer::ALL.iter().find(|(name, _)| *name == given);
            found.map(|(_, visualizer)| *visualizer).ok_or_else(|| {
                let names = known(Visualizer::ALL.map(|(name, _)| name));
                Failure::usage(format!("--visualizer {given}: no such tracker"))
                    .hint(format!("known trackers: {names}"))
            })
        });
        let visualizer = visualizer.transpose()?;
        let mut address = |flag: &str, given: &mut Option<String>| {
            let Some(text) = given else { return Ok(None) };
            let address = Address::of(flag, text)?;
            if address.credentials.is_some() {
                *text = address.uri.to_string();
                notices.push(format!(
                    "the user and password in {flag} are left out of the saved plan; give them again to repeat it"
                ));
            }
            Ok(Some(address))
        };
        let otlp = address("--otlp-endpoint", &mut settings.otlp_endpoint)?;
        let prometheus = address("--prometheus-push", &mut settings.prometheus_push)?;
        let host = address("--swanlab-host", &mut settings.swanlab_host)?.map(|address| address.uri.to_string());
        let otlp = match otlp {
            Some(address) => Some(address.ending_in("/v1/metrics")?),
            None => {
                notices.extend(environment.otlp.passed_over.clone());
                environment.otlp.endpoint.as_ref().map(|(variable, address)| {
                    notices.push(format!("{variable} is set: metrics are pushed to {}", address.bare()));
                    address.clone()
                })
            }
        };
        let progress = settings.enable_progress_tracker && !settings.sla_auto_tune;
        if settings.enable_progress_tracker && settings.sla_auto_tune {
            notices.push(
                "--enable-progress-tracker is passed over: how many requests a search takes is not known before"
                    .to_owned(),
            );
        }
        let swanlab_host = host.or_else(|| environment.swanlab_host.clone());
        Ok(TrackSpec { visualizer, swanlab_host, progress, otlp, prometheus, environment, notices })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::layer;

    fn resolve(text: &str) -> Result<(TrackSpec, Settings)> {
        let mut settings = layer(Some(("test", text)), toml::Table::new())?;
        Ok((TrackSpec::resolve(&mut settings, Environment::default())?, settings))
    }

    #[test]
    fn nothing_is_told_unless_asked() -> Result<()> {
        let (spec, _) = resolve("")?;
        let TrackSpec { visualizer, progress, otlp, prometheus, notices, .. } = spec;
        assert!(visualizer.is_none() && !progress && otlp.is_none() && prometheus.is_none() && notices.is_empty());
        Ok(())
    }

    #[test]
    fn credentials_stay_out_of_the_settings() -> Result<()> {
        let (spec, settings) = resolve("otlp-endpoint = 'http://u:pw@h:4318'\nprometheus-push = 'https://u:pw@p'")?;
        assert_eq!(settings.otlp_endpoint.as_deref(), Some("http://h:4318/"));
        assert_eq!(settings.prometheus_push.as_deref(), Some("https://p/"));
        assert_eq!(spec.notices.len(), 2);
        let otlp = spec.otlp.ok_or_else(|| Failure::bug("no address"))?;
        assert_eq!(otlp.uri.to_string(), "http://h:4318/v1/metrics");
        assert!(otlp.credentials.is_some());
        Ok(())
    }

    #[test]
    fn bad_values_name_their_flag() {
        for (text, flag) in [
            ("visualizer = 'x'", "--visualizer"),
            ("otlp-endpoint = 'x'", "--otlp-endpoint"),
            ("prometheus-push = 'ftp://h'", "--prometheus-push"),
            ("swanlab-host = 'h'", "--swanlab-host"),
        ] {
            let message = resolve(text).err().map(|failure| failure.message).unwrap_or_default();
            assert!(message.contains(flag), "{text}: {message}");
        }
    }

    #[test]
    fn a_search_has_no_progress_file() -> Result<()> {
        let (spec, _) = resolve("enable-progress-tracker = true\nsla-auto-tune = true")?;
        assert!(!spec.progress && spec.notices[0].contains("--enable-progress-tracker"));
        Ok(())
    }
}
