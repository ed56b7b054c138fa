//! All datasets, each with its card: what it is, what its file holds, where it can be had, and a command that runs it.

use serde::{Deserialize, Serialize};

use crate::error::{Failure, Result};
use crate::plan::dataset::{Schema, Set};

/// What is known of a dataset, from `datasets/<name>/card.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// The name that `--dataset` takes.
    pub name: String,
    /// A few words.
    pub title: String,
    /// What it is good for and how it is read.
    pub description: String,
    /// Who wrote it, or where it can be had.
    pub origin: String,
    /// What the file or folder holds; nothing where there is none.
    #[serde(default)]
    pub input: Option<String>,
    /// A line of such a file.
    #[serde(default)]
    pub row: Option<String>,
    /// A command that runs it, on the sample beside the card where a file is needed.
    pub example: String,
    /// Samples beside the card.
    #[serde(default)]
    pub files: Vec<String>,
}

macro_rules! cards {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../datasets/", $name, "/card.toml")))),*]
    };
}

const CARDS: [(&str, &str); 39] = cards![
    "openqa",
    "longalpaca",
    "line_by_line",
    "custom",
    "share_gpt_zh",
    "share_gpt_en",
    "share_gpt_zh_multi_turn",
    "share_gpt_en_multi_turn",
    "custom_multi_turn",
    "random",
    "random_vl",
    "random_multi_turn",
    "shared_prefix",
    "speed_benchmark",
    "speed_benchmark_long",
    "embedding",
    "embedding_batch",
    "random_embedding",
    "random_embedding_batch",
    "rerank",
    "random_rerank",
    "flickr8k",
    "kontext_bench",
    "mmmu_multi_image",
    "open_decisions",
    "swe_smith",
    "trie_agentic_coding",
    "trie_code_qa",
    "trie_office_work",
    "openai_batch",
    "workload_trace",
    "mooncake",
    "bailian",
    "timed_trace",
    "burstgpt",
    "azure",
    "lengths",
    "servegen",
    "otel",
];

/// The cards of all datasets, in the order of `Set::ALL`.
///
/// # Errors
/// Never, unless the program was built with a broken card.
pub fn cards() -> Result<Vec<Card>> {
    let read = |(name, text): &(&str, &str)| {
        toml::from_str(text).map_err(|error| Failure::bug(format!("the card of {name} cannot be read")).because(error))
    };
    CARDS.iter().map(read).collect()
}

/// The keys of `--dataset-args` that a set takes, each with what it means.
pub fn options(set: Set) -> &'static [(&'static str, &'static str)] {
    match set.schema() {
        Schema::Empty => &[],
        Schema::Text => &[
            ("target_input_len", "tokens that each prompt is brought to; needs --tokenizer-path"),
            (
                "input_len_mode",
                "\"cap\" cuts longer texts and keeps shorter ones, \"drop\" leaves shorter ones out [cap]",
            ),
            ("prefix_file", "text that fills prompts up to target_input_len"),
            ("prefix_role", "\"system\" for a message of its own, \"user\" to put it before the first one [system]"),
        ],
        Schema::Turns => &[
            ("first_turn_length", "tokens of the first turn, or [min, max]"),
            ("subsequent_turn_length", "tokens of each later turn, or [min, max]"),
            ("chars_per_token", "characters taken for a token where rows are looked through [3.0]"),
            ("num_workers", "deprecated: --num-workers"),
        ],
        Schema::Trace => &[
            ("speed", "how many times faster than recorded [1.0]"),
            ("model_override", "model that every body asks for"),
            ("model_mapping", "model to ask for in place of the recorded one: {\"recorded\": \"asked\"}"),
            ("match_output_length", "true asks for replies as long as the recorded ones [false]"),
            ("from", "leave out what came before this second"),
            ("to", "leave out what came from this second on"),
        ],
        Schema::Recorded => &[
            ("speed", "how many times faster than recorded [1.0]"),
            ("from", "leave out what came before this second"),
            ("to", "leave out what came from this second on"),
            ("model", "requests of this model alone"),
            ("keep_failed", "true keeps calls that failed when they were recorded [false]"),
            ("block_size", "tokens that a prefix hash stands for [mooncake: 512, else 16]"),
            ("time_unit", "seconds of a unit of time [mooncake: 0.001, else 1]"),
            (
                "columns",
                "names of columns: {\"timestamp\": ..., \"input_length\": ..., \"output_length\": ..., \"hash_ids\": ...}",
            ),
        ],
        Schema::Serve => &[
            ("speed", "how many times faster than described [1.0]"),
            ("from", "second of the description to begin at [0]"),
            ("to", "second to end at [from + 600]"),
            ("scale", "what every rate is multiplied by [1.0]"),
        ],
        Schema::Random => &[
            (
                "prompt_length",
                "tokens of the prompt: 512, [min, max], {\"normal\": {\"mean\", \"std\", \"min\", \"max\"}}, {\"lognormal\": {...}}, {\"values\": [[length, weight], ...]}",
            ),
            ("reply_length", "tokens of the reply, spelled likewise; takes the place of --max-tokens"),
            ("pairs", "[[prompt, reply, weight], ...], in place of both"),
        ],
        Schema::Shared => &[
            ("groups", "number of groups [16]"),
            ("prefix_length", "tokens of a group's prefix, spelled as prompt_length of random [1024]"),
            ("prompt_length", "tokens behind the prefix [128]"),
            ("reply_length", "tokens of the reply; takes the place of --max-tokens"),
            ("zipf", "group k comes with weight k^-zipf; 0 takes all alike [0]"),
        ],
        Schema::Batch => &[("batch_size", "texts a request [8]")],
        Schema::Speed => &[(
            "lengths",
            "how often the character stands in a prompt, each prompt comes twice [Qwen's: 1, 6144, 14336, 30720; long: 63488, 129024]",
        )],
        Schema::Rank => &[
            ("num_documents", "documents a request [10]"),
            ("document_length_ratio", "length of a document against that of its query [5]"),
        ],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::super::testing::TestResult;
    use super::*;
    use crate::plan::dataset::Args;

    #[test]
    fn every_set_has_its_card_and_every_card_its_set() -> TestResult {
        let names: Vec<String> = cards()?.into_iter().map(|card| card.name).collect();
        assert_eq!(names, Set::names(|_| true));
        for card in cards()? {
            assert!(card.example.contains(&format!("--dataset {} ", card.name)), "{}: {}", card.name, card.example);
            assert!(!card.title.ends_with('.') && card.description.ends_with('.'), "{}", card.name);
            let set = Set::named(&card.name)?;
            assert!(set.needs_no_file() || (card.input.is_some() && !card.files.is_empty()), "{}", card.name);
        }
        Ok(())
    }

    #[test]
    fn the_page_of_datasets_has_every_name_option_and_command() -> TestResult {
        let page = include_str!("../../datasets/README.md");
        for card in cards()? {
            assert!(page.contains(&format!("\n{}\n", card.example)), "{}", card.example);
            let row =
                page.lines().find(|line| line.starts_with(&format!("| `{}`", card.name))).ok_or(card.name.clone())?;
            for (option, _) in options(Set::named(&card.name)?).iter().filter(|(option, _)| *option != "num_workers") {
                assert!(row.contains(&format!("`{option}`")), "{}: {option}", card.name);
            }
        }
        Ok(())
    }

    #[test]
    fn the_options_told_are_those_that_are_read() -> TestResult {
        for set in Set::names(|_| true).into_iter().map(Set::named) {
            let set = set?;
            let given = Map::from_iter([("no_such_option".to_owned(), json!(1))]);
            let message = Args::of(set, &given).err().ok_or("accepted")?.message;
            let told: Vec<&str> = options(set).iter().map(|(name, _)| *name).collect();
            let known: Vec<&str> = match message.split_once("expected ") {
                Some((_, list)) => {
                    let list = list.trim_start_matches("one of ").split(" at line").next().unwrap_or(list);
                    list.split([',', ' ']).filter(|word| !word.is_empty() && *word != "or").collect()
                }
                None => Vec::new(),
            };
            assert_eq!(told, known, "{message}");
        }
        Ok(())
    }
}
