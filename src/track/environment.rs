//! What of the environment is honoured, under the names that the trackers' own tools read.
//!
//! | variable | means |
//! |---|---|
//! | `WANDB_PROJECT`, `WANDB_ENTITY`, `WANDB_RUN_GROUP`, `WANDB_TAGS` | where a run of wandb belongs, and its tags, separated by commas |
//! | `SWANLAB_PROJ_NAME`, `SWANLAB_WORKSPACE` | where a run of SwanLab belongs |
//! | `SWANLAB_HOST` | address of a SwanLab of one's own, unless `--swanlab-host` is given |
//! | `CLEARML_PROJECT_NAME` | where a task of ClearML belongs |
//! | `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, else `OTEL_EXPORTER_OTLP_ENDPOINT` with `/v1/metrics` behind it | where metrics go, unless `--otlp-endpoint` is given |
//! | `OTEL_EXPORTER_OTLP_METRICS_HEADERS`, else `OTEL_EXPORTER_OTLP_HEADERS` | headers of these pushes |
//! | `OTEL_EXPORTER_OTLP_METRICS_PROTOCOL`, else `OTEL_EXPORTER_OTLP_PROTOCOL` | where it is `grpc`, the endpoint of the environment is not for this program |
//! | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | how the program calls itself there |
//! | `OTEL_SDK_DISABLED`, `OTEL_METRICS_EXPORTER` | where they are `true` and `none`, the endpoint of the environment is passed over |
//!
//! A project is `perf_benchmark`, as in EvalScope, where none is named. Keys of trackers are not read: nothing is
//! uploaded by this program.

use http::{HeaderName, HeaderValue};

use super::address::{Address, decoded};
use crate::error::{Failure, Result};

/// EvalScope's project.
const PROJECT: &str = "perf_benchmark";

/// Variables of trackers.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    pub(super) wandb_project: Option<String>,
    pub(super) wandb_entity: Option<String>,
    pub(super) wandb_group: Option<String>,
    pub(super) wandb_tags: Vec<String>,
    pub(super) swanlab_project: Option<String>,
    pub(super) swanlab_workspace: Option<String>,
    pub(super) swanlab_host: Option<String>,
    pub(super) clearml_project: Option<String>,
    pub(super) otlp: Otlp,
}

/// Variables of OpenTelemetry.
#[derive(Debug, Clone, Default)]
pub(super) struct Otlp {
    /// Where metrics go, and the variable that says so.
    pub(super) endpoint: Option<(&'static str, Address)>,
    /// Why the endpoint of the environment is passed over.
    pub(super) passed_over: Option<String>,
    /// Headers of each push.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Attributes of the resource, the service's name among them where it is set.
    pub(super) attributes: Vec<(String, String)>,
}

impl Environment {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// When an endpoint is no address, or headers or attributes cannot be read.
    pub fn from_env() -> Result<Self> {
        Self::from(|name| std::env::var(name).ok())
    }

    /// The same from any source of variables.
    fn from(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let set = |name: &str| get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let tags = set("WANDB_TAGS").unwrap_or_default();
        let tags = tags.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty());
        Ok(Environment {
            wandb_project: set("WANDB_PROJECT"),
            wandb_entity: set("WANDB_ENTITY"),
            wandb_group: set("WANDB_RUN_GROUP"),
            wandb_tags: tags.collect(),
            swanlab_project: set("SWANLAB_PROJ_NAME"),
            swanlab_workspace: set("SWANLAB_WORKSPACE"),
            swanlab_host: set("SWANLAB_HOST"),
            clearml_project: set("CLEARML_PROJECT_NAME"),
            otlp: Otlp::from(set)?,
        })
    }

    pub(super) fn wandb_project(&self) -> &str {
        self.wandb_project.as_deref().unwrap_or(PROJECT)
    }

    pub(super) fn swanlab_project(&self) -> &str {
        self.swanlab_project.as_deref().unwrap_or(PROJECT)
    }

    pub(super) fn clearml_project(&self) -> &str {
        self.clearml_project.as_deref().unwrap_or(PROJECT)
    }
}

impl Otlp {
    fn from(set: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, set(name)?)));
        let mut endpoint = match set("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") {
            // Used as it is, by the specification.
            Some(given) => {
                let name = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
                Some((name, Address::of(name, &given)?))
            }
            None => match set("OTEL_EXPORTER_OTLP_ENDPOINT") {
                Some(given) => {
                    let name = "OTEL_EXPORTER_OTLP_ENDPOINT";
                    Some((name, Address::of(name, &given)?.ending_in("/v1/metrics")?))
                }
                None => None,
            },
        };
        let mut passed_over = None;
        if let Some((name, _)) = &endpoint {
            let is = |variable: &str, value: &str| set(variable).is_some_and(|set| set.eq_ignore_ascii_case(value));
            let protocol = first(["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]);
            let because = match protocol {
                _ if is("OTEL_SDK_DISABLED", "true") => Some("OTEL_SDK_DISABLED is true".to_owned()),
                _ if is("OTEL_METRICS_EXPORTER", "none") => Some("OTEL_METRICS_EXPORTER is none".to_owned()),
                Some((variable, protocol)) if protocol.eq_ignore_ascii_case("grpc") => {
                    Some(format!("{variable} is grpc, and this program speaks OTLP over HTTP"))
                }
                _ => None,
            };
            if let Some(because) = because {
                passed_over = Some(format!("{name} is passed over: {because}"));
                endpoint = None;
            }
        }
        let mut headers = Vec::new();
        if let Some((name, text)) = first(["OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"]) {
            for (key, value) in pairs(name, &text)? {
                // Neither the value nor the cause is shown, for the value may be a key.
                let unfit = || Failure::usage(format!("{name}: {key:?} or its value cannot be a header"));
                let header: HeaderName = key.parse().map_err(|_| unfit())?;
                let mut value: HeaderValue = value.parse().map_err(|_| unfit())?;
                value.set_sensitive(true);
                headers.push((header, value));
            }
        }
        let name = "OTEL_RESOURCE_ATTRIBUTES";
        let mut attributes = set(name).map(|text| pairs(name, &text)).transpose()?.unwrap_or_default();
        if let Some(service) = set("OTEL_SERVICE_NAME") {
            attributes.retain(|(key, _)| key != "service.name");
            attributes.push(("service.name".to_owned(), service));
        }
        Ok(Otlp { endpoint, passed_over, headers, attributes })
    }
}

/// Pairs such as `a=1,b=2`; a value may be percent-encoded.
fn pairs(variable: &str, text: &str) -> Result<Vec<(String, String)>> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    items
        .map(|item| {
            let (key, value) = item.split_once('=').ok_or_else(|| {
                Failure::usage(format!("{variable}: an item has no '='")).hint("write it as name=value,other=value")
            })?;
            Ok((decoded(key.trim()), decoded(value.trim())))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Environment> {
        let find =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Environment::from(find)
    }

    #[test]
    fn a_project_is_evalscopes_where_none_is_named() -> Result<()> {
        let none = of(&[("WANDB_PROJECT", " ")])?;
        assert_eq!([none.wandb_project(), none.swanlab_project(), none.clearml_project()], [PROJECT; 3]);
        let some = of(&[
            ("WANDB_PROJECT", "a"),
            ("SWANLAB_PROJ_NAME", "b"),
            ("CLEARML_PROJECT_NAME", "c"),
            ("WANDB_TAGS", "x, y,"),
        ])?;
        assert_eq!([some.wandb_project(), some.swanlab_project(), some.clearml_project()], ["a", "b", "c"]);
        assert_eq!(some.wandb_tags, ["x", "y"]);
        Ok(())
    }

    #[test]
    fn the_endpoint_of_metrics_wins_and_is_used_as_it_is() -> Result<()> {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:4318/");
        let uri = |environment: &Environment| environment.otlp.endpoint.as_ref().map(|(_, to)| to.uri.to_string());
        assert_eq!(uri(&of(&[base])?).as_deref(), Some("http://h:4318/v1/metrics"));
        let own = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://m:1/x");
        assert_eq!(uri(&of(&[base, own])?).as_deref(), Some("http://m:1/x"));
        for (name, value) in
            [("OTEL_SDK_DISABLED", "true"), ("OTEL_METRICS_EXPORTER", "none"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]
        {
            let environment = of(&[base, (name, value)])?;
            let said = environment.otlp.passed_over.clone().unwrap_or_default();
            assert!(uri(&environment).is_none() && said.contains(name), "{said}");
        }
        let failure = of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "h:4318")]).err().map(|failure| failure.message);
        assert!(failure.is_some_and(|message| message.contains("OTEL_EXPORTER_OTLP_ENDPOINT")));
        Ok(())
    }

    #[test]
    fn headers_and_attributes_are_pairs() -> Result<()> {
        let environment = of(&[
            ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20secret,x-a=1"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=lab,service.name=old"),
            ("OTEL_SERVICE_NAME", "new"),
        ])?;
        let headers: Vec<(&str, &str)> = environment
            .otlp
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect();
        assert_eq!(headers, [("authorization", "Bearer secret"), ("x-a", "1")]);
        assert!(!format!("{:?}", environment.otlp).contains("secret"));
        let attributes: Vec<(&str, &str)> =
            environment.otlp.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(attributes, [("deployment.environment", "lab"), ("service.name", "new")]);
        for bad in ["x", "a b=secret", "a=sec\u{7f}ret"] {
            let failure = of(&[("OTEL_EXPORTER_OTLP_HEADERS", bad)]).err().map(|failure| failure.message);
            assert!(failure.is_some_and(|message| !message.contains("sec")), "{bad}");
        }
        Ok(())
    }
}
