//! Settings to a checked plan.

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;
use serde_json::{Map, Value};

use super::dataset::Set;
use super::endpoint::{Endpoint, headers};
use super::load::{load, points, recorded};
use super::prompts::{Around, workload};
use super::wanted::{Wants, wants};
use super::{
    EMBEDDED_MODEL, EmbeddedSpec, EngineSpec, Load, LoadSpec, METRICS, Point, Quantity, Served, Settings, SlaSpec,
    VllmSpec, WorkloadSpec,
};
use crate::error::{Exit, Failure, Result, known};
use crate::prompt::Sampling;
use crate::target::{Api, Deadlines, Dialect, HttpVersion, Secret, Target, Trust, is_secret_header};

/// The models that embed and rank where none is named.
const EMBEDDING_MODEL: &str = "random:minilm";
const RERANKING_MODEL: &str = "random:minilm-reranker";
/// EvalScope's number of requests, its longest reply, and its pause in seconds.
const NUMBER: u64 = 1000;
const MAX_TOKENS: u32 = 2048;
const SLEEP_INTERVAL: f64 = 5.0;
/// Its smaller counterpart for the embedded model, which shares the machine with the load engine.
const EMBEDDED_MAX_TOKENS: u32 = 64;

/// One run, fully resolved.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The values as they are saved; resolving them again gives the same plan.
    pub settings: Settings,
    /// Who answers.
    pub served: Served,
    /// Where and how to speak. For the embedded model the address is filled in once it listens.
    pub target: Target,
    /// The load points in order; none where a search chooses them.
    pub points: Vec<Point>,
    /// How arrivals are spaced, and what bounds a point beyond its number.
    pub load: LoadSpec,
    /// The search that takes the place of the load points, if one is asked for.
    pub sla: Option<SlaSpec>,
    /// What is sent.
    pub workload: WorkloadSpec,
    /// What of it is at hubs.
    pub wants: Wants,
    /// How the model is asked to generate.
    pub sampling: Sampling,
    /// Header that carries the id of a conversation.
    pub session_header: Option<HeaderName>,
    /// Things that were decided for the user and that he should know.
    pub notices: Vec<String>,
}

impl Plan {
    /// Checks every value and fills in what depends on others. `key` comes from a flag or the environment and is never
    /// saved; `entropy` seeds the workload where no seed is set, and is saved.
    ///
    /// # Errors
    /// When a value cannot be used; the message names the flag and the remedy.
    pub fn resolve(mut settings: Settings, key: Option<Secret>, entropy: u64) -> Result<Self> {
        let mut notices = Vec::new();
        let Endpoint { api, url, dialect, chat } = Endpoint::of(&mut settings, &mut notices)?;
        let embedded = api == Api::Local;
        let model = match (&settings.model, embedded) {
            (Some(model), _) => model.clone(),
            (None, true) => match dialect {
                Dialect::Embedding => EMBEDDING_MODEL,
                Dialect::Rerank => RERANKING_MODEL,
                _ => EMBEDDED_MODEL,
            }
            .to_owned(),
            (None, false) => {
                return Err(match api {
                    Api::LocalVllm => Failure::usage("--model is required with --api local_vllm")
                        .hint("give the name or folder that vllm serve is to load"),
                    _ => Failure::usage("--model is required with --url")
                        .hint("give the name the server serves; GET /v1/models lists it"),
                });
            }
        };
        settings.model = Some(model.clone());
        settings.sleep_interval.get_or_insert(if embedded { 0.0 } else { SLEEP_INTERVAL });
        let seed = *settings.workload_seed.get_or_insert(settings.seed.unwrap_or(entropy));
        let speed = settings.set().is_some_and(Set::is_speed);
        let max_tokens = max_tokens(&mut settings, embedded && !speed)?;
        if speed {
            // Replies of one length, as in Qwen's table: a speed over a few tokens says little.
            settings.min_tokens.get_or_insert(max_tokens.0);
        }
        let mut sampling = sampling(&settings, max_tokens)?;
        let wants = wants(&settings, Set::named(&settings.dataset).is_ok_and(|set| !set.needs_no_file()), embedded)?;
        let engine = engine(&settings, embedded)?;
        // A revision says which files are meant; it is no part of the name.
        let served_name = wants.model.as_ref().map(|wanted| wanted.repo.id.clone());
        let fetched = wants.dataset.is_some();
        let (extra, told) = (&mut sampling.extra, &mut notices);
        let mut around = Around { chat, embedded, seed, max_tokens, fetched, extra, notices: told };
        let workload = workload(&mut settings, &mut around)?;
        notices.extend(unspoken(&sampling, &dialect, &settings.api));
        let recorded = recorded(&settings, &workload);
        let own_number = workload.size();
        let sla = SlaSpec::resolve(&settings)?;
        if dialect.is_input_only() {
            sla.iter().try_for_each(|sla| without_text(sla, &settings.api))?;
        }
        let points = match sla {
            Some(_) => Vec::new(),
            None => points(&settings, recorded, |load| match load {
                _ if own_number.is_some() => own_number.unwrap_or(NUMBER),
                Load::Closed { parallel } | Load::Paced { parallel, .. } if embedded => (4 * parallel).max(20),
                Load::Open { .. } if embedded => 20,
                _ => NUMBER,
            })?,
        };
        if let Some(name) = &settings.attn_implementation {
            notices.push(format!(
                "--attn-implementation {name} has no effect: the embedded model computes attention in one way"
            ));
        }
        let load = load(&settings, recorded)?;
        check_numbers(&settings)?;
        let target = Target {
            url,
            headers: headers(&settings, key, &dialect)?,
            dialect,
            model: served_name.clone().unwrap_or_else(|| model.clone()),
            deadlines: deadlines(&settings)?,
            trust: trust(&settings)?,
            http: match settings.http_version.as_str() {
                "auto" => HttpVersion::Auto,
                "1.1" => HttpVersion::Http1,
                "2" => HttpVersion::Http2,
                other => {
                    return Err(Failure::usage(format!("--http-version {other}: no such version"))
                        .hint("known versions: auto, 1.1, 2"));
                }
            },
        };
        // The saved plan must not carry keys, and need not: the environment gives them again.
        let secret = |pair: &String| pair.split_once('=').is_some_and(|(name, _)| is_secret_header(name.trim()));
        if settings.headers.iter().any(secret) {
            notices.push(
                "headers that carry keys are left out of the saved plan; give them again to repeat it".to_owned(),
            );
            settings.headers.retain(|pair| !secret(pair));
        }
        let session_header = settings.session_header.as_deref().map(|name| {
            HeaderName::try_from(name).map_err(|error| {
                Failure::usage(format!("--session-header {name:?}: not the name of a header"))
                    .because(error)
                    .hint("give a name such as X-Session-Id")
            })
        });
        let session_header = session_header.transpose()?;
        let served = match api {
            Api::Local => {
                let seed = settings.seed.unwrap_or(0);
                Served::Embedded(EmbeddedSpec { model, port: settings.port, seed, served_name, engine })
            }
            Api::LocalVllm => {
                let args = settings.vllm_args.iter().flat_map(|args| args.split_whitespace()).map(str::to_owned);
                Served::Vllm(VllmSpec { model, port: settings.port, args: args.collect() })
            }
            _ => Served::Remote,
        };
        Ok(Plan { settings, served, target, points, load, sla, workload, wants, sampling, session_header, notices })
    }

    /// The last part of the model's name, or the run's own name, as a folder name.
    pub fn folder(&self) -> String {
        let leaf = match &self.settings.name {
            Some(name) => name.as_str(),
            None => self.target.model.trim_end_matches('/').rsplit('/').next().unwrap_or("unknown"),
        };
        let safe: String =
            leaf.chars().map(|c| if "<>:\"|?*\\/\0".contains(c) || c.is_control() { '_' } else { c }).collect();
        match safe.as_str() {
            "" | "." | ".." => "unknown".to_owned(),
            _ => safe,
        }
    }

    /// The plan of one load point as a profile: that point alone, with the very prompts it had in the sweep. `offset` is
    /// the number of conversations that the points before it took.
    ///
    /// # Errors
    /// Never, unless a value cannot be written as TOML.
    pub fn point_toml(&self, point: Point, offset: u64) -> Result<String> {
        // Of recorded traffic the warm-up is a part.
        let within = if self.load.arrival == super::Arrival::Recorded { point.warmup } else { 0 };
        let mut settings = Settings {
            number: Some(super::ListOf::One(point.number + within)),
            dataset_offset: self.settings.dataset_offset + offset,
            repeat: 1,
            sla_auto_tune: false,
            sla_params: None,
            ..self.settings.clone()
        };
        match point.load {
            Load::Closed { parallel } => settings.parallel = super::ListOf::One(parallel),
            Load::Paced { parallel, rate } => {
                settings.parallel = super::ListOf::One(parallel);
                settings.rate = Some(super::ListOf::One(rate));
            }
            Load::Open { rate, .. } if settings.rate.is_some() => settings.rate = Some(super::ListOf::One(rate)),
            Load::Open { .. } | Load::Trace { .. } => {}
        }
        Plan { settings, ..self.clone() }.to_toml()
    }

    /// The plan as a profile: `evalscope perf --profile plan.toml` runs it again.
    ///
    /// # Errors
    /// Never, unless a value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(&self.settings).map_err(|error| Failure::bug("the plan cannot be written").because(error))
    }
}

/// Bounds of the reply length, with the smaller default where the embedded model answers.
fn max_tokens(settings: &mut Settings, embedded: bool) -> Result<(u32, u32)> {
    let default = if embedded { EMBEDDED_MAX_TOKENS } else { MAX_TOKENS };
    let values = settings.max_tokens.get_or_insert(super::ListOf::One(default)).to_vec();
    match values.as_slice() {
        [one] => Ok((*one, *one)),
        [min, max] if min <= max => Ok((*min, *max)),
        [min, max] => Err(Failure::usage(format!("--max-tokens {min} {max}: the first must not exceed the second"))),
        _ => Err(Failure::usage("--max-tokens takes one value, or two to draw from")),
    }
}

/// How the embedded model is run; nothing of it may be said where another one answers.
fn engine(settings: &Settings, embedded: bool) -> Result<EngineSpec> {
    let given = [
        ("--dtype", settings.dtype.is_some()),
        ("--threads", settings.threads.is_some()),
        ("--max-model-len", settings.max_model_len.is_some()),
        ("--max-num-seqs", settings.max_num_seqs.is_some()),
        ("--kv-cache-gib", settings.kv_cache_gib.is_some()),
    ];
    if let (false, Some((flag, _))) = (embedded, given.iter().find(|(_, given)| *given)) {
        return Err(Failure::usage(format!("{flag} goes with the model inside this program, not with a server"))
            .hint("leave it out, or leave out --url; a server is told such things where it is started"));
    }
    let spec = EngineSpec {
        dtype: settings.dtype.clone(),
        threads: settings.threads,
        max_model_len: settings.max_model_len,
        max_num_seqs: settings.max_num_seqs,
        max_waiting: None,
        kv_cache_bytes: None,
    };
    spec.checked(settings.kv_cache_gib)
}

fn sampling(settings: &Settings, max_tokens: (u32, u32)) -> Result<Sampling> {
    let mut fields = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    // EvalScope's order of keys.
    set("min_tokens", settings.min_tokens.map(Value::from));
    set("frequency_penalty", settings.frequency_penalty.map(Value::from));
    set("repetition_penalty", settings.repetition_penalty.map(Value::from));
    set("logprobs", settings.logprobs.then_some(Value::Bool(true)));
    set("n", settings.n_choices.map(Value::from));
    set("seed", settings.seed.map(Value::from));
    set("stop", (!settings.stop.is_empty()).then(|| settings.stop.clone().into()));
    set("stop_token_ids", (!settings.stop_token_ids.is_empty()).then(|| settings.stop_token_ids.clone().into()));
    set("top_p", settings.top_p.map(Value::from));
    set("top_k", settings.top_k.map(Value::from));
    let extra = match &settings.extra_args {
        toml::Value::String(text) => serde_json::from_str(text).map_err(|error| {
            Failure::usage("--extra-args: not a JSON object")
                .because(error)
                .hint("write it as '{\"ignore_eos\": true}'")
        })?,
        table => serde_json::to_value(table)
            .ok()
            .and_then(|value| if let Value::Object(extra) = value { Some(extra) } else { None })
            .ok_or_else(|| Failure::usage("extra-args must be a table, or a JSON object as text"))?,
    };
    Ok(Sampling {
        max_tokens: Some(max_tokens),
        stream: settings.stream,
        temperature: settings.temperature.value(),
        fields,
        extra,
    })
}

/// Refuses criteria of tokens that are never generated.
fn without_text(sla: &SlaSpec, api: &str) -> Result<()> {
    let exists = |quantity| matches!(quantity, Quantity::Latency | Quantity::Requests);
    match sla.criteria.metrics().iter().find(|metric| !exists(metric.quantity)) {
        Some(metric) => Err(Failure::usage(format!("--sla-params: {}: --api {api} generates no text", metric.name))
            .hint(format!(
                "metrics that exist there: {}",
                known(METRICS.iter().filter(|m| exists(m.quantity)).map(|m| m.name))
            ))),
        None => Ok(()),
    }
}

/// What the dialect has no place for, though it was asked for.
fn unspoken(sampling: &Sampling, dialect: &Dialect, api: &str) -> Option<String> {
    let left: Vec<&str> = sampling.fields.keys().map(String::as_str).filter(|name| !dialect.takes(name)).collect();
    (!left.is_empty()).then(|| format!("--api {api} has no place for {}: not sent", left.join(", ")))
}

fn deadlines(settings: &Settings) -> Result<Deadlines> {
    let limit = |flag: &str, seconds: f64| {
        if seconds.is_finite() && seconds > 0.0 && seconds < 1e9 {
            Ok(Duration::from_secs_f64(seconds))
        } else {
            Err(Failure::usage(format!("{flag} {seconds}: must be a positive number of seconds")))
        }
    };
    Ok(Deadlines {
        connect: settings.connect_timeout.map(|s| limit("--connect-timeout", s)).transpose()?,
        read: settings.read_timeout.map(|s| limit("--read-timeout", s)).transpose()?,
        total: limit("--total-timeout", settings.total_timeout)?,
    })
}

fn trust(settings: &Settings) -> Result<Trust> {
    match (&settings.ca_cert, settings.insecure) {
        (Some(_), true) => Err(Failure::usage("--ca-cert and --insecure exclude each other")
            .hint("--ca-cert verifies against your own root, --insecure verifies nothing")),
        (Some(path), false) => Ok(Trust::Roots(PathBuf::from(path))),
        (None, true) => Ok(Trust::Anyone),
        (None, false) => Ok(Trust::Platform),
    }
}

fn check_numbers(settings: &Settings) -> Result<()> {
    let positive = |flag: &str, value: f64, zero: bool| {
        if value.is_finite() && (value > 0.0 || (zero && value == 0.0)) && value < 1e9 {
            Ok(())
        } else {
            Err(Failure::new(Exit::Usage, format!("{flag} {value}: out of range")))
        }
    };
    if let Some(interval) = settings.sleep_interval {
        positive("--sleep-interval", interval, true)?;
    }
    positive("--temperature", settings.temperature.value().unwrap_or(0.0), true)?;
    if settings.workers == Some(0) {
        return Err(Failure::usage("--workers must be at least 1"));
    }
    if settings.outputs_dir.trim().is_empty() {
        return Err(Failure::usage("--outputs-dir is empty"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::layer;
    use super::*;

    fn resolve(text: &str) -> Result<Plan> {
        Plan::resolve(layer(Some(("test", text)), toml::Table::new())?, Some(Secret::new("sk-secret")), 7)
    }

    #[test]
    fn nothing_set_means_the_embedded_model() -> Result<()> {
        let plan = resolve("parallel = [1, 32]")?;
        assert!(matches!(&plan.served, Served::Embedded(spec) if spec.model == "random:tiny"));
        assert_eq!(plan.points.iter().map(|point| point.number).collect::<Vec<_>>(), [20, 128]);
        assert_eq!(plan.folder(), "random_tiny");
        for (api, model, path) in [
            ("embedding", "random:minilm", "/v1/embeddings"),
            ("openai_rerank", "random:minilm-reranker", "/v1/rerank"),
        ] {
            let plan = resolve(&format!("api = '{api}'"))?;
            assert!(matches!(&plan.served, Served::Embedded(spec) if spec.model == model), "{api}");
            assert_eq!(plan.target.url.path(), path);
        }
        Ok(())
    }

    #[test]
    fn a_url_brings_evalscopes_defaults() -> Result<()> {
        let plan = resolve("url = 'http://h:1/v1'\nmodel = 'org/m'")?;
        assert_eq!(plan.points[0].number, 1000);
        assert_eq!(plan.sampling.max_tokens, Some((2048, 2048)));
        assert_eq!(plan.folder(), "m");
        Ok(())
    }

    #[test]
    fn a_saved_plan_resolves_to_itself_and_holds_no_key() -> Result<()> {
        let plan = resolve(
            "url = 'http://h:1/v1'\nmodel = 'm'\nheaders = ['Authorization=Bearer sk-other', 'X-A=1']\n\
             [extra-args]\nignore_eos = true",
        )?;
        let text = plan.to_toml()?;
        assert!(!text.contains("sk-"), "{text}");
        let again = Plan::resolve(layer(Some(("saved", &text)), toml::Table::new())?, None, 8)?;
        assert_eq!(again.settings, plan.settings);
        assert_eq!(again.workload, plan.workload);
        Ok(())
    }

    #[test]
    fn the_plan_of_a_point_is_that_point_alone() -> Result<()> {
        let plan = resolve("parallel = [1, 8]\nnumber = [5, 9]\ndataset-offset = 3")?;
        let text = plan.point_toml(plan.points[1], 5)?;
        let alone = Plan::resolve(layer(Some(("saved", &text)), toml::Table::new())?, None, 8)?;
        assert_eq!(alone.points, plan.points[1..]);
        assert_eq!(alone.workload, WorkloadSpec { offset: 8, ..plan.workload });
        Ok(())
    }

    #[test]
    fn bad_values_name_their_flag() {
        for (text, flag) in [
            ("api = 'x'", "--api"),
            ("dataset = 'x'", "--dataset"),
            ("dataset = 'line_by_line'", "--dataset-path"),
            ("url = 'http://h/v1'", "--model"),
            ("max-tokens = [9, 3]", "--max-tokens"),
            ("min-prompt-length = 9\nmax-prompt-length = 3", "--min-prompt-length"),
            ("headers = ['x']", "--headers"),
            ("http-version = '3'", "--http-version"),
            ("ca-cert = 'x'\ninsecure = true", "--ca-cert"),
            ("duration = 0.0", "--duration"),
            ("grace-period = 3.0", "--grace-period"),
            ("open-loop = true", "--rate"),
            ("arrival = 'x'", "--arrival"),
            ("arrival = 'trace'\nopen-loop = true\nrate = 1.0", "--arrival-file"),
            ("arrival = 'trace'\nopen-loop = true\narrival-file = 'x'\ntrace-speed = 0.0", "--trace-speed"),
            ("arrival = 'trace'\nopen-loop = true\narrival-file = 'x'\ntrace-speed = 2.0\nrate = 1.0", "--trace-speed"),
            ("trace-speed = 2.0", "--trace-speed"),
            ("burstiness = 0.0", "--burstiness"),
            ("ramp-up-strategy = 'linear'", "--ramp-up-strategy"),
            ("ramp-up-start-rps = 1.0", "--ramp-up-strategy"),
            ("compat = 'vllm'", "--compat"),
            ("dataset = 'random'\ncompat = 'x'", "--compat"),
            ("workload = '/no/such/file'", "--workload"),
            ("warmup-num = 'x'", "warmup-num"),
            ("connect-timeout = -1.0", "--connect-timeout"),
            ("prompt = '@/no/such/file'", "--prompt"),
            ("query-template = '[]'", "--query-template"),
        ] {
            let message = resolve(text).err().map(|failure| failure.message).unwrap_or_default();
            assert!(message.contains(flag), "{text}: {message}");
        }
    }
}
