//! Random prompts: texts, texts with images, conversations, texts to embed and documents to rank.

use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::Source;
use super::images;
use super::lengths::{Lengths, Pairs};
use super::maker::{Made, Maker};
use super::remarks::Remarks;
use super::rng::{self, Purpose};
use crate::error::{Failure, Result};
use crate::plan::dataset::{Args, BatchArgs, RandomArgs, Range, RankArgs, Set, Spread};
use crate::plan::{Images, WorkloadSpec};
use crate::prompt::{Content, Conversation, Prompt};
use crate::tokenizer::Tokenizer;

/// Texts a request of the embedding sets, as in EvalScope.
pub(super) const BATCH: u32 = 8;
/// Documents a request, and how much longer than its query each of them is.
const DOCUMENTS: u32 = 10;
const DOCUMENT_RATIO: f64 = 5.0;

/// What a request holds.
enum Form {
    Text,
    /// A text and images.
    Images(Images),
    /// A turn of a conversation that has so many, its first and later turns of these lengths.
    Turns {
        min: u32,
        max: u32,
        first: Option<Range>,
        later: Option<Range>,
    },
    /// Texts to embed.
    Inputs(u32),
    /// Documents for a query, each longer than it by this factor.
    Ranking {
        documents: u32,
        ratio: f64,
    },
}

/// Random prompts. Item `i` depends on the seed and `i` alone. The prefix that prompts share comes on top of the drawn
/// length, as in EvalScope.
pub(super) struct Random {
    maker: Maker,
    form: Form,
    lengths: Lengths,
    replies: Option<Lengths>,
    pairs: Option<Pairs>,
    /// Request `i` begins with prefix `i mod n`.
    prefixes: Vec<Made>,
}

impl Random {
    pub(super) fn new(spec: &WorkloadSpec, set: Set, tokenizer: Option<Tokenizer>) -> Result<Self> {
        let args = match &spec.args {
            Args::Random(args) => args.clone(),
            _ => RandomArgs::default(),
        };
        let form = form(spec, set)?;
        let lengths = args.prompt_length.clone().unwrap_or(Spread::Uniform(spec.lengths.min, spec.lengths.max));
        let lengths = at_least_one(lengths, spec)?;
        let maker = Maker::new(spec, tokenizer)?;
        let mut random = Random {
            maker,
            form,
            lengths: Lengths::of(&lengths)?,
            replies: args.reply_length.as_ref().map(Lengths::of).transpose()?,
            pairs: Pairs::of(&args.pairs)?,
            prefixes: Vec::new(),
        };
        random.prefixes = prefixes(&random.maker, spec)?;
        Ok(random)
    }

    fn item(&self, index: u64) -> Result<Conversation> {
        let mut rng = self.maker.stream(Purpose::Prompt, index);
        let (length, reply) = self.lengths_of(&mut rng, index);
        let Form::Turns { min, max, first, later } = &self.form else {
            let content = self.content(&mut rng, index, length)?;
            return Ok(Prompt { max_tokens: reply, ..content }.into());
        };
        let turns = rng::within(&mut self.maker.stream(Purpose::Turns, index), *min, *max);
        let mut made = Vec::new();
        for turn in 0..turns {
            let length = match if turn == 0 { first } else { later } {
                Some(range) => rng::within(&mut rng, range.min, range.max),
                None if turn == 0 => length,
                None => self.lengths.draw(&mut rng),
            };
            // EvalScope repeats the prefix in every turn.
            let (content, tokens) = self.text(&mut rng, index, length)?;
            made.push(Prompt { tokens, ..Prompt::text(content) });
        }
        Ok(Conversation { turns: made, due_ns: None })
    }

    /// Lengths of the prompt, and of the reply where they are drawn here.
    fn lengths_of(&self, rng: &mut ChaCha8Rng, index: u64) -> (u32, Option<u32>) {
        let mut apart = self.maker.stream(Purpose::Length, index);
        if let Some(pair) = self.pairs.as_ref().and_then(|pairs| pairs.draw(&mut apart)) {
            return (pair.prompt, Some(pair.reply));
        }
        (self.lengths.draw(rng), self.replies.as_ref().map(|replies| replies.draw(&mut apart)))
    }

    /// A text of so many tokens behind the item's prefix.
    fn text(&self, rng: &mut ChaCha8Rng, index: u64, length: u32) -> Result<(String, Option<u32>)> {
        let none = Made::default();
        let many = self.prefixes.len().max(1) as u64;
        let prefix = self.prefixes.get(usize::try_from(index % many).unwrap_or(0)).unwrap_or(&none);
        let made = self.maker.text(rng, index, prefix, prefix.ids.len() + length as usize)?;
        let tokens = made.tokens();
        Ok((made.text, tokens))
    }

    fn content(&self, rng: &mut ChaCha8Rng, index: u64, length: u32) -> Result<Prompt> {
        match &self.form {
            Form::Text | Form::Turns { .. } => {
                let (text, tokens) = self.text(rng, index, length)?;
                Ok(Prompt { tokens, ..Prompt::text(text) })
            }
            Form::Images(images) => {
                let (text, _) = self.text(rng, index, length)?;
                let mut parts = vec![json!({"type": "text", "text": text})];
                let mut rng = self.maker.stream(Purpose::Image, index);
                for _ in 0..images.count {
                    parts.push(images::part(images::data_uri("image/png", &images::png(&mut rng, images)?)));
                }
                Ok(Prompt::new(Content::Messages(vec![json!({"role": "user", "content": Value::Array(parts)})])))
            }
            Form::Inputs(batch) => {
                let mut texts = Vec::new();
                let mut total = Some(0_u32);
                for place in 0..*batch {
                    let length = if place == 0 { length } else { self.lengths.draw(rng) };
                    let (text, tokens) = self.text(rng, index, length)?;
                    texts.push(text);
                    total = total.zip(tokens).and_then(|(total, tokens)| total.checked_add(tokens));
                }
                Ok(Prompt { tokens: total, ..Prompt::new(Content::Inputs(texts)) })
            }
            Form::Ranking { documents, ratio } => {
                let (query, mut total) = self.text(rng, index, length)?;
                let longer = ((f64::from(length) * ratio) as u32).max(1);
                let mut texts = Vec::new();
                for _ in 0..*documents {
                    let made = self.maker.text(rng, index, &Made::default(), longer as usize)?;
                    total = total.zip(made.tokens()).and_then(|(total, tokens)| total.checked_add(tokens));
                    texts.push(made.text);
                }
                Ok(Prompt { tokens: total, ..Prompt::new(Content::Ranking { query, documents: texts }) })
            }
        }
    }
}

fn form(spec: &WorkloadSpec, set: Set) -> Result<Form> {
    Ok(match (set, &spec.args) {
        (Set::Random, _) => Form::Text,
        (Set::RandomVl, _) => Form::Images(spec.images),
        (Set::RandomMultiTurn, Args::Turns(args)) => Form::Turns {
            min: spec.turns.min,
            max: spec.turns.max.unwrap_or(spec.turns.min),
            first: args.first_turn_length,
            later: args.subsequent_turn_length,
        },
        (Set::RandomEmbedding, _) => Form::Inputs(1),
        (Set::RandomEmbeddingBatch, Args::Batch(BatchArgs { batch_size })) => Form::Inputs(batch_size.unwrap_or(BATCH)),
        (Set::RandomRerank, Args::Rank(RankArgs { num_documents, document_length_ratio })) => Form::Ranking {
            documents: num_documents.unwrap_or(DOCUMENTS),
            ratio: document_length_ratio.unwrap_or(DOCUMENT_RATIO),
        },
        _ => return Err(Failure::bug(format!("{} has no random prompts", set.name()))),
    })
}

/// A prompt of no tokens is none, unless a prefix stands before it.
fn at_least_one(spread: Spread, spec: &WorkloadSpec) -> Result<Spread> {
    let (min, max) = spread.bounds();
    if spec.prefix.length > 0 || min > 0 {
        return Ok(spread);
    }
    if max == 0 {
        return Err(Failure::usage(format!("--max-prompt-length {}: leaves no prompt", spec.lengths.max))
            .hint("random prompts have at least one token"));
    }
    Ok(match spread {
        Spread::Uniform(_, max) => Spread::Uniform(1, max),
        other => other,
    })
}

/// Different prefixes of the asked length.
fn prefixes(maker: &Maker, spec: &WorkloadSpec) -> Result<Vec<Made>> {
    let mut made: Vec<Made> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let count = if spec.prefix.length == 0 { 0 } else { u64::from(spec.prefix.count) };
    let refused = || {
        Failure::usage(format!(
            "--prefix-count {count}: there are not so many prefixes of {} tokens",
            spec.prefix.length
        ))
        .hint("lengthen them with --prefix-length")
    };
    if count > 1 && maker.vocabulary.texts(spec.prefix.length) < 2.0 * count as f64 {
        return Err(refused());
    }
    // One that is there already is drawn again; a vocabulary of words rarely needs that.
    let mut number = 0;
    while (made.len() as u64) < count {
        if number > 4 * count + 64 {
            return Err(refused());
        }
        let prefix = maker.prefix(number, spec.prefix.length)?;
        number += 1;
        if seen.insert(prefix.text.clone()) {
            made.push(prefix);
        }
    }
    Ok(made)
}

impl Source for Random {
    fn items(&mut self, from: u64, count: u64) -> Result<Vec<Conversation>> {
        self.maker.each(from, count, |index| self.item(index))
    }

    fn remarks(&self) -> Remarks {
        self.maker.remarks()
    }
}
