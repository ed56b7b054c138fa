//! `--dataset-args`: one schema a family of datasets. EvalScope's schemas are included under its names.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{Pair, Schema, Set, Spread};
use crate::error::{Failure, Result};

/// Most characters of a prompt of the speed benchmark.
const MOST: u32 = 1 << 24;

/// The options of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub enum Args {
    /// The set has none.
    None,
    /// See [`TextArgs`].
    Text(TextArgs),
    /// See [`TurnArgs`].
    Turns(TurnArgs),
    /// See [`TraceArgs`].
    Trace(TraceArgs),
    /// See [`RecordedArgs`].
    Recorded(RecordedArgs),
    /// See [`ServeArgs`].
    Serve(ServeArgs),
    /// See [`RandomArgs`].
    Random(RandomArgs),
    /// See [`SharedArgs`].
    Shared(SharedArgs),
    /// See [`BatchArgs`].
    Batch(BatchArgs),
    /// See [`RankArgs`].
    Rank(RankArgs),
    /// See [`SpeedArgs`].
    Speed(SpeedArgs),
}

/// What becomes of a text that is not as long as `target_input_len`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputLenMode {
    /// A longer one is cut, a shorter one stays.
    #[default]
    Cap,
    /// A longer one is cut, a shorter one is left out.
    Drop,
}

/// Where the text of `prefix_file` goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrefixRole {
    /// Into a system message of its own; in front of the text where there is no chat.
    #[default]
    System,
    /// In front of the first message.
    User,
}

/// Options of texts from a file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextArgs {
    /// Tokens that each prompt is brought to.
    pub target_input_len: Option<u32>,
    /// What becomes of texts that are shorter.
    pub input_len_mode: InputLenMode,
    /// Text that fills prompts up to `target_input_len`.
    pub prefix_file: Option<PathBuf>,
    /// Where it goes.
    pub prefix_role: PrefixRole,
}

/// A length, or the bounds it is drawn between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Least.
    pub min: u32,
    /// Greatest.
    pub max: u32,
}

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let one = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
        let range = match &value {
            Value::Array(bounds) => match bounds.as_slice() {
                [min, max] => one(min).zip(one(max)).map(|(min, max)| Range { min, max }),
                _ => None,
            },
            single => one(single).map(|n| Range { min: n, max: n }),
        };
        range
            .filter(|range| range.min <= range.max)
            .ok_or_else(|| D::Error::custom(format!("{value}: a length, or [min, max], is needed")))
    }
}

/// Options of conversations of several turns.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TurnArgs {
    /// Tokens of the first turn; EvalScope's default is 65000 for conversations made from trajectories.
    pub first_turn_length: Option<Range>,
    /// Tokens of each later turn; likewise 500.
    pub subsequent_turn_length: Option<Range>,
    /// Characters that a token is taken for where rows are looked through; 3.0 when unset.
    pub chars_per_token: Option<f64>,
    /// EvalScope's old place of `--num-workers`.
    pub num_workers: Option<usize>,
}

/// Options of `workload_trace`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TraceArgs {
    /// How many times faster than recorded.
    pub speed: f64,
    /// Model that every body asks for.
    pub model_override: Option<String>,
    /// Model to ask for in place of the recorded one.
    pub model_mapping: BTreeMap<String, String>,
    /// Ask for replies as long as the recorded ones, and not to end sooner.
    pub match_output_length: bool,
    /// Rows from this second of the trace on.
    pub from: Option<f64>,
    /// Rows before this second of the trace.
    pub to: Option<f64>,
}

impl Default for TraceArgs {
    fn default() -> Self {
        TraceArgs {
            speed: 1.0,
            model_override: None,
            model_mapping: BTreeMap::new(),
            match_output_length: false,
            from: None,
            to: None,
        }
    }
}

/// Options of recorded traffic of which times and lengths are known.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordedArgs {
    /// How many times faster than recorded.
    pub speed: f64,
    /// Rows from this second of the trace on.
    pub from: Option<f64>,
    /// Rows before this second of the trace.
    pub to: Option<f64>,
    /// Rows of this model alone.
    pub model: Option<String>,
    /// Keep calls that failed when they were recorded: those without a reply.
    pub keep_failed: bool,
    /// Tokens that a prefix hash stands for: 512 in Mooncake, else 16.
    pub block_size: Option<u32>,
    /// Seconds of a unit of time, where the format does not say.
    pub time_unit: Option<f64>,
    /// Names of the columns, where they are others: `timestamp`, `input_length`, `output_length`, `hash_ids`.
    pub columns: BTreeMap<String, String>,
}

impl Default for RecordedArgs {
    fn default() -> Self {
        RecordedArgs {
            speed: 1.0,
            from: None,
            to: None,
            model: None,
            keep_failed: false,
            block_size: None,
            time_unit: None,
            columns: BTreeMap::new(),
        }
    }
}

/// Options of clients that are described by distributions.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServeArgs {
    /// How many times faster than described.
    pub speed: f64,
    /// Second of the description to begin at.
    pub from: f64,
    /// Second of the description to end at; ten minutes after `from` when unset.
    pub to: Option<f64>,
    /// What each rate is multiplied by.
    pub scale: f64,
}

impl Default for ServeArgs {
    fn default() -> Self {
        ServeArgs { speed: 1.0, from: 0.0, to: None, scale: 1.0 }
    }
}

/// Options of random prompts.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomArgs {
    /// Prompt length in tokens, in place of `--min-prompt-length` and `--max-prompt-length`.
    pub prompt_length: Option<Spread>,
    /// Reply length in tokens, in place of `--max-tokens`.
    pub reply_length: Option<Spread>,
    /// Both together, with weights.
    pub pairs: Vec<Pair>,
}

/// Options of groups of prompts that share a prefix.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SharedArgs {
    /// Number of groups.
    pub groups: u32,
    /// Tokens of each group's prefix.
    pub prefix_length: Spread,
    /// Tokens of what follows the prefix.
    pub prompt_length: Spread,
    /// Reply length in tokens, in place of `--max-tokens`.
    pub reply_length: Option<Spread>,
    /// Exponent of the groups' weights: group `k` comes with weight `k^-zipf`; 0 takes all alike.
    pub zipf: f64,
}

impl Default for SharedArgs {
    fn default() -> Self {
        SharedArgs {
            groups: 16,
            prefix_length: Spread::Uniform(1024, 1024),
            prompt_length: Spread::Uniform(128, 128),
            reply_length: None,
            zipf: 0.0,
        }
    }
}

/// Options of texts in batches.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchArgs {
    /// Texts a request; 8 when unset.
    pub batch_size: Option<u32>,
}

/// Options of random documents to be ranked.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RankArgs {
    /// Documents a request; 10 when unset.
    pub num_documents: Option<u32>,
    /// Length of a document against that of its query; 5 when unset.
    pub document_length_ratio: Option<f64>,
}

/// Lengths of Qwen's table of speed against context, in characters.
const SPEED: [u32; 4] = [1, 6144, 14336, 30720];
/// Those of its table for long contexts.
const SPEED_LONG: [u32; 2] = [63488, 129_024];

/// Options of the speed benchmark.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpeedArgs {
    /// How often the character stands in a prompt, in place of Qwen's lengths.
    pub lengths: Option<Vec<u32>>,
}

impl SpeedArgs {
    /// How often a prompt of each length is sent.
    pub const REPEATS: usize = 2;

    /// The lengths of a set, in characters: those that were asked for, else Qwen's.
    pub fn lengths(&self, set: Set) -> Vec<u32> {
        match &self.lengths {
            Some(lengths) => lengths.clone(),
            None if set == Set::SpeedBenchmarkLong => SPEED_LONG.to_vec(),
            None => SPEED.to_vec(),
        }
    }
}

impl Args {
    /// Checks options against the schema of their set.
    ///
    /// # Errors
    /// When a key is not known or a value is of the wrong type or out of range; the known keys are told.
    pub fn of(set: Set, given: &Map<String, Value>) -> Result<Args> {
        let args = match set.schema() {
            Schema::Empty if given.is_empty() => Args::None,
            Schema::Empty => {
                let key = given.keys().next().map_or("", String::as_str);
                return Err(refuse(set, format_args!("unknown key {key}")).hint("this dataset takes no options"));
            }
            Schema::Text => Args::Text(read(set, given)?),
            Schema::Turns => Args::Turns(read(set, given)?),
            Schema::Trace => Args::Trace(read(set, given)?),
            Schema::Recorded => Args::Recorded(read(set, given)?),
            Schema::Serve => Args::Serve(read(set, given)?),
            Schema::Random => Args::Random(read(set, given)?),
            Schema::Shared => Args::Shared(read(set, given)?),
            Schema::Batch => Args::Batch(read(set, given)?),
            Schema::Rank => Args::Rank(read(set, given)?),
            Schema::Speed => Args::Speed(read(set, given)?),
        };
        args.check(set)?;
        Ok(args)
    }

    /// The speed of a recorded schedule, where there is one to set.
    pub fn speed_mut(&mut self) -> Option<&mut f64> {
        match self {
            Args::Trace(args) => Some(&mut args.speed),
            Args::Recorded(args) => Some(&mut args.speed),
            Args::Serve(args) => Some(&mut args.speed),
            _ => None,
        }
    }

    fn check(&self, set: Set) -> Result<()> {
        let positive = |name: &str, value: f64| match value.is_finite() && value > 0.0 {
            true => Ok(()),
            false => Err(refuse(set, format_args!("{name} {value}: must be positive"))),
        };
        let window = |from: Option<f64>, to: Option<f64>| {
            let (from, to) = (from.unwrap_or(0.0), to.unwrap_or(f64::MAX));
            let sound = from.is_finite() && from >= 0.0 && from < to;
            if sound {
                Ok(())
            } else {
                Err(refuse(set, format_args!("from {from} to {to}: no such window of seconds")))
            }
        };
        match self {
            Args::None | Args::Shared(SharedArgs { groups: 1.., .. }) => Ok(()),
            Args::Shared(_) => Err(refuse(set, "groups must be at least 1")),
            Args::Text(args) => args.check(set),
            Args::Turns(args) => positive("chars_per_token", args.chars_per_token.unwrap_or(3.0)),
            Args::Trace(args) => positive("speed", args.speed).and(window(args.from, args.to)),
            Args::Recorded(args) => {
                let known = ["timestamp", "input_length", "output_length", "hash_ids"];
                if let Some(other) = args.columns.keys().find(|name| !known.contains(&name.as_str())) {
                    return Err(refuse(set, format_args!("columns: unknown key {other}"))
                        .hint(format!("known keys: {}", known.join(", "))));
                }
                positive("speed", args.speed)?;
                positive("block_size", f64::from(args.block_size.unwrap_or(1)))?;
                positive("time_unit", args.time_unit.unwrap_or(1.0))?;
                window(args.from, args.to)
            }
            Args::Serve(args) => {
                positive("speed", args.speed)?;
                positive("scale", args.scale)?;
                window(Some(args.from), args.to)
            }
            Args::Random(args) => {
                let spreads = args.prompt_length.is_some() || args.reply_length.is_some();
                if spreads && !args.pairs.is_empty() {
                    return Err(refuse(set, "pairs exclude prompt_length and reply_length"));
                }
                Ok(())
            }
            Args::Batch(args) => positive("batch_size", f64::from(args.batch_size.unwrap_or(1))),
            Args::Speed(SpeedArgs { lengths: None }) => Ok(()),
            Args::Speed(SpeedArgs { lengths: Some(lengths) }) => {
                if lengths.is_empty() || lengths.iter().any(|length| !(1..=MOST).contains(length)) {
                    return Err(refuse(set, format_args!("lengths: one or more from 1 to {MOST} are needed"))
                        .hint("write them as {\"lengths\": [1, 64, 256]}"));
                }
                Ok(())
            }
            Args::Rank(args) => {
                positive("num_documents", f64::from(args.num_documents.unwrap_or(1)))?;
                positive("document_length_ratio", args.document_length_ratio.unwrap_or(1.0))
            }
        }
    }
}

impl TextArgs {
    fn check(&self, set: Set) -> Result<()> {
        match (self.target_input_len, &self.prefix_file, self.input_len_mode) {
            (Some(0), ..) => Err(refuse(set, "target_input_len must be at least 1")),
            (None, Some(_), _) => Err(refuse(set, "prefix_file needs target_input_len")),
            (_, Some(_), InputLenMode::Drop) => {
                Err(refuse(set, "prefix_file and input_len_mode \"drop\" exclude each other"))
            }
            _ => Ok(()),
        }
    }
}

fn refuse(set: Set, why: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("--dataset-args of {}: {why}", set.name()))
}

fn read<T: DeserializeOwned>(set: Set, given: &Map<String, Value>) -> Result<T> {
    serde_json::from_value(Value::Object(given.clone())).map_err(|error| {
        refuse(set, error.to_string().replace('`', ""))
            .hint(format!("`evalscope perf datasets {}` lists its options", set.name()))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn args(set: Set, value: Value) -> Result<Args> {
        Args::of(set, value.as_object().unwrap_or(&Map::new()))
    }

    #[test]
    fn evalscopes_options_are_read() -> Result<()> {
        let Args::Text(text) = args(Set::OpenQa, json!({"target_input_len": 9, "input_len_mode": "drop"}))? else {
            return Err(Failure::bug("not text"));
        };
        assert_eq!((text.target_input_len, text.input_len_mode), (Some(9), InputLenMode::Drop));
        let given = json!({"first_turn_length": [5, 9], "subsequent_turn_length": 7, "chars_per_token": 2.5});
        let Args::Turns(turns) = args(Set::SweSmith, given)? else { return Err(Failure::bug("not turns")) };
        assert_eq!(turns.first_turn_length, Some(Range { min: 5, max: 9 }));
        assert_eq!(turns.subsequent_turn_length, Some(Range { min: 7, max: 7 }));
        let given = json!({"speed": 2, "model_mapping": {"a": "b"}, "match_output_length": true});
        let Args::Trace(trace) = args(Set::WorkloadTrace, given)? else { return Err(Failure::bug("no trace")) };
        assert!(trace.speed == 2.0 && trace.match_output_length && trace.model_mapping["a"] == "b");
        Ok(())
    }

    #[test]
    fn what_is_not_known_or_not_sound_is_named() {
        for (set, given, words) in [
            (Set::Custom, json!({"targt": 1}), "unknown field targt, expected one of target_input_len"),
            (
                Set::SpeedBenchmark,
                json!({"x": 1}),
                "--dataset-args of speed_benchmark: unknown field x, expected lengths",
            ),
            (Set::SpeedBenchmark, json!({"lengths": []}), "lengths: one or more"),
            (Set::SpeedBenchmark, json!({"lengths": [1, 0]}), "lengths: one or more"),
            (Set::Embedding, json!({"x": 1}), "--dataset-args of embedding: unknown key x"),
            (Set::OpenQa, json!({"target_input_len": 0}), "at least 1"),
            (Set::OpenQa, json!({"prefix_file": "a"}), "prefix_file needs target_input_len"),
            (
                Set::OpenQa,
                json!({"prefix_file": "a", "target_input_len": 5, "input_len_mode": "drop"}),
                "exclude each other",
            ),
            (Set::OpenQa, json!({"input_len_mode": "grow"}), "unknown variant grow, expected cap or drop"),
            (Set::WorkloadTrace, json!({"speed": 0}), "speed 0: must be positive"),
            (Set::Mooncake, json!({"from": 9, "to": 3}), "from 9 to 3"),
            (Set::TimedTrace, json!({"columns": {"time": "t"}}), "columns: unknown key time"),
            (Set::SweSmith, json!({"first_turn_length": [9, 3]}), "[9,3]: a length, or [min, max], is needed"),
            (Set::Random, json!({"pairs": [[1, 2]], "prompt_length": 3}), "pairs exclude"),
            (Set::SharedPrefix, json!({"groups": 0}), "groups"),
            (Set::RandomRerank, json!({"num_documents": 0}), "num_documents"),
        ] {
            let failure = args(set, given.clone()).err();
            let message = failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default();
            assert!(message.contains(words), "{given}: {message}");
        }
    }
}
