//! Speed against the length of the prompt, as Qwen's tables have it and EvalScope measures it, with what both leave out.
//!
//! EvalScope's speed is completion tokens / latency, so that it falls with the length of the prompt already because the
//! prompt takes longer to read. The decode speed beside it begins with the first token: (tokens - 1) / (last token - first
//! token).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::evalscope::Row;
use crate::record::{Record, TokensFrom};
use crate::units::{NS_PER_S, millis, round_to};

/// Bytes of a GiB.
const GIB: f64 = (1u64 << 30) as f64;

/// Whose memory was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryOf {
    /// Weights and caches of the embedded model, in main memory.
    EmbeddedModel,
    /// All GPUs of this machine, whoever uses them.
    Gpus,
}

/// Memory in use over time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// Whose it is, or why nothing is known of it.
    pub of: Option<MemoryOf>,
    /// Why nothing is known of it.
    pub none: Option<String>,
    /// Levels in bytes with the ns since the epoch at which each was seen, ascending.
    pub levels: Vec<(u64, u64)>,
}

impl Memory {
    /// The greatest level from one instant to another, with what was in use at the first of them.
    fn most(&self, from_ns: u64, to_ns: u64) -> Option<u64> {
        let inside = self.levels.partition_point(|(at, _)| *at <= from_ns).saturating_sub(1);
        self.levels[inside.min(self.levels.len())..]
            .iter()
            .take_while(|(at, _)| *at <= to_ns)
            .map(|(_, bytes)| *bytes)
            .max()
    }
}

/// Requests of one prompt length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpeedRow {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Successful requests.
    pub requests: u64,
    /// Mean of completion tokens / latency, in tokens a second: EvalScope's speed, which includes the reading of the
    /// prompt.
    pub speed: f64,
    /// Mean of (completion tokens - 1) / (last token - first token), in tokens a second; streams alone.
    pub decode_speed: Option<f64>,
    /// Mean time to first token, in ms; streams alone.
    pub ttft_ms: Option<f64>,
    /// Mean of the most memory in use while each request went on, in GiB.
    pub memory_gib: Option<f64>,
}

/// A row for each length of prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpeedTable {
    /// By length.
    pub rows: Vec<SpeedRow>,
    /// Whose memory it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_of: Option<MemoryOf>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_none: Option<String>,
    /// Successful requests whose tokens a tokenizer counted, because the server gave no usage.
    pub counted_here: u64,
    /// Successful requests in no row, because nobody counted their tokens.
    pub uncounted: u64,
}

impl SpeedTable {
    /// The contents of EvalScope's `speed_benchmark.json`: two decimals, and 0 where no GPU was looked at, as it writes
    /// for servers elsewhere.
    pub fn evalscope(&self) -> Vec<Map<String, Value>> {
        let gpu = |row: &SpeedRow| row.memory_gib.filter(|_| self.memory_of == Some(MemoryOf::Gpus)).unwrap_or(0.0);
        self.rows
            .iter()
            .map(|row| {
                Map::from_iter([
                    ("Prompt Tokens".to_owned(), json!(row.prompt_tokens)),
                    ("Speed(tokens/s)".to_owned(), json!(round_to(row.speed, 2))),
                    ("GPU Memory(GB)".to_owned(), json!(round_to(gpu(row), 2))),
                ])
            })
            .collect()
    }
}

/// A mean in the making.
#[derive(Debug, Clone, Copy, Default)]
struct Mean(f64, u64);

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            *self = Mean(self.0 + value, self.1 + 1);
        }
    }

    fn value(self) -> Option<f64> {
        (self.1 > 0).then(|| self.0 / self.1 as f64)
    }
}

#[derive(Debug, Default)]
struct Sums {
    requests: u64,
    speed: Mean,
    decode: Mean,
    ttft: Mean,
    memory: Mean,
}

/// Collects a [`SpeedTable`].
#[derive(Debug, Default)]
pub struct SpeedTally {
    memory: Memory,
    lengths: BTreeMap<u64, Sums>,
    counted_here: u64,
    uncounted: u64,
}

impl SpeedTally {
    /// An empty table, with what memory was in use.
    pub fn new(memory: Memory) -> Self {
        SpeedTally { memory, ..SpeedTally::default() }
    }

    /// Adds a record. The warm-up and what failed are left out.
    pub fn add(&mut self, record: &Record) {
        if record.warmup || !record.is_ok() {
            return;
        }
        let (Some(prompt), Some(_)) = (record.prompt_tokens, record.completion_tokens) else {
            self.uncounted += 1;
            return;
        };
        self.counted_here += u64::from(record.tokens_from == Some(TokensFrom::Tokenizer));
        let row = Row::of(record);
        let sums = self.lengths.entry(prompt).or_default();
        sums.requests += 1;
        sums.speed.add(Some(row.completion / row.latency));
        sums.decode.add(record.tpot_ns().filter(|tpot| *tpot > 0.0).map(|tpot| NS_PER_S / tpot));
        sums.ttft.add(record.ttft_ns().filter(|_| record.stream).map(millis));
        let from = record.started_ns.unwrap_or(record.intended_ns);
        sums.memory.add(self.memory.most(from, record.end_ns).map(|bytes| bytes as f64 / GIB));
    }

    /// The table.
    pub fn table(self) -> SpeedTable {
        let rows = self.lengths.into_iter().map(|(prompt_tokens, sums)| SpeedRow {
            prompt_tokens,
            requests: sums.requests,
            speed: sums.speed.value().unwrap_or(0.0),
            decode_speed: sums.decode.value(),
            ttft_ms: sums.ttft.value(),
            memory_gib: sums.memory.value(),
        });
        SpeedTable {
            rows: rows.collect(),
            memory_of: self.memory.of,
            memory_none: self.memory.none,
            counted_here: self.counted_here,
            uncounted: self.uncounted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Outcome;

    const MS: u64 = 1_000_000;

    /// A stream of so many tokens, 10 ms apart, the first after 100 ms.
    fn record(start_ms: u64, prompt: u64, tokens: u64) -> Record {
        let start = start_ms * MS;
        let (first, last) = (start + 100 * MS, start + 100 * MS + (tokens - 1) * 10 * MS);
        Record {
            started_ns: Some(start),
            first_token_ns: Some(first),
            last_token_ns: Some(last),
            last_event_ns: Some(last),
            end_ns: last,
            outcome: Outcome::Ok,
            prompt_tokens: Some(prompt),
            completion_tokens: Some(tokens),
            tokens_from: Some(TokensFrom::Usage),
            chunks: tokens as u32,
            stream: true,
            ..Record::due(String::new(), 0, 0, start)
        }
    }

    #[test]
    fn a_row_is_the_mean_over_prompts_of_one_length() -> Result<(), &'static str> {
        let memory = Memory {
            of: Some(MemoryOf::Gpus),
            none: None,
            levels: vec![(0, 1 << 30), (1_500 * MS, 3 << 30), (1_600 * MS, 1 << 30), (9_000 * MS, 7 << 30)],
        };
        let mut tally = SpeedTally::new(memory);
        tally.add(&record(0, 9, 91));
        tally.add(&record(1_000, 9, 41));
        tally.add(&Record { tokens_from: Some(TokensFrom::Tokenizer), ..record(2_000, 1, 11) });
        tally.add(&Record { prompt_tokens: None, ..record(3_000, 1, 11) });
        tally.add(&Record { warmup: true, ..record(3_000, 1, 11) });
        tally.add(&Record { outcome: Outcome::Cancelled, ..record(3_000, 1, 11) });
        let table = tally.table();
        assert_eq!((table.counted_here, table.uncounted), (1, 1));
        let [short, long] = table.rows.as_slice() else { return Err("two lengths") };
        assert_eq!((short.prompt_tokens, short.requests, short.memory_gib), (1, 1, Some(1.0)));
        assert_eq!((long.prompt_tokens, long.requests), (9, 2));
        // 91 tokens in a second, 41 in half of one.
        assert_eq!(long.speed, (91.0 + 82.0) / 2.0);
        assert_eq!((long.decode_speed, long.ttft_ms), (Some(100.0), Some(100.0)));
        assert_eq!(long.memory_gib, Some(2.0), "1 GiB during the first, up to 3 GiB during the second");
        let file = serde_json::to_string(&table.evalscope()).unwrap_or_default();
        assert_eq!(
            file,
            r#"[{"Prompt Tokens":1,"Speed(tokens/s)":55.0,"GPU Memory(GB)":1.0},{"Prompt Tokens":9,"Speed(tokens/s)":86.5,"GPU Memory(GB)":2.0}]"#
        );
        Ok(())
    }

    #[test]
    fn without_memory_there_is_none() {
        let mut tally = SpeedTally::new(Memory { none: Some("elsewhere".to_owned()), ..Memory::default() });
        tally.add(&record(0, 9, 91));
        let table = tally.table();
        assert_eq!((table.rows[0].memory_gib, table.memory_none.as_deref()), (None, Some("elsewhere")));
        assert_eq!(table.evalscope()[0]["GPU Memory(GB)"], json!(0.0));
    }

    #[test]
    fn memory_of_a_model_is_no_memory_of_a_gpu() {
        let memory = Memory { of: Some(MemoryOf::EmbeddedModel), none: None, levels: vec![(0, 5 << 30)] };
        let mut tally = SpeedTally::new(memory);
        tally.add(&record(10, 9, 91));
        let table = tally.table();
        assert_eq!(table.rows[0].memory_gib, Some(5.0));
        assert_eq!(table.evalscope()[0]["GPU Memory(GB)"], json!(0.0));
    }
}
