//! Random prompts and lengths exactly as another tool draws them from the same seed.
//!
//! | file | noun |
//! |---|---|
//! | `coder` | the tokenizer as Python's `transformers` presents it to those tools |
//! | `vllm`, `sglang`, `evalscope` | what each tool draws, in which order, from which generator |
//!
//! All three draw whole vectors first (prompt lengths, reply lengths, offsets), each of one number a request, and then
//! spell prompt `i` as the run of ids that begins at place `offset + i` of the allowed ids. Text does not come back as
//! the same number of ids, so vLLM and EvalScope repair it; SGLang takes it as it is.
//!
//! A load point is one run of the tool: its vectors have as many numbers as the point has requests, warm-up included,
//! and it begins again from the seed.

mod coder;
mod evalscope;
mod sglang;
#[cfg(test)]
mod tests;
mod vllm;

use rayon::prelude::*;

use self::coder::Coder;
use super::Source;
use super::generators::{Legacy, Pcg64};
use super::remarks::Remarks;
use crate::error::{Failure, Result};
use crate::plan::{self, Lengths, Tool, WorkloadSpec};
use crate::prompt::{Conversation, Prompt};
use crate::tokenizer::Tokenizer;

/// Rounds of repair that vLLM and EvalScope allow a text before they take its length as it is.
const ROUNDS: usize = 10;

/// What the lengths of vLLM and SGLang are drawn around.
#[derive(Debug, Clone, Copy)]
struct Around {
    input_len: u32,
    output_len: u32,
    range_ratio: f64,
}

/// What a tool draws for one run.
struct Drawn {
    /// Ids that every prompt begins with.
    prefix: Vec<u32>,
    /// Length of each prompt after the prefix, in tokens.
    inputs: Vec<u32>,
    /// Most tokens of each reply.
    outputs: Vec<u32>,
    /// Place of each prompt's first id among the allowed ones, before its own number is added.
    offsets: Vec<u32>,
    /// Where ids come from that a text lacks after it was encoded again.
    filler: Filler,
    /// Where the generator of arrivals stands now.
    arrivals: Legacy,
}

/// Where ids come from that a text lacks after it was encoded again.
enum Filler {
    /// The text is not repaired.
    Unrepaired,
    /// From the generator that drew the lengths, among all ids below a bound; so each prompt depends on those before.
    Shared(Pcg64, u32),
    /// From a generator of the prompt's own, seeded so, among the allowed ids.
    Seeds(Vec<u32>),
}

/// Gives so many ids more.
type Fill<'a> = dyn FnMut(usize) -> Vec<u32> + 'a;

/// The random prompts of another tool.
pub(super) struct Compat {
    tool: Tool,
    around: Around,
    prefix: u32,
    lengths: Lengths,
    max_tokens: (u32, u32),
    seed: u32,
    coder: Coder,
    /// The ids that prompts are runs of, ascending.
    allowed: Vec<u32>,
    threads: rayon::ThreadPool,
    inexact: u64,
}

impl Compat {
    /// The prompts that the plan asks for.
    ///
    /// # Errors
    /// When the source is no other tool's, the tool would refuse the values, or what it does cannot be known here.
    pub(super) fn new(spec: &WorkloadSpec, tokenizer: Tokenizer) -> Result<Self> {
        let plan::Source::RandomAs { tool, input_len, output_len, range_ratio, prefix } = spec.source else {
            return Err(Failure::bug("the source is not that of another tool"));
        };
        let name = Tool::ALL.iter().find(|(_, other)| *other == tool).map_or("", |(name, _)| name);
        let seed = u32::try_from(spec.seed).map_err(|_| {
            Failure::usage(format!("--compat {name}: seed {} has more than 32 bits, which {name} refuses", spec.seed))
                .hint("add --workload-seed, for instance with the seed that was given to the other tool")
        })?;
        let coder = Coder::new(tokenizer, spec.tokenizer.as_deref())?;
        let allowed = match tool {
            Tool::Vllm => vllm::allowed(&coder),
            Tool::Sglang => (0..coder.base()).collect(),
            Tool::Evalscope => evalscope::allowed(&coder),
        };
        if allowed.is_empty() {
            return Err(Failure::usage(format!("tokenizer {}: has no ids to draw from", coder.name()))
                .hint("name another with --tokenizer-path"));
        }
        let around = Around { input_len, output_len, range_ratio };
        match tool {
            Tool::Vllm => vllm::check(around, prefix, &coder)?,
            Tool::Sglang => sglang::check(prefix)?,
            Tool::Evalscope => evalscope::check(spec)?,
        }
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(spec.threads.max(1))
            .build()
            .map_err(|error| Failure::files("threads to make prompts cannot be started").because(error))?;
        let (lengths, max_tokens) = (spec.lengths, spec.max_tokens);
        Ok(Compat { tool, around, prefix, lengths, max_tokens, seed, coder, allowed, threads, inexact: 0 })
    }

    /// What the tool draws for a run of `count` requests that begins at item `from` of the dataset.
    fn draw(&self, from: u64, count: u64) -> Result<Drawn> {
        let count = usize::try_from(count).map_err(|_| Failure::usage("--number: more than can be drawn"))?;
        match self.tool {
            Tool::Vllm => vllm::draw(self, count),
            Tool::Sglang => Ok(sglang::draw(self, count)),
            Tool::Evalscope => Ok(evalscope::draw(self, from, count)),
        }
    }

    /// Allowed ids drawn by numpy's legacy generator.
    fn pick(&self, rng: &mut Legacy, count: usize) -> Vec<u32> {
        let bound = u32::try_from(self.allowed.len()).unwrap_or(u32::MAX);
        (0..count).map(|_| self.allowed[rng.below(bound) as usize]).collect()
    }

    /// The ids of prompt `index` before any repair.
    fn ids(&self, drawn: &Drawn, index: usize) -> Vec<u32> {
        let first = (drawn.offsets[index] as usize + index) % self.allowed.len();
        let run = self.allowed.iter().cycle().skip(first).take(drawn.inputs[index] as usize);
        drawn.prefix.iter().chain(run).copied().collect()
    }

    /// Decodes and encodes ids until there are `wanted` of them, cutting what is too much and filling what is missing,
    /// at most ten times. Gives the text and its ids.
    fn repair(&self, mut ids: Vec<u32>, wanted: usize, fill: &mut Fill<'_>) -> Result<(String, Vec<u32>)> {
        for round in 0.. {
            let text = self.coder.decode(&ids)?;
            ids = self.coder.encode(&text)?;
            if ids.len() == wanted || round == ROUNDS {
                return Ok((text, ids));
            }
            let missing = wanted.saturating_sub(ids.len());
            ids.truncate(wanted);
            ids.extend(fill(missing));
        }
        Err(Failure::bug("a repair without end"))
    }

    /// Prompt `index`, and whether it has the length that was drawn. Without a filler it is not repaired, and its length
    /// is not looked at.
    fn item(&self, drawn: &Drawn, index: usize, fill: Option<&mut Fill<'_>>) -> Result<(Conversation, bool)> {
        let ids = self.ids(drawn, index);
        let wanted = self.prefix as usize + drawn.inputs[index] as usize;
        let (text, tokens) = match fill {
            None => (self.coder.decode(&ids)?, wanted),
            Some(fill) => {
                let (text, ids) = self.repair(ids, wanted, fill)?;
                (text, ids.len())
            }
        };
        let tokens_32 = u32::try_from(tokens).ok();
        let prompt = Prompt { tokens: tokens_32, max_tokens: Some(drawn.outputs[index]), ..Prompt::text(text) };
        Ok((prompt.into(), tokens == wanted))
    }
}

impl Source for Compat {
    fn items(&mut self, from: u64, count: u64) -> Result<Vec<Conversation>> {
        let mut drawn = self.draw(from, count)?;
        let filler = std::mem::replace(&mut drawn.filler, Filler::Unrepaired);
        let (this, drawn) = (&*self, &drawn);
        let numbers = 0..drawn.inputs.len();
        let made: Vec<(Conversation, bool)> = match filler {
            Filler::Shared(mut rng, bound) => {
                let mut fill = |missing| rng.vector(bound, missing);
                numbers.map(|index| this.item(drawn, index, Some(&mut fill))).collect::<Result<_>>()?
            }
            Filler::Seeds(seeds) => this.threads.install(|| {
                let make = |index: usize| {
                    let mut rng = Legacy::new(seeds[index].into());
                    this.item(drawn, index, Some(&mut |missing| this.pick(&mut rng, missing)))
                };
                numbers.into_par_iter().map(make).collect::<Result<_>>()
            })?,
            Filler::Unrepaired => this.threads.install(|| {
                numbers.into_par_iter().map(|index| this.item(drawn, index, None)).collect::<Result<_>>()
            })?,
        };
        self.inexact += made.iter().filter(|(_, exact)| !exact).count() as u64;
        Ok(made.into_iter().map(|(item, _)| item).collect())
    }

    fn arrivals(&self, from: u64, count: u64) -> Result<Option<Legacy>> {
        Ok(Some(self.draw(from, count)?.arrivals))
    }

    fn remarks(&self) -> Remarks {
        Remarks { inexact: self.inexact, ..Remarks::default() }
    }
}
