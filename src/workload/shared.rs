//! Groups of random prompts that share a prefix, some groups more often than others.

use std::collections::HashSet;

use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;

use super::lengths::{Lengths, zipf};
use super::maker::{Made, Maker};
use super::remarks::{Hits, Remarks};
use super::rng::Purpose;
use super::{Source, Survey};
use crate::error::{Failure, Result};
use crate::plan::WorkloadSpec;
use crate::plan::dataset::Args;
use crate::prompt::{Conversation, Prompt};
use crate::tokenizer::Tokenizer;

/// Prompts in groups. Item `i` depends on the seed and `i` alone, the prefix of a group on the seed and the group.
pub(super) struct Shared {
    maker: Maker,
    groups: WeightedIndex<f64>,
    prefixes: Lengths,
    lengths: Lengths,
    replies: Option<Lengths>,
    hits: Option<Hits>,
    offset: u64,
}

/// What is drawn for an item before its text.
struct Drawn {
    group: u64,
    prefix: u32,
    length: u32,
    reply: Option<u32>,
}

impl Shared {
    pub(super) fn new(spec: &WorkloadSpec, tokenizer: Option<Tokenizer>) -> Result<Self> {
        let Args::Shared(args) = &spec.args else { return Err(Failure::bug("groups without their options")) };
        if !args.zipf.is_finite() || args.zipf < 0.0 {
            return Err(Failure::usage(format!(
                "--dataset-args of shared_prefix: zipf {}: must not be negative",
                args.zipf
            )));
        }
        Ok(Shared {
            maker: Maker::new(spec, tokenizer)?,
            groups: zipf(args.groups, args.zipf)?,
            prefixes: Lengths::of(&args.prefix_length)?,
            lengths: Lengths::of(&args.prompt_length)?,
            replies: args.reply_length.as_ref().map(Lengths::of).transpose()?,
            hits: None,
            offset: spec.offset,
        })
    }

    fn draw(&self, index: u64) -> Drawn {
        let group = self.groups.sample(&mut self.maker.stream(Purpose::Group, index)) as u64;
        let mut rng = self.maker.stream(Purpose::Length, index);
        // The length of a prefix is the group's, in a stream no item has.
        let prefix = self.prefixes.draw(&mut self.maker.stream(Purpose::Prefix, u64::MAX - group));
        let length = self.lengths.draw(&mut rng);
        Drawn { group, prefix, length, reply: self.replies.as_ref().map(|replies| replies.draw(&mut rng)) }
    }

    fn item(&self, index: u64) -> Result<Conversation> {
        let Drawn { group, prefix, length, reply } = self.draw(index);
        let head = self.head(group, prefix)?;
        let mut rng = self.maker.stream(Purpose::Prompt, index);
        let made = self.maker.text(&mut rng, index, &head, (prefix + length).max(1) as usize)?;
        Ok(Prompt { tokens: made.tokens(), max_tokens: reply, ..Prompt::text(made.text) }.into())
    }

    /// The prefix of a group. It is made anew each time, which costs less than to keep those of many groups.
    fn head(&self, group: u64, length: u32) -> Result<Made> {
        let mut rng = self.maker.stream(Purpose::Prefix, group);
        if self.maker.vocabulary.joins() {
            let ids = self.maker.vocabulary.draw(&mut rng, true, length as usize);
            return Ok(Made { text: self.maker.spell(&ids)?, ids, exact: true });
        }
        self.maker.make(&mut rng, &Made::default(), length as usize)
    }
}

impl Source for Shared {
    fn items(&mut self, from: u64, count: u64) -> Result<Vec<Conversation>> {
        self.maker.each(from, count, |index| self.item(index))
    }

    fn survey(&mut self, most: u64) -> Result<Option<Survey>> {
        let mut seen = HashSet::new();
        let mut hits = Hits::default();
        for index in self.offset..self.offset.saturating_add(most) {
            let Drawn { group, prefix, length, .. } = self.draw(index);
            hits.tokens += u64::from(prefix) + u64::from(length);
            hits.cached += if seen.insert(group) { 0 } else { u64::from(prefix) };
        }
        self.hits = Some(hits);
        Ok(Some(Survey { count: most, span_ns: 0, hits: self.hits }))
    }

    fn remarks(&self) -> Remarks {
        Remarks { hits: self.hits, ..self.maker.remarks() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::testing::{TestResult, set, texts};
    use super::*;
    use crate::plan::dataset::Set;

    #[test]
    fn prompts_of_a_group_share_its_prefix_and_no_more() -> TestResult {
        let args = json!({"groups": 3, "prefix_length": 40, "prompt_length": [5, 9], "reply_length": 7, "zipf": 1.0});
        let mut shared = Shared::new(&set(Set::SharedPrefix, None, args)?, None)?;
        let items = shared.items(0, 60)?;
        let mut groups: BTreeMap<String, usize> = BTreeMap::new();
        for (item, text) in items.iter().zip(texts(&items)) {
            let tokens = item.turns[0].tokens.ok_or("not counted")?;
            assert!((45..=49).contains(&tokens), "{tokens}");
            assert_eq!(item.turns[0].max_tokens, Some(7));
            *groups.entry(text.split(' ').take(40).collect::<Vec<_>>().join(" ")).or_default() += 1;
        }
        assert_eq!(groups.len(), 3);
        assert!(groups.values().max() > Some(&24), "the first group comes most often: {groups:?}");
        let hits = shared.survey(60)?.and_then(|survey| survey.hits).ok_or("no hits")?;
        assert_eq!(hits.cached, 57 * 40);
        let tokens: u64 = items.iter().filter_map(|item| item.turns[0].tokens).map(u64::from).sum();
        assert_eq!(hits.tokens, tokens);
        Ok(())
    }
}
