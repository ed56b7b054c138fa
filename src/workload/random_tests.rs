//! Random prompts: their lengths, their independence, and what tokenizers of every kind make of them.

use proptest::prelude::*;
use serde_json::json;
use tokenizers::AddedToken;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::models::unigram::{Unigram, UnigramTrainerBuilder};
use tokenizers::models::wordpiece::{WordPiece, WordPieceTrainerBuilder};
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};

use super::maker::{Made, Maker};
use super::open::OPEN_QA;
use super::random::Random;
use super::remarks::Remarks;
use super::rng::Purpose;
use super::testing::{TestResult, file, set, spec, texts};
use super::*;
use crate::plan::dataset::Set;
use crate::plan::{Lengths, Prefix, Source as From, Turns, WorkloadSpec};
use crate::prompt::{Content, Prompt};

fn plan(seed: u64, threads: usize, prefix: u32, min: u32, max: u32) -> WorkloadSpec {
    let mut spec = spec(From::Set(Set::Random));
    spec.seed = seed;
    spec.threads = threads;
    spec.prefix.length = prefix;
    spec.lengths = Lengths { min, max };
    spec
}

fn random(seed: u64, threads: usize, prefix: u32, min: u32, max: u32) -> Result<Random> {
    Random::new(&plan(seed, threads, prefix, min, max), Set::Random, None)
}

fn tokens(item: &Conversation) -> Option<u32> {
    item.turns[0].tokens
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn prompts_have_exactly_the_wanted_tokens(seed: u64, prefix in 0u32..80, min in 0u32..200, more in 0u32..60) {
        let fail = |failure: Failure| TestCaseError::fail(failure.to_string());
        let tokenizer = Tokenizer::built_in().map_err(fail)?;
        let mut random = random(seed, 1, prefix, min, min + more.max(1)).map_err(fail)?;
        let items = random.items(seed >> 32, 8).map_err(fail)?;
        let shared = Maker::new(&plan(seed, 1, prefix, 1, 1), None).and_then(|maker| maker.prefix(0, prefix)).map_err(fail)?;
        for (item, text) in items.iter().zip(texts(&items)) {
            let count = tokenizer.count(&text).map_err(fail)? as u32;
            prop_assert_eq!(tokens(item), Some(count));
            prop_assert!((prefix + min..=prefix + min + more.max(1)).contains(&count));
            prop_assert!(text.starts_with(&shared.text));
            prop_assert_eq!(text.trim(), text.as_str());
        }
        prop_assert_eq!(shared.ids.len(), prefix as usize);
        prop_assert_eq!(random.remarks(), Remarks::default());
    }
}

#[test]
fn prompts_do_not_depend_on_threads_or_points() -> TestResult {
    let alone = texts(&random(9, 1, 12, 5, 90)?.items(0, 40)?);
    assert_eq!(alone, texts(&random(9, 4, 12, 5, 90)?.items(0, 40)?));
    let mut parts = random(9, 3, 12, 5, 90)?;
    let mut joined = texts(&parts.items(0, 7)?);
    joined.extend(texts(&parts.items(7, 33)?));
    assert_eq!(alone, joined);
    assert_ne!(alone, texts(&random(10, 1, 12, 5, 90)?.items(0, 40)?));
    Ok(())
}

#[test]
fn a_prompt_has_at_least_one_token() -> TestResult {
    assert!(random(3, 1, 0, 0, 2)?.items(0, 50)?.iter().all(|item| tokens(item) >= Some(1)));
    assert!(random(3, 1, 5, 0, 0)?.items(0, 5)?.iter().all(|item| tokens(item) == Some(5)));
    let failure = random(3, 1, 0, 0, 0).err().ok_or("accepted")?;
    assert!(failure.message.contains("--max-prompt-length"));
    Ok(())
}

#[test]
fn prefixes_come_in_turn_and_all_differ() -> TestResult {
    let mut spec = plan(4, 2, 20, 3, 3);
    spec.prefix = Prefix { length: 20, count: 3 };
    let made = texts(&Random::new(&spec, Set::Random, None)?.items(0, 7)?);
    let head = |text: &String| text.split(' ').take(20).collect::<Vec<_>>().join(" ");
    let heads: Vec<String> = made.iter().map(head).collect();
    assert_eq!((&heads[0], &heads[1], &heads[2]), (&heads[3], &heads[4], &heads[5]));
    assert!(heads[0] != heads[1] && heads[1] != heads[2] && heads[0] != heads[2]);
    spec.prefix = Prefix { length: 1, count: 1_000_000 };
    let failure = Random::new(&spec, Set::Random, None).err().ok_or("accepted")?;
    assert!(failure.message.contains("--prefix-count 1000000"));
    Ok(())
}

#[test]
fn busting_caches_parts_the_prefix_and_keeps_the_length() -> TestResult {
    let mut spec = plan(4, 2, 20, 3, 3);
    spec.cache_bust = true;
    let items = Random::new(&spec, Set::Random, None)?.items(0, 30)?;
    assert!(items.iter().all(|item| tokens(item) == Some(23)));
    let first: std::collections::BTreeSet<String> =
        texts(&items).iter().map(|text| text.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(first.len(), 30, "{first:?}");
    Ok(())
}

#[test]
fn lengths_spread_as_asked_and_pairs_stay_together() -> TestResult {
    let args =
        json!({"prompt_length": {"normal": {"mean": 60, "std": 10, "min": 40, "max": 70}}, "reply_length": [3, 5]});
    let items = Random::new(&set(Set::Random, None, args)?, Set::Random, None)?.items(0, 50)?;
    assert!(items.iter().all(|item| (40..=70).contains(&tokens(item).unwrap_or(0))));
    assert!(items.iter().all(|item| (3..=5).contains(&item.turns[0].max_tokens.unwrap_or(0))));
    let args = json!({"pairs": [[10, 1], [20, 2, 3.0]]});
    let items = Random::new(&set(Set::Random, None, args)?, Set::Random, None)?.items(0, 80)?;
    let pairs: std::collections::BTreeSet<_> =
        items.iter().map(|item| (tokens(item), item.turns[0].max_tokens)).collect();
    assert_eq!(pairs, [(Some(10), Some(1)), (Some(20), Some(2))].into());
    Ok(())
}

#[test]
fn conversations_embeddings_and_documents_have_their_lengths() -> TestResult {
    let tokenizer = Tokenizer::built_in()?;
    let mut spec = set(Set::RandomMultiTurn, None, json!({"first_turn_length": 30, "subsequent_turn_length": [4, 6]}))?;
    spec.turns = Turns { min: 2, max: Some(4) };
    let items = Random::new(&spec, Set::RandomMultiTurn, None)?.items(0, 40)?;
    let turns: std::collections::BTreeSet<usize> = items.iter().map(|item| item.turns.len()).collect();
    assert_eq!(turns, [2, 3, 4].into());
    for item in &items {
        assert_eq!(tokens(item), Some(30));
        assert!(item.turns[1..].iter().all(|turn| (4..=6).contains(&turn.tokens.unwrap_or(0))));
    }
    let mut spec = set(Set::RandomEmbeddingBatch, None, json!({"batch_size": 3}))?;
    spec.lengths = Lengths { min: 7, max: 9 };
    let items = Random::new(&spec, Set::RandomEmbeddingBatch, None)?.items(0, 5)?;
    for item in &items {
        let Content::Inputs(texts) = &item.turns[0].content else { return Err("no inputs".into()) };
        let counts: Vec<usize> = texts.iter().map(|text| tokenizer.count(text)).collect::<Result<_>>()?;
        assert!(counts.len() == 3 && counts.iter().all(|count| (7..=9).contains(count)), "{counts:?}");
        assert_eq!(tokens(item), u32::try_from(counts.iter().sum::<usize>()).ok());
    }
    let mut spec = set(Set::RandomRerank, None, json!({"num_documents": 4, "document_length_ratio": 2.5}))?;
    spec.lengths = Lengths { min: 8, max: 8 };
    let items = Random::new(&spec, Set::RandomRerank, None)?.items(0, 3)?;
    let Content::Ranking { query, documents } = &items[0].turns[0].content else { return Err("no ranking".into()) };
    assert_eq!((tokenizer.count(query)?, documents.len(), tokenizer.count(&documents[3])?), (8, 4, 20));
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
        merges.push(json!([left, right]));
    }
    let json = json!({"version": "1.0", "added_tokens": [], "decoder": {"type": "Fuse"},
        "model": {"type": "BPE", "vocab": vocab, "merges": merges}});
    let (_folder, path) = file("tokenizer.json", json.to_string().as_bytes())?;
    Ok(Tokenizer::open(&path)?)
}

#[test]
fn prompts_that_melt_are_repaired() -> TestResult {
    let tokenizer = melting()?;
    let mut random = Random::new(&plan(1, 1, 9, 1, 120), Set::Random, Some(tokenizer.clone()))?;
    let items = random.items(0, 200)?;
    let maker = Maker::new(&plan(1, 1, 9, 1, 120), Some(tokenizer.clone()))?;
    let shared = maker.prefix(0, 9)?;
    for (item, text) in items.iter().zip(texts(&items)) {
        assert_eq!(tokens(item), Some(u32::try_from(tokenizer.count(&text)?)?));
        assert!(text.starts_with(&shared.text));
    }
    assert_eq!((shared.ids.len(), random.remarks().inexact), (9, 0));
    Ok(())
}

/// A tokenizer trained on the questions that ship.
fn trained(mut inner: tokenizers::Tokenizer, mut trainer: TrainerWrapper) -> TestResult<Tokenizer> {
    let lines = || OPEN_QA.lines().map(|line| line.trim_matches(['{', '}']).to_lowercase());
    inner.train(&mut trainer, lines()).map_err(|error| error.to_string())?;
    let (_folder, path) =
        file("tokenizer.json", inner.to_string(false).map_err(|error| error.to_string())?.as_bytes())?;
    Ok(Tokenizer::open(&path)?)
}

fn kinds() -> TestResult<Vec<(&'static str, Tokenizer)>> {
    let mut bpe = tokenizers::Tokenizer::new(BPE::default());
    bpe.with_pre_tokenizer(Some(ByteLevel::default().add_prefix_space(false)));
    bpe.with_decoder(Some(ByteLevel::default()));
    let alphabet = ByteLevel::alphabet();
    let trainer = BpeTrainerBuilder::new()
        .vocab_size(1500)
        .initial_alphabet(alphabet.into_iter().collect())
        .show_progress(false)
        .build();
    let bpe = trained(bpe, trainer.into())?;

    let mut unigram = tokenizers::Tokenizer::new(Unigram::default());
    let metaspace = Metaspace::new('▁', PrependScheme::Always, true);
    unigram.with_pre_tokenizer(Some(metaspace.clone()));
    unigram.with_decoder(Some(metaspace));
    let trainer = UnigramTrainerBuilder::default()
        .vocab_size(1200)
        .show_progress(false)
        .unk_token(Some("<unk>".to_owned()))
        .special_tokens(vec![AddedToken::from("<unk>", true)])
        .build()?;
    let unigram = trained(unigram, trainer.into())?;

    let word_piece = WordPiece::builder().unk_token("[UNK]".to_owned()).build().map_err(|error| error.to_string())?;
    let mut word_piece_tokenizer = tokenizers::Tokenizer::new(word_piece);
    word_piece_tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    word_piece_tokenizer.with_decoder(Some(tokenizers::decoders::wordpiece::WordPiece::default()));
    let trainer = WordPieceTrainerBuilder::new()
        .vocab_size(1500)
        .show_progress(false)
        .special_tokens(vec![AddedToken::from("[UNK]", true)])
        .build();
    let word_piece = trained(word_piece_tokenizer, trainer.into())?;
    Ok(vec![("built-in", Tokenizer::built_in()?), ("BPE", bpe), ("Unigram", unigram), ("WordPiece", word_piece)])
}

/// The promise of the README: at least 99.9 % of prompts have the asked length, and the rest are counted.
#[test]
fn tokenizers_of_every_kind_count_what_was_asked_for() -> TestResult {
    for (name, tokenizer) in kinds()? {
        let maker = Maker::new(&plan(5, 2, 0, 1, 1), Some(tokenizer.clone()))?;
        let lengths = (1_u64..=400).chain([511, 512, 1000, 1024, 2048, 4097, 8192, 30_000]).chain(9_000..9_040);
        let (mut all, mut off) = (0_u64, 0);
        for length in lengths {
            let mut rng = maker.stream(Purpose::Prompt, length);
            let made = maker.text(&mut rng, length, &Made::default(), length as usize)?;
            let count = tokenizer.count(&made.text)?;
            assert_eq!((made.ids.len(), made.exact), (count, count as u64 == length), "{name} {length}");
            all += 1;
            off += u64::from(count as u64 != length);
        }
        assert!(off * 1000 <= all, "{name}: {off} of {all} are off");
        assert_eq!(maker.remarks().inexact, off, "{name}: what is off is counted");
    }
    Ok(())
}

#[test]
fn the_tokenizers_of_that_test_are_of_three_kinds() -> TestResult {
    for (name, tokenizer) in kinds()? {
        let maker = Maker::new(&plan(5, 1, 0, 1, 1), Some(tokenizer.clone()))?;
        assert!(tokenizer.get_size() > 1000, "{name}: {} ids", tokenizer.get_size());
        assert!(maker.vocabulary.joins(), "{name}: words stay apart");
    }
    Ok(())
}

trait Size {
    fn get_size(&self) -> usize;
}

impl Size for Tokenizer {
    fn get_size(&self) -> usize {
        self.vocab_size()
    }
}

#[test]
fn images_ride_with_the_text() -> TestResult {
    let mut spec = set(Set::RandomVl, None, json!({}))?;
    spec.lengths = Lengths { min: 5, max: 5 };
    spec.images.count = 3;
    let items = Random::new(&spec, Set::RandomVl, None)?.items(0, 2)?;
    let Prompt { content: Content::Messages(list), .. } = &items[0].turns[0] else { return Err("no chat".into()) };
    let parts = list[0]["content"].as_array().ok_or("no parts")?;
    assert_eq!(parts.len(), 4);
    let uris: std::collections::BTreeSet<&str> =
        parts[1..].iter().filter_map(|part| part["image_url"]["url"].as_str()).collect();
    assert_eq!(uris.len(), 3, "each image is another one");
    Ok(())
}
