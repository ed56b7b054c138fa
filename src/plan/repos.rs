//! The repositories of EvalScope's datasets, on each hub.

use super::wanted::{Hub, Pick};

/// How the files of a dataset are named in the table below.
enum Part {
    File(&'static str),
    Split(&'static str),
}

/// A dataset, its repository at ModelScope and that at Hugging Face.
type Entry = (&'static str, Option<(&'static str, Part)>, Option<(&'static str, Part)>);

/// EvalScope 1.14.1's own choices.
const REPOS: [Entry; 14] = [
    (
        "openqa",
        Some(("AI-ModelScope/HC3-Chinese", Part::File("open_qa.jsonl"))),
        Some(("Hello-SimpleAI/HC3-Chinese", Part::File("open_qa.jsonl"))),
    ),
    (
        "longalpaca",
        Some(("AI-ModelScope/LongAlpaca-12k", Part::Split("train"))),
        Some(("Yukang/LongAlpaca-12k", Part::Split("train"))),
    ),
    ("share_gpt_zh", Some(("swift/sharegpt", Part::File("common_zh_70k.jsonl"))), Some((SHARE_GPT, SHARE_GPT_ZH))),
    (
        "share_gpt_zh_multi_turn",
        Some(("swift/sharegpt", Part::File("common_zh_70k.jsonl"))),
        Some((SHARE_GPT, SHARE_GPT_ZH)),
    ),
    ("share_gpt_en", Some(("swift/sharegpt", Part::File("common_en_70k.jsonl"))), Some((SHARE_GPT, SHARE_GPT_EN))),
    (
        "share_gpt_en_multi_turn",
        Some(("swift/sharegpt", Part::File("common_en_70k.jsonl"))),
        Some((SHARE_GPT, SHARE_GPT_EN)),
    ),
    (
        "swe_smith",
        Some(("SWE-bench/SWE-smith-trajectories", Part::Split("tool"))),
        Some(("SWE-bench/SWE-smith-trajectories", Part::Split("tool"))),
    ),
    ("trie_agentic_coding", Some(("evalscope/trie-workloads", Part::File("agentic_coding_8k.jsonl"))), None),
    ("trie_code_qa", Some(("evalscope/trie-workloads", Part::File("code_qa_8k.jsonl"))), None),
    ("trie_office_work", Some(("evalscope/trie-workloads", Part::File("office_work_8k.jsonl"))), None),
    (
        "flickr8k",
        Some(("clip-benchmark/wds_flickr8k", Part::Split("test"))),
        Some(("clip-benchmark/wds_flickr8k", Part::Split("test"))),
    ),
    (
        "kontext_bench",
        Some(("black-forest-labs/kontext-bench", Part::Split("test"))),
        Some(("black-forest-labs/kontext-bench", Part::Split("test"))),
    ),
    (
        "mmmu_multi_image",
        Some(("AI-ModelScope/MMMU", Part::Split("validation"))),
        Some(("MMMU/MMMU", Part::Split("validation"))),
    ),
    ("open_decisions", Some(("evalscope/OpenDecisions", Part::Split("test"))), None),
];

const SHARE_GPT: &str = "shareAI/ShareGPT-Chinese-English-90k";
const SHARE_GPT_ZH: Part = Part::File("sharegpt_jsonl/common_zh_70k.jsonl");
const SHARE_GPT_EN: Part = Part::File("sharegpt_jsonl/common_en_70k.jsonl");

/// The repository of a dataset and the files it is made of; `None` where the hub has none.
pub fn repo_of(dataset: &str, hub: Hub) -> Option<(&'static str, Pick)> {
    let (_, model_scope, hugging_face) = REPOS.iter().find(|(name, ..)| *name == dataset)?;
    let found = match hub {
        Hub::ModelScope => model_scope,
        Hub::HuggingFace => hugging_face,
    };
    found.as_ref().map(|(id, part)| {
        let pick = match part {
            Part::File(path) => Pick::File((*path).to_owned()),
            Part::Split(name) => Pick::Split((*name).to_owned()),
        };
        (*id, pick)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::wanted::is_id;

    #[test]
    fn every_repository_has_a_sound_id() {
        for (name, ..) in &REPOS {
            let both = [Hub::ModelScope, Hub::HuggingFace].map(|hub| repo_of(name, hub));
            assert!(both.iter().flatten().all(|(id, _)| is_id(id)), "{name}");
            assert!(both[0].is_some(), "{name}");
        }
    }
}
