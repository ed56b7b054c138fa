//! The flags of what a run tells while it goes on, named as EvalScope names them where it has them.

use clap::Args;
use serde::Serialize;

use crate::error::Result;
use crate::plan::Settings;
use crate::track::{Environment, TrackSpec};

/// The flags of trackers. What is serialised is laid over the profile under the same names.
#[derive(Debug, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct TrackFlags {
    /// Write a run folder for wandb, swanlab or clearml, with figures about once a second; the command that uploads it is
    /// said at the end, nothing is uploaded before
    #[arg(long, value_name = "TRACKER", help_heading = "Tracking")]
    visualizer: Option<String>,
    /// Address of a SwanLab of your own, for that command
    #[arg(long, value_name = "URL", help_heading = "Tracking")]
    swanlab_host: Option<String>,
    /// Keep progress.json up to date in the run's folder, as EvalScope does
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Tracking")]
    enable_progress_tracker: Option<bool>,
    /// Push metrics to a collector of OpenTelemetry (OTLP over HTTP, JSON) every 5 seconds and at the end; /v1/metrics is
    /// appended where it is missing [default: OTEL_EXPORTER_OTLP_ENDPOINT]
    #[arg(long, value_name = "URL", help_heading = "Tracking")]
    otlp_endpoint: Option<String>,
    /// Push metrics to a Pushgateway of Prometheus likewise, below /metrics/job/evalscope/run/NAME
    #[arg(long, value_name = "URL", help_heading = "Tracking")]
    prometheus_push: Option<String>,
    /// EvalScope's deprecated key of wandb; chooses --visualizer wandb where none is set, and is neither used nor kept
    #[arg(long, value_name = "KEY", hide = true)]
    #[serde(skip)]
    wandb_api_key: Option<String>,
    /// EvalScope's deprecated key of SwanLab, likewise
    #[arg(long, value_name = "KEY", hide = true)]
    #[serde(skip)]
    swanlab_api_key: Option<String>,
}

impl TrackFlags {
    /// What of a run is told and where, by the settings and the environment.
    ///
    /// # Errors
    /// When a setting or a variable cannot be used.
    pub(super) fn resolve(&self, settings: &mut Settings) -> Result<TrackSpec> {
        let keys = [("wandb", &self.wandb_api_key), ("swanlab", &self.swanlab_api_key)];
        let given: Vec<&str> = keys.into_iter().filter_map(|(tracker, key)| key.as_ref().map(|_| tracker)).collect();
        if let Some(tracker) = given.first() {
            settings.visualizer.get_or_insert_with(|| (*tracker).to_owned());
        }
        let mut spec = TrackSpec::resolve(settings, Environment::from_env()?)?;
        spec.notices.extend(given.iter().map(|tracker| {
            format!(
                "--{tracker}-api-key is neither used nor kept: a run is uploaded by {tracker}'s own tool, which has a login \
                 of its own; --visualizer {tracker} is all it takes"
            )
        }));
        Ok(spec)
    }
}
