//! The names of all datasets, with what each of them needs.

use crate::error::{Failure, Result};

/// Every dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each has its name in `ALL` and its description in its card")]
pub enum Set {
    OpenQa,
    LongAlpaca,
    LineByLine,
    Custom,
    ShareGptZh,
    ShareGptEn,
    ShareGptZhMultiTurn,
    ShareGptEnMultiTurn,
    CustomMultiTurn,
    Random,
    RandomVl,
    RandomMultiTurn,
    SharedPrefix,
    SpeedBenchmark,
    SpeedBenchmarkLong,
    Embedding,
    EmbeddingBatch,
    RandomEmbedding,
    RandomEmbeddingBatch,
    Rerank,
    RandomRerank,
    Flickr8k,
    KontextBench,
    MmmuMultiImage,
    OpenDecisions,
    SweSmith,
    TrieAgenticCoding,
    TrieCodeQa,
    TrieOfficeWork,
    OpenAiBatch,
    WorkloadTrace,
    Mooncake,
    Bailian,
    TimedTrace,
    BurstGpt,
    Azure,
    Lengths,
    ServeGen,
    Otel,
}

/// What `--dataset-args` of a set is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Schema {
    /// Nothing.
    Empty,
    /// Texts that can be fitted to a length.
    Text,
    /// Conversations of several turns.
    Turns,
    /// Recorded requests with their bodies.
    Trace,
    /// Recorded requests of which only lengths are known.
    Recorded,
    /// Clients described by distributions.
    Serve,
    /// Random prompts.
    Random,
    /// Groups of prompts that share a prefix.
    Shared,
    /// Texts in batches.
    Batch,
    /// A query with documents.
    Rank,
    /// One character so many times.
    Speed,
}

impl Set {
    /// Every name; what is listed last of several names of one set is an alias.
    pub const ALL: &[(&'static str, Set)] = &[
        ("openqa", Set::OpenQa),
        ("longalpaca", Set::LongAlpaca),
        ("line_by_line", Set::LineByLine),
        ("custom", Set::Custom),
        ("share_gpt_zh", Set::ShareGptZh),
        ("share_gpt_en", Set::ShareGptEn),
        ("share_gpt_zh_multi_turn", Set::ShareGptZhMultiTurn),
        ("share_gpt_en_multi_turn", Set::ShareGptEnMultiTurn),
        ("custom_multi_turn", Set::CustomMultiTurn),
        ("random", Set::Random),
        ("random_vl", Set::RandomVl),
        ("random_multi_turn", Set::RandomMultiTurn),
        ("shared_prefix", Set::SharedPrefix),
        ("speed_benchmark", Set::SpeedBenchmark),
        ("speed_benchmark_long", Set::SpeedBenchmarkLong),
        ("embedding", Set::Embedding),
        ("embedding_batch", Set::EmbeddingBatch),
        ("random_embedding", Set::RandomEmbedding),
        ("random_embedding_batch", Set::RandomEmbeddingBatch),
        ("rerank", Set::Rerank),
        ("random_rerank", Set::RandomRerank),
        ("flickr8k", Set::Flickr8k),
        ("kontext_bench", Set::KontextBench),
        ("mmmu_multi_image", Set::MmmuMultiImage),
        ("open_decisions", Set::OpenDecisions),
        ("swe_smith", Set::SweSmith),
        ("trie_agentic_coding", Set::TrieAgenticCoding),
        ("trie_code_qa", Set::TrieCodeQa),
        ("trie_office_work", Set::TrieOfficeWork),
        ("openai_batch", Set::OpenAiBatch),
        ("workload_trace", Set::WorkloadTrace),
        ("mooncake", Set::Mooncake),
        ("bailian", Set::Bailian),
        ("timed_trace", Set::TimedTrace),
        ("burstgpt", Set::BurstGpt),
        ("azure", Set::Azure),
        ("lengths", Set::Lengths),
        ("servegen", Set::ServeGen),
        ("otel", Set::Otel),
        ("embed", Set::Embedding),
    ];

    /// The name, as EvalScope spells it where it has the set.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, set)| *set == self).map_or("", |(name, _)| name)
    }

    /// The set of a name.
    ///
    /// # Errors
    /// When there is none; the nearest names are told.
    pub fn named(name: &str) -> Result<Set> {
        if let Some((_, set)) = Self::ALL.iter().find(|(known, _)| *known == name) {
            return Ok(*set);
        }
        let near = nearest(name);
        let guess = match near.as_slice() {
            [] => String::new(),
            near => format!("did you mean {}? ", near.join(" or ")),
        };
        Err(Failure::usage(format!("--dataset {name}: no dataset of this name"))
            .hint(format!("{guess}`evalscope perf datasets` lists all of them")))
    }

    /// What its `--dataset-args` are checked against.
    pub fn schema(self) -> Schema {
        match self {
            Set::OpenQa | Set::LongAlpaca | Set::LineByLine | Set::Custom | Set::ShareGptZh | Set::ShareGptEn => {
                Schema::Text
            }
            Set::ShareGptZhMultiTurn | Set::ShareGptEnMultiTurn | Set::RandomMultiTurn | Set::SweSmith => Schema::Turns,
            Set::WorkloadTrace => Schema::Trace,
            Set::Mooncake | Set::Bailian | Set::TimedTrace | Set::BurstGpt | Set::Azure | Set::Lengths | Set::Otel => {
                Schema::Recorded
            }
            Set::ServeGen => Schema::Serve,
            Set::Random | Set::RandomVl => Schema::Random,
            Set::SharedPrefix => Schema::Shared,
            Set::EmbeddingBatch | Set::RandomEmbeddingBatch => Schema::Batch,
            Set::RandomRerank => Schema::Rank,
            Set::SpeedBenchmark | Set::SpeedBenchmarkLong => Schema::Speed,
            Set::CustomMultiTurn
            | Set::Embedding
            | Set::RandomEmbedding
            | Set::Rerank
            | Set::Flickr8k
            | Set::KontextBench
            | Set::MmmuMultiImage
            | Set::OpenDecisions
            | Set::TrieAgenticCoding
            | Set::TrieCodeQa
            | Set::TrieOfficeWork
            | Set::OpenAiBatch => Schema::Empty,
        }
    }

    /// Whether it makes its prompts at random, so that it needs no file.
    pub fn is_random(self) -> bool {
        matches!(
            self,
            Set::Random
                | Set::RandomVl
                | Set::RandomMultiTurn
                | Set::SharedPrefix
                | Set::RandomEmbedding
                | Set::RandomEmbeddingBatch
                | Set::RandomRerank
        )
    }

    /// Whether its texts are made at random, from lengths that are drawn or recorded.
    pub fn makes_texts(self) -> bool {
        let by_lengths = matches!(self.schema(), Schema::Recorded | Schema::Serve) && self != Set::Otel;
        let trie = matches!(self, Set::TrieAgenticCoding | Set::TrieCodeQa | Set::TrieOfficeWork);
        self.is_random() || by_lengths || trie
    }

    /// Whether its prompts are within the program, or made by it.
    pub fn needs_no_file(self) -> bool {
        self.is_random() || self == Set::OpenQa || self.is_speed()
    }

    /// Whether it is for a table of speed against the length of the prompt.
    pub fn is_speed(self) -> bool {
        matches!(self, Set::SpeedBenchmark | Set::SpeedBenchmarkLong)
    }

    /// Whether a shared random prefix can be put before its prompts.
    pub fn takes_prefix(self) -> bool {
        self.is_random() && self != Set::SharedPrefix
    }

    /// Whether its conversations have several turns.
    pub fn has_turns(self) -> bool {
        matches!(
            self,
            Set::ShareGptZhMultiTurn
                | Set::ShareGptEnMultiTurn
                | Set::CustomMultiTurn
                | Set::RandomMultiTurn
                | Set::SweSmith
                | Set::TrieAgenticCoding
                | Set::TrieCodeQa
                | Set::TrieOfficeWork
        )
    }

    /// Whether its rows say when each request came.
    pub fn has_schedule(self) -> bool {
        matches!(
            self,
            Set::WorkloadTrace
                | Set::Mooncake
                | Set::Bailian
                | Set::TimedTrace
                | Set::BurstGpt
                | Set::Azure
                | Set::ServeGen
                | Set::Otel
        )
    }

    /// Names of the sets for which something holds.
    pub fn names(those: impl Fn(Set) -> bool) -> Vec<&'static str> {
        Self::ALL.iter().filter(|(name, set)| set.name() == *name && those(*set)).map(|(name, _)| *name).collect()
    }
}

/// The names nearest to one that is not known, at most three, the nearest first.
fn nearest(name: &str) -> Vec<&'static str> {
    let wanted = name.to_lowercase().replace('-', "_");
    let mut near: Vec<(f64, &'static str)> = Set::ALL
        .iter()
        .map(|(known, _)| {
            let part = if known.contains(&wanted) || wanted.contains(known) { 0.3 } else { 0.0 };
            (strsim::normalized_damerau_levenshtein(&wanted, known) + part, *known)
        })
        .filter(|(likeness, _)| *likeness > 0.5)
        .collect();
    near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    near.into_iter().take(3).map(|(_, known)| known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_their_set_and_back() -> Result<()> {
        for (name, set) in Set::ALL {
            assert_eq!(Set::named(name)?, *set);
            assert_eq!(Set::named(set.name())?, *set);
        }
        assert_eq!(Set::named("embed")?.name(), "embedding");
        Ok(())
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest() {
        for (name, near) in [
            ("open_qa", "openqa"),
            ("sharegpt_en", "share_gpt_en"),
            ("moncake", "mooncake"),
            ("random-vl", "random_vl"),
            ("burst", "burstgpt"),
        ] {
            let failure = Set::named(name).err();
            let hint = failure.and_then(|failure| failure.hint).unwrap_or_default();
            assert!(hint.starts_with(&format!("did you mean {near}")), "{name}: {hint}");
        }
        let hint = Set::named("zzzzzzzz").err().and_then(|failure| failure.hint).unwrap_or_default();
        assert_eq!(hint, "`evalscope perf datasets` lists all of them");
    }
}
