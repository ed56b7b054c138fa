//! `benchmark_args.json`: every argument of EvalScope 1.14.1 in its order, as this run had it.

use std::path::Path;

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use crate::plan::{Arrival, Plan, Point};
use crate::target::{MASK, is_secret_header};

/// EvalScope's arguments of a whole run, for trackers: lists of loads and numbers as EvalScope has them there, and the
/// address without its query, which may carry a key that must not leave this machine.
pub fn arguments(plan: &Plan, outputs: &Path) -> Map<String, Value> {
    let settings = &plan.settings;
    let searched = Point::closed(1, 0, 0);
    let mut all = benchmark_args(plan, plan.points.first().copied().unwrap_or(searched), outputs);
    let numbers: Vec<u64> = plan.points.iter().map(|point| point.number).collect();
    let url = plan.target.url.to_string();
    all.insert("url".to_owned(), json!(url.split('?').next()));
    all.insert("number".to_owned(), json!(numbers));
    all.insert("parallel".to_owned(), if settings.open_loop { json!([-1]) } else { json!(settings.parallel.to_vec()) });
    all.insert("rate".to_owned(), settings.rate.as_ref().map_or(json!([-1.0]), |rate| json!(rate.to_vec())));
    all
}

/// EvalScope's arguments of a load point. Arguments of features that this run did not use have EvalScope's defaults;
/// secrets are masked as EvalScope masks them.
pub(super) fn benchmark_args(plan: &Plan, point: Point, outputs: &Path) -> Map<String, Value> {
    let settings = &plan.settings;
    let headers: Map<String, Value> = plan
        .target
        .headers
        .iter()
        .map(|(name, value)| {
            let is_secret = is_secret_header(name.as_str()) || value.is_sensitive();
            let shown = if is_secret { MASK } else { value.to_str().unwrap_or(MASK) };
            (name.to_string(), json!(shown))
        })
        .collect();
    let is_key = |(name, value): &(HeaderName, HeaderValue)| name == AUTHORIZATION || value.is_sensitive();
    let key = plan.target.headers.iter().any(is_key).then_some(MASK);
    let max_tokens = match plan.workload.max_tokens {
        (min, max) if min == max => json!(max),
        (min, max) => json!([min, max]),
    };
    let recorded = plan.load.arrival == Arrival::Recorded;
    let optional = |list: &[String]| if list.is_empty() { Value::Null } else { json!(list) };
    let pairs: Vec<(&str, Value)> = vec![
        ("model", json!(settings.model)),
        ("model_id", json!(plan.folder())),
        ("attn_implementation", json!(settings.attn_implementation)),
        ("api", json!(settings.api)),
        ("tokenizer_path", json!(settings.tokenizer_path)),
        ("port", json!(plan.target.port())),
        ("url", json!(plan.target.url.to_string())),
        ("headers", Value::Object(headers)),
        ("connect_timeout", json!(settings.connect_timeout)),
        ("read_timeout", json!(settings.read_timeout)),
        ("total_timeout", json!(settings.total_timeout)),
        ("api_key", json!(key)),
        ("no_test_connection", json!(settings.no_test_connection)),
        ("scenario", Value::Null),
        ("number", json!(point.number)),
        ("parallel", if point.load.is_open() { json!(-1) } else { json!(point.load.level() as u64) }),
        ("rate", json!(point.load.rate().unwrap_or(-1.0))),
        // As in EvalScope: the warm-up of recorded traffic is a part of it.
        ("warmup_num", if recorded { json!(0) } else { json!(settings.warmup_num) }),
        ("enable_pd_metrics", json!(settings.enable_pd_metrics)),
        ("open_loop", json!(point.load.is_open())),
        ("sleep_interval", json!(settings.sleep_interval)),
        ("duration", json!(settings.duration)),
        ("sla_auto_tune", json!(settings.sla_auto_tune)),
        ("sla_variable", json!(settings.sla_variable)),
        ("sla_params", json!(settings.sla_params)),
        ("sla_num_runs", json!(settings.sla_num_runs)),
        ("sla_upper_bound", json!(settings.sla_upper_bound)),
        ("sla_lower_bound", json!(settings.sla_lower_bound)),
        ("sla_fixed_parallel", json!(settings.sla_fixed_parallel)),
        ("sla_number_multiplier", json!(settings.sla_number_multiplier)),
        ("db_commit_interval", json!(1000)),
        ("queue_size_multiplier", json!(5)),
        ("in_flight_task_multiplier", json!(2)),
        ("num_workers", json!(settings.num_workers)),
        ("log_every_n_query", json!(settings.log_every_n_query)),
        ("debug", json!(settings.debug)),
        ("enable_progress_tracker", json!(settings.enable_progress_tracker)),
        ("visualizer", json!(settings.visualizer)),
        ("wandb_api_key", Value::Null),
        ("swanlab_api_key", Value::Null),
        ("swanlab_host", json!(settings.swanlab_host)),
        ("name", json!(settings.name)),
        ("alias", json!(settings.alias)),
        ("outputs_dir", json!(outputs.display().to_string())),
        ("no_timestamp", json!(settings.no_timestamp)),
        ("max_prompt_length", json!(plan.workload.lengths.max)),
        ("min_prompt_length", json!(plan.workload.lengths.min)),
        ("prefix_length", json!(settings.prefix_length)),
        ("prefix_count", json!(settings.prefix_count)),
        ("prompt", json!(settings.prompt)),
        ("query_template", json!(settings.query_template)),
        ("apply_chat_template", json!(plan.workload.chat)),
        ("image_width", json!(settings.image_width)),
        ("image_height", json!(settings.image_height)),
        ("image_format", json!(settings.image_format)),
        ("image_num", json!(settings.image_num)),
        ("image_patch_size", json!(settings.image_patch_size)),
        ("dataset", json!(settings.dataset)),
        ("dataset_path", json!(settings.dataset_path)),
        ("data_source", json!(settings.data_source)),
        ("dataset_offset", json!(settings.dataset_offset)),
        ("dataset_args", options(settings.dataset_args.as_ref())),
        ("frequency_penalty", json!(settings.frequency_penalty)),
        ("repetition_penalty", json!(settings.repetition_penalty)),
        ("logprobs", if settings.logprobs { json!(true) } else { Value::Null }),
        ("max_tokens", max_tokens),
        ("min_tokens", json!(settings.min_tokens)),
        ("n_choices", json!(settings.n_choices)),
        ("seed", json!(settings.seed)),
        ("stop", optional(&settings.stop)),
        (
            "stop_token_ids",
            if settings.stop_token_ids.is_empty() { Value::Null } else { json!(settings.stop_token_ids) },
        ),
        ("stream", json!(settings.stream)),
        ("temperature", json!(settings.temperature.value())),
        ("top_p", json!(settings.top_p)),
        ("top_k", json!(settings.top_k)),
        ("extra_args", Value::Object(plan.sampling.extra.clone())),
        ("tokenize_prompt", json!(settings.tokenize_prompt)),
        ("multi_turn", json!(settings.multi_turn)),
        ("min_turns", json!(settings.min_turns)),
        ("max_turns", json!(settings.max_turns)),
        ("multi_turn_args", Value::Null),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Options of the dataset as an object, whether they were given as one or as text.
fn options(given: Option<&toml::Value>) -> Value {
    match given {
        None => Value::Null,
        Some(toml::Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        Some(table) => json!(table),
    }
}
