//! Random prompts of exact length in tokens.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::remarks::Remarks;
use super::rng::{self, Purpose};
use super::vocabulary::Vocabulary;
use super::{Item, Source};
use crate::error::{Failure, Result};
use crate::plan::{Lengths, WorkloadSpec};
use crate::prompt::Content;
use crate::tokenizer::Tokenizer;

/// Rounds of repair before a prompt is given up and counted.
const ROUNDS: usize = 32;
/// Rounds after which a prompt is drawn anew, in case its text admits no repair.
const FRESH: usize = 8;

/// Random prompts. Item `i` depends on the seed and `i` alone, whatever the number of threads and of load points.
///
/// Ids are drawn independently and uniformly; EvalScope takes runs of consecutive ids, which no text resembles. The
/// prefix all prompts share comes on top of the drawn length. The count is that of the content: what a chat template
/// adds is not known here, whereas EvalScope takes it off the length.
pub(super) struct Synth {
    tokenizer: Tokenizer,
    vocabulary: Vocabulary,
    lengths: Lengths,
    seed: u64,
    prefix: Made,
    threads: rayon::ThreadPool,
    inexact: u64,
}

/// A text that was made, its ids, and whether there are as many of them as wanted.
struct Made {
    text: String,
    ids: Vec<u32>,
    exact: bool,
}

impl Synth {
    pub(super) fn new(spec: &WorkloadSpec, prefix: u32, tokenizer: Tokenizer) -> Result<Self> {
        let mut lengths = spec.lengths;
        if prefix == 0 {
            // A prompt of no tokens is none.
            lengths.min = lengths.min.max(1);
        }
        if lengths.min > lengths.max {
            return Err(Failure::usage(format!("--max-prompt-length {}: leaves no prompt", lengths.max))
                .hint("random prompts have at least one token"));
        }
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(spec.threads.max(1))
            .build()
            .map_err(|error| Failure::files("threads to make prompts cannot be started").because(error))?;
        let vocabulary = threads.install(|| Vocabulary::of(&tokenizer))?;
        let none = Made { text: String::new(), ids: Vec::new(), exact: true };
        let mut synth = Synth { tokenizer, vocabulary, lengths, seed: spec.seed, prefix: none, threads, inexact: 0 };
        let mut rng = rng::stream(spec.seed, Purpose::Prefix, 0);
        synth.prefix = synth.make(&mut rng, prefix as usize)?;
        synth.inexact = u64::from(!synth.prefix.exact);
        Ok(synth)
    }

    fn item(&self, index: u64) -> Result<(Item, bool)> {
        let mut rng = rng::stream(self.seed, Purpose::Prompt, index);
        let length = rng::within(&mut rng, self.lengths.min, self.lengths.max);
        let made = self.make(&mut rng, length as usize)?;
        let tokens = u32::try_from(made.ids.len()).ok();
        Ok((Item { content: Content::Text(made.text), tokens, max_tokens: None }, made.exact))
    }

    /// A text that begins with the prefix and has `length` tokens more. Every text is encoded again, and only that
    /// count is believed; where it is not the wanted one, the end is trimmed or continued.
    fn make(&self, rng: &mut ChaCha8Rng, length: usize) -> Result<Made> {
        let wanted = self.prefix.ids.len() + length;
        let mut nearest: Option<Made> = None;
        let mut ids = Vec::new();
        for round in 0..ROUNDS {
            if round % FRESH == 0 {
                ids.clone_from(&self.prefix.ids);
                ids.extend(self.vocabulary.draw(rng, self.prefix.ids.is_empty(), length));
            }
            let text = self.tokenizer.decode(&ids)?;
            ids = self.tokenizer.encode(&text)?;
            let kept = text.starts_with(&self.prefix.text);
            let exact = kept && ids.len() == wanted;
            let gap = ids.len().abs_diff(wanted);
            if kept && nearest.as_ref().is_none_or(|made| gap < made.ids.len().abs_diff(wanted)) {
                nearest = Some(Made { text, ids: ids.clone(), exact });
            }
            if exact {
                break;
            }
            if ids.len() < wanted {
                let missing = wanted - ids.len();
                ids.extend(self.vocabulary.draw(rng, ids.is_empty(), missing));
            } else {
                // Where no id is too many the text lost its prefix, and the last ids are drawn again.
                let keep = if ids.len() > wanted { wanted } else { wanted.saturating_sub(1) };
                ids.truncate(keep);
                ids.extend(self.vocabulary.draw(rng, ids.is_empty(), wanted - keep));
            }
        }
        nearest.ok_or_else(|| {
            Failure::usage(format!("tokenizer {}: cannot continue the shared prefix", self.tokenizer.name()))
                .hint("leave out --prefix-length, or name another tokenizer with --tokenizer-path")
        })
    }
}

impl Source for Synth {
    fn items(&mut self, from: u64, count: u64) -> Result<Vec<Item>> {
        let until = from.checked_add(count).ok_or_else(|| Failure::usage("--dataset-offset: out of range"))?;
        let made: Vec<(Item, bool)> = self
            .threads
            .install(|| (from..until).into_par_iter().map(|index| self.item(index)).collect::<Result<_>>())?;
        self.inexact += made.iter().filter(|(_, exact)| !exact).count() as u64;
        Ok(made.into_iter().map(|(item, _)| item).collect())
    }

    fn remarks(&self) -> Remarks {
        Remarks { inexact: self.inexact, ..Remarks::default() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{TestResult, file, spec, texts};
    use super::*;
    use crate::plan::Source as From;

    fn synth(seed: u64, threads: usize, prefix: u32, min: u32, max: u32) -> Result<Synth> {
        let mut spec = spec(From::Random { prefix });
        spec.seed = seed;
        spec.threads = threads;
        spec.lengths = Lengths { min, max };
        Synth::new(&spec, prefix, Tokenizer::built_in()?)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn prompts_have_exactly_the_wanted_tokens(seed: u64, prefix in 0u32..80, min in 0u32..200, more in 0u32..60) {
            let fail = |failure: Failure| TestCaseError::fail(failure.to_string());
            let tokenizer = Tokenizer::built_in().map_err(fail)?;
            let mut synth = synth(seed, 1, prefix, min, min + more.max(1)).map_err(fail)?;
            let items = synth.items(seed >> 32, 8).map_err(fail)?;
            for item in &items {
                let Content::Text(text) = &item.content else { return Err(TestCaseError::fail("not text")) };
                let count = tokenizer.count(text).map_err(fail)? as u32;
                prop_assert_eq!(item.tokens, Some(count));
                prop_assert!((prefix + min..=prefix + min + more.max(1)).contains(&count));
                prop_assert!(text.starts_with(&synth.prefix.text));
                prop_assert_eq!(text.trim(), text.as_str());
            }
            prop_assert_eq!(synth.prefix.ids.len(), prefix as usize);
            prop_assert_eq!(synth.remarks(), Remarks::default());
        }
    }

    #[test]
    fn prompts_do_not_depend_on_threads_or_points() -> TestResult {
        let alone = texts(&synth(9, 1, 12, 5, 90)?.items(0, 40)?);
        assert_eq!(alone, texts(&synth(9, 4, 12, 5, 90)?.items(0, 40)?));
        let mut parts = synth(9, 3, 12, 5, 90)?;
        let mut joined = texts(&parts.items(0, 7)?);
        joined.extend(texts(&parts.items(7, 33)?));
        assert_eq!(alone, joined);
        assert_ne!(alone, texts(&synth(10, 1, 12, 5, 90)?.items(0, 40)?));
        Ok(())
    }

    #[test]
    fn one_length_and_no_prefix_give_that_length() -> TestResult {
        let mut synth = synth(3, 2, 0, 77, 77)?;
        assert!(synth.items(5, 20)?.iter().all(|item| item.tokens == Some(77)));
        Ok(())
    }

    #[test]
    fn a_prompt_has_at_least_one_token() -> TestResult {
        assert!(synth(3, 1, 0, 0, 2)?.items(0, 50)?.iter().all(|item| item.tokens >= Some(1)));
        assert!(synth(3, 1, 5, 0, 0)?.items(0, 5)?.iter().all(|item| item.tokens == Some(5)));
        let failure = synth(3, 1, 0, 0, 0).err().ok_or("accepted")?;
        assert!(failure.message.contains("--max-prompt-length"));
        Ok(())
    }

    /// A tokenizer without pre-tokenization, where letters melt together across every seam.
    fn melting() -> TestResult<Tokenizer> {
        let letters: Vec<String> = ('a'..='z').map(String::from).collect();
        let mut vocab = serde_json::Map::new();
        let mut merges = Vec::new();
        for letter in &letters {
            vocab.insert(letter.clone(), vocab.len().into());
        }
        for pair in letters.windows(2).chain(letters.windows(4)) {
            let (left, right) = (&pair[0], &pair[pair.len() - 1]);
            vocab.insert(format!("{left}{right}"), vocab.len().into());
            merges.push(serde_json::json!([left, right]));
        }
        let json = serde_json::json!({"version": "1.0", "added_tokens": [], "decoder": {"type": "Fuse"},
            "model": {"type": "BPE", "vocab": vocab, "merges": merges}});
        let (_folder, path) = file("tokenizer.json", json.to_string().as_bytes())?;
        Ok(Tokenizer::open(&path)?)
    }

    #[test]
    fn prompts_that_melt_are_repaired() -> TestResult {
        let tokenizer = melting()?;
        let mut spec = spec(From::Random { prefix: 9 });
        spec.lengths = Lengths { min: 1, max: 120 };
        let mut synth = Synth::new(&spec, 9, tokenizer.clone())?;
        let items = synth.items(0, 200)?;
        for (item, text) in items.iter().zip(texts(&items)) {
            assert_eq!(item.tokens, Some(u32::try_from(tokenizer.count(&text)?)?));
            assert!(text.starts_with(&synth.prefix.text));
        }
        assert_eq!((synth.prefix.ids.len(), synth.remarks().inexact), (9, 0));
        Ok(())
    }
}
