//! Flags that are cut short. Where a beginning fits one flag of EvalScope alone it is that flag, as in EvalScope, whatever
//! flags there are here besides; all else is left to the general rule.

use std::ffi::OsString;

/// Every flag of `evalscope perf` in EvalScope 1.14.1, without the dashes.
const EVALSCOPE: [&str; 82] = [
    "model",
    "attn-implementation",
    "api",
    "tokenizer-path",
    "port",
    "url",
    "headers",
    "connect-timeout",
    "read-timeout",
    "total-timeout",
    "api-key",
    "no-test-connection",
    "scenario",
    "number",
    "parallel",
    "rate",
    "warmup-num",
    "enable-pd-metrics",
    "open-loop",
    "sleep-interval",
    "duration",
    "sla-auto-tune",
    "sla-variable",
    "sla-params",
    "sla-num-runs",
    "sla-upper-bound",
    "sla-lower-bound",
    "sla-fixed-parallel",
    "sla-number-multiplier",
    "db-commit-interval",
    "queue-size-multiplier",
    "in-flight-task-multiplier",
    "num-workers",
    "log-every-n-query",
    "debug",
    "enable-progress-tracker",
    "visualizer",
    "wandb-api-key",
    "swanlab-api-key",
    "swanlab-host",
    "name",
    "alias",
    "outputs-dir",
    "no-timestamp",
    "max-prompt-length",
    "min-prompt-length",
    "prefix-length",
    "prefix-count",
    "prompt",
    "query-template",
    "apply-chat-template",
    "no-apply-chat-template",
    "image-width",
    "image-height",
    "image-format",
    "image-num",
    "image-patch-size",
    "dataset",
    "dataset-path",
    "data-source",
    "dataset-offset",
    "dataset-args",
    "frequency-penalty",
    "repetition-penalty",
    "logprobs",
    "max-tokens",
    "min-tokens",
    "n-choices",
    "seed",
    "stop",
    "stop-token-ids",
    "stream",
    "no-stream",
    "temperature",
    "top-p",
    "top-k",
    "extra-args",
    "tokenize-prompt",
    "multi-turn",
    "min-turns",
    "max-turns",
    "multi-turn-args",
];

/// The arguments of the program with the flags of `perf`, which has these flags and subcommands, in full.
pub(super) fn in_full(args: impl IntoIterator<Item = OsString>, perf: &clap::Command) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let is_other = args.get(2).is_some_and(|word| perf.get_subcommands().any(|other| *word == *other.get_name()));
    if args.get(1).is_none_or(|command| *command != *perf.get_name()) || is_other {
        return args;
    }
    let known: Vec<&str> = perf.get_arguments().filter_map(clap::Arg::get_long).collect();
    for arg in args.iter_mut().skip(2).take_while(|arg| *arg != "--") {
        if let Some(full) = arg.to_str().and_then(|text| full(text, &known)) {
            *arg = full.into();
        }
    }
    args
}

/// The flag that is meant, with its value where that stands behind `=`; `None` where it is left as it is.
fn full(text: &str, known: &[&str]) -> Option<String> {
    let given = text.strip_prefix("--")?;
    let (name, value) = given.split_once('=').map_or((given, None), |(name, value)| (name, Some(value)));
    if name.is_empty() || known.contains(&name) {
        return None;
    }
    let mut fitting = EVALSCOPE.iter().filter(|flag| flag.starts_with(name));
    match (fitting.next(), fitting.next()) {
        (Some(flag), None) => Some(value.map_or_else(|| format!("--{flag}"), |value| format!("--{flag}={value}"))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_that_fits_one_flag_of_evalscope_is_that_flag() {
        let flags = ["workers", "rate", "ramp-up", "model"].map(|name| clap::Arg::new(name).long(name));
        let perf = clap::Command::new("perf").args(flags).subcommand(clap::Command::new("merge"));
        let of = |line: &str| {
            let words = line.split(' ').map(OsString::from);
            in_full(words, &perf).iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        for (given, meant) in [
            ("e perf --output x --tokenizer y", "e perf --outputs-dir x --tokenizer-path y"),
            ("e perf --ra=5 --mod m", "e perf --rate=5 --model m"),
            // Two of them begin like this, or none does, or it is a flag already, or no flag at all.
            (
                "e perf --num 5 --ramp-up 1 --workers 2 -- --output",
                "e perf --num 5 --ramp-up 1 --workers 2 -- --output",
            ),
            ("e calibrate --output x", "e calibrate --output x"),
            ("e perf merge --output x", "e perf merge --output x"),
            ("e perf -n 3 output", "e perf -n 3 output"),
        ] {
            assert_eq!(of(given), meant);
        }
    }
}
