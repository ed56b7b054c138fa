//! The language of a text by its letters, as Nakatani's language detection tells it (the detector behind the published
//! verdicts; its port to Python, seeded with 0).
//!
//! Seven times a sample of the text's runs of one to three letters is drawn and each language's share of it is updated
//! (naive Bayes) until one of them holds nearly all; the mean decides. The profiles of 55 languages and the folding of
//! letters come from a crate, the draws from the generator of Python, so that close calls fall the same way.

use std::collections::HashMap;
use std::sync::LazyLock;

use langdetect_rs::detector_factory::DetectorFactory;
use langdetect_rs::utils::lang_profile::LangProfileJson;
use langdetect_rs::utils::ngram::NGram;

use super::pattern::Fixed;
use crate::random::Python;

/// Letters that are looked at, at most.
const LENGTH: usize = 10_000;
const TRIALS: usize = 7;
const ITERATIONS: usize = 1000;
/// Weight of a run that a language does not have, and how far it is spread between trials.
const ALPHA: (f64, f64) = (0.5, 0.05);
const BASE: f64 = 10_000.0;
/// A share from which on a trial is over.
const SURE: f64 = 0.99999;
/// A share from which on a language is named at all.
const NAMED: f64 = 0.1;
/// A profile of the crate that the port to Python does not have.
const ADDED: &str = "uz";

static ADDRESS: Fixed = Fixed::new(r"https?://[-_.?&~;+=/#0-9A-Za-z]{1,2076}");
static MAIL: Fixed = Fixed::new(r"[-_.0-9A-Za-z]{1,64}@[-_0-9A-Za-z]{1,255}[-_.0-9A-Za-z]{1,255}");

/// The languages that have a run of letters, in order, and its share in each.
type Shares = Vec<(usize, f64)>;

/// What is known of the languages: their names, and of each run of letters its shares.
struct Profiles {
    names: Vec<String>,
    shares: HashMap<String, Shares>,
}

static PROFILES: LazyLock<Profiles> = LazyLock::new(|| {
    let profiles: Vec<LangProfileJson> = DetectorFactory::get_default_profiles_json()
        .iter()
        .filter_map(|text| serde_json::from_str::<LangProfileJson>(text).ok())
        .filter(|profile| profile.name != ADDED)
        .collect();
    let mut shares: HashMap<String, Shares> = HashMap::new();
    for (index, profile) in profiles.iter().enumerate() {
        for (run, count) in &profile.freq {
            let total = run.chars().count().checked_sub(1).and_then(|length| profile.n_words.get(length));
            if let Some(total) = total {
                shares.entry(run.clone()).or_default().push((index, *count as f64 / (*total as f64).max(1.0)));
            }
        }
    }
    Profiles { names: profiles.into_iter().map(|profile| profile.name).collect(), shares }
});

/// The code of a text's language (`en`, `zh-cn`); `unknown` where none stands out, `None` where nothing in it tells.
pub(super) fn language(text: &str) -> Option<&'static str> {
    let profiles = &*PROFILES;
    let runs = runs(&cleaned(text), profiles);
    if runs.is_empty() {
        return None;
    }
    let mut random = Gauss::new(0);
    let mut means = vec![0.0; profiles.names.len()];
    for _ in 0..TRIALS {
        for (mean, share) in means.iter_mut().zip(trial(&runs, profiles.names.len(), &mut random)) {
            *mean += share / TRIALS as f64;
        }
    }
    let named = means.iter().zip(&profiles.names).filter(|(mean, _)| **mean > NAMED);
    // The first of equals is kept.
    let best = named.reduce(|best, other| if other.0 > best.0 { other } else { best });
    Some(best.map_or("unknown", |(_, name)| name.as_str()))
}

fn trial(runs: &[&[(usize, f64)]], languages: usize, random: &mut Gauss) -> Vec<f64> {
    let mut shares = vec![1.0 / languages as f64; languages];
    let weight = (ALPHA.0 + random.normal() * ALPHA.1) / BASE;
    for step in 0.. {
        let Some(run) = random.generator.choice(runs) else { break };
        let mut known = run.iter().peekable();
        for (language, share) in shares.iter_mut().enumerate() {
            *share *= weight + known.next_if(|(index, _)| *index == language).map_or(0.0, |(_, known)| *known);
        }
        if step % 5 == 0 && (normalise(&mut shares) > SURE || step >= ITERATIONS) {
            break;
        }
    }
    shares
}

/// Makes the sum 1 and gives the greatest.
fn normalise(shares: &mut [f64]) -> f64 {
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    shares.iter().copied().fold(0.0, f64::max)
}

/// The text without addresses, and without Latin letters where they are few among others.
fn cleaned(text: &str) -> String {
    let text = NGram::normalize_vi(&MAIL.replaced(&ADDRESS.replaced(text, " "), " "));
    let mut before = '\0';
    let mut kept = String::new();
    for c in text.chars().take(LENGTH) {
        if c != ' ' || before != ' ' {
            kept.push(c);
        }
        before = c;
    }
    let is_latin = |c: &char| ('A'..='z').contains(c);
    // Vietnamese letters count as others in the port, though not in the original.
    let is_other = |c: &char| *c >= '\u{300}';
    let latin = kept.chars().filter(is_latin).count();
    let other = kept.chars().filter(is_other).count();
    if latin * 2 < other { kept.chars().filter(|c| !is_latin(c)).collect() } else { kept }
}

/// The shares of all known runs of one to three letters. Words in capitals give their first letter only.
fn runs<'a>(text: &str, profiles: &'a Profiles) -> Vec<&'a [(usize, f64)]> {
    let mut window = NGram::new();
    let mut found = Vec::new();
    for c in text.chars() {
        window.add_char(c);
        if window.capitalword {
            continue;
        }
        let starts: Vec<usize> = window.grams.char_indices().rev().map(|(at, _)| at).take(NGram::N_GRAM).collect();
        for run in starts.iter().filter_map(|at| window.grams.get(*at..)).filter(|run| *run != " ") {
            found.extend(profiles.shares.get(run).map(Vec::as_slice));
        }
    }
    found
}

/// Python's generator with `gauss`, which keeps every other value for the next call.
struct Gauss {
    generator: Python,
    kept: Option<f64>,
}

impl Gauss {
    fn new(seed: u64) -> Self {
        Gauss { generator: Python::new(seed), kept: None }
    }

    fn normal(&mut self) -> f64 {
        if let Some(kept) = self.kept.take() {
            return kept;
        }
        let angle = self.generator.double() * std::f64::consts::TAU;
        let radius = (-2.0 * (1.0 - self.generator.double()).ln()).sqrt();
        self.kept = Some(angle.sin() * radius);
        angle.cos() * radius
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told_apart() {
        for (code, text) in [
            ("en", "The weather in the city was cold, but people walked through the park."),
            ("de", "Das Wetter in der Stadt war kalt, aber die Menschen gingen durch den Park."),
            ("sw", "Hali ya hewa katika mji ilikuwa baridi, lakini watu walitembea katika bustani."),
            ("ja", "街の天気は寒くて風が強かったが、人々は公園を歩いていた。"),
            ("zh-cn", "城里的天气又冷又刮风，但是人们仍然在公园里散步。"),
            ("hi", "शहर का मौसम ठंडा और हवादार था, लेकिन लोग पार्क में घूम रहे थे।"),
        ] {
            assert_eq!(language(text), Some(code), "{text}");
        }
        assert_eq!(language("1234 !!"), None);
        assert_eq!(language(""), None);
    }

    #[test]
    fn profiles_are_complete() {
        assert_eq!(PROFILES.names.len(), 55);
    }
}
