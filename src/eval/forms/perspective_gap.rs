//! PerspectiveGap: which piece of information each role of a team of agents is given, as a JSON object or as a section
//! of text for each role (the rules of the benchmark's own scorer).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::pattern::{Pattern, group};

static FENCED: Pattern = Pattern::new(r"(?s)^```(?:json)?\s*\n(.*?)\n```\s*$");
static HEADING: Pattern = Pattern::new(r"(?m)^# (.+?)\s*$");
/// Runs of tokens that are looked for.
const RUNS: [usize; 3] = [1, 2, 3];

/// The pieces that each role needs, by their ids (`reference_need_sets`).
pub type Needs = BTreeMap<String, BTreeSet<String>>;

/// A piece of information.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Fragment {
    /// Its name.
    pub id: String,
    /// What it says.
    pub text: String,
}

/// From which share on a piece counts as told.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Of a piece that the role needs.
    pub include_threshold: f64,
    /// Of a piece that it does not need.
    pub exclude_threshold: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { include_threshold: 0.7, exclude_threshold: 0.3 }
    }
}

/// What came out for one scenario.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Verdict {
    /// 1 where every role has what it needs and nothing else.
    pub strict_pass: f64,
    /// Pieces given rightly, less those given wrongly and those left out, as a share of those needed; at least 0.
    pub net_match_score: f64,
    /// Share of the needed pieces that were given.
    pub required_coverage: f64,
    /// Share of the given pieces that were needed.
    pub boundary_precision: f64,
    /// To how many roles the distractor was given.
    pub distractor_leakage: f64,
}

#[derive(Default)]
struct Counts {
    right: usize,
    extra: usize,
    missing: usize,
    leaked: usize,
}

impl Counts {
    fn add(&mut self, right: usize, missing: usize, extra: &BTreeSet<&str>, distractor: Option<&str>) {
        self.right += right;
        self.missing += missing;
        self.extra += extra.len();
        self.leaked += usize::from(distractor.is_some_and(|id| extra.contains(id)));
    }

    fn verdict(&self, passed: bool) -> Verdict {
        let (needed, given) = (self.right + self.missing, self.right + self.extra);
        let share = |part: f64, whole: usize| if whole == 0 { 0.0 } else { part / whole as f64 };
        let net = self.right as f64 - self.extra as f64 - self.missing as f64;
        Verdict {
            strict_pass: f64::from(u8::from(passed)),
            net_match_score: share(net, needed).max(0.0),
            required_coverage: share(self.right as f64, needed),
            boundary_precision: share(self.right as f64, given),
            distractor_leakage: self.leaked as f64,
        }
    }
}

/// Scores `role_assignment`: a JSON object with the list of ids of each role.
///
/// Only a reply that is the object, fenced or not, with exactly the roles and lists of texts can pass; for the shares
/// also the object between the first and the last curly bracket counts.
pub fn role_assignment(reply: &str, needs: &Needs, distractor: Option<&str>) -> Verdict {
    let strict = whole_object(reply);
    let Some(given) = strict.clone().or_else(|| loose_object(reply)) else {
        let missing = needs.values().map(BTreeSet::len).sum();
        return Counts { missing, ..Counts::default() }.verdict(false);
    };
    let distractor = distractor.filter(|id| !id.is_empty());
    let mut counts = Counts::default();
    let mut passed = strict.as_ref().is_some_and(|strict| {
        strict.len() == needs.len()
            && needs.keys().all(|role| strict.contains_key(role))
            && strict.values().all(is_list_of_texts)
    });
    for (role, needed) in needs {
        let ids = given.get(role).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let ids: BTreeSet<&str> = ids.collect();
        let right = ids.iter().filter(|id| needed.contains(**id)).count();
        let extra: BTreeSet<&str> = ids.into_iter().filter(|id| !needed.contains(*id)).collect();
        passed &= extra.is_empty() && right == needed.len();
        counts.add(right, needed.len() - right, &extra, distractor);
    }
    counts.verdict(passed)
}

fn is_list_of_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(Value::is_string))
}

fn whole_object(reply: &str) -> Option<Map<String, Value>> {
    let text = reply.trim();
    let fenced = FENCED.first(text);
    let text = fenced.as_ref().map_or(text, |found| group(found, 1).trim());
    serde_json::from_str(text).ok()
}

fn loose_object(reply: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(reply.get(reply.find('{')?..=reply.rfind('}')?)?).ok()
}

/// Scores `prompt_writing`: a section of text for each role, under a heading `# role`.
///
/// A piece is told where a section has enough of the runs of one to three tokens that no other piece has and that are
/// not only words of the roles' names. `tokens` gives the tokens of a text as a tokenizer of Qwen spells them;
/// [`words`] does where none is at hand, with scores that may differ a little.
pub fn prompt_writing(
    reply: &str,
    fragments: &[Fragment],
    needs: &Needs,
    distractor: Option<&str>,
    tokens: &dyn Fn(&str) -> Vec<String>,
    options: Options,
) -> Verdict {
    let sections = sections(reply);
    let names: HashSet<String> = needs.keys().flat_map(|role| clean(tokens(role))).collect();
    let distinctive = distinctive(fragments, &names, tokens);
    let distractor = distractor.filter(|id| !id.is_empty());
    let (mut counts, mut passed) = (Counts::default(), true);
    for (role, needed) in needs {
        let told = runs(&clean(tokens(sections.get(role.as_str()).copied().unwrap_or_default())));
        let share = |own: &HashSet<String>| {
            let part = own.iter().filter(|run| told.contains(*run)).count();
            if own.is_empty() { 0.0 } else { thousandths(part as f64 / own.len() as f64) }
        };
        let shares: BTreeMap<&str, f64> = distinctive.iter().map(|(id, own)| (*id, share(own))).collect();
        let told = |id: &str| shares.get(id).copied().unwrap_or(0.0) >= options.include_threshold;
        let right = needed.iter().filter(|id| told(id)).count();
        let extra = shares.iter().filter(|(id, share)| **share >= options.exclude_threshold && !needed.contains(**id));
        let extra: BTreeSet<&str> = extra.map(|(id, _)| *id).collect();
        passed &= extra.is_empty() && right == needed.len();
        counts.add(right, needed.len() - right, &extra, distractor);
    }
    counts.verdict(passed)
}

/// Tokens where no tokenizer is at hand: runs of letters and digits.
pub fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn thousandths(share: f64) -> f64 {
    format!("{share:.3}").parse().unwrap_or(share)
}

/// The text of each role: what stands between its heading and the next one; of two alike the later one.
fn sections(reply: &str) -> BTreeMap<&str, &str> {
    let headings: Vec<(&str, usize, usize)> = HEADING
        .all(reply)
        .filter_map(|found| Some((found.get(1)?.as_str(), found.get(0)?.start(), found.get(0)?.end())))
        .collect();
    let mut sections = BTreeMap::new();
    for (place, (role, _, from)) in headings.iter().enumerate() {
        let to = headings.get(place + 1).map_or(reply.len(), |(_, start, _)| *start);
        sections.insert(*role, reply.get(*from..to).unwrap_or_default().trim());
    }
    sections
}

/// Without the mark of a leading blank, in lower case, and only those with a Latin letter or a digit.
fn clean(tokens: Vec<String>) -> Vec<String> {
    let bare = tokens.into_iter().map(|token| token.trim_start_matches('Ġ').to_lowercase());
    bare.filter(|token| token.contains(|c: char| c.is_ascii_alphanumeric())).collect()
}

fn runs(tokens: &[String]) -> HashSet<String> {
    RUNS.iter().flat_map(|length| tokens.windows(*length).map(|run| run.join(" "))).collect()
}

/// The runs that only one piece has, without those made of words of the roles' names alone.
fn distinctive<'a>(
    fragments: &'a [Fragment],
    names: &HashSet<String>,
    tokens: &dyn Fn(&str) -> Vec<String>,
) -> BTreeMap<&'a str, HashSet<String>> {
    let all: BTreeMap<&str, HashSet<String>> =
        fragments.iter().map(|fragment| (fragment.id.as_str(), runs(&clean(tokens(&fragment.text))))).collect();
    let mut owners = BTreeMap::<&str, usize>::new();
    all.values().flatten().for_each(|run| *owners.entry(run).or_default() += 1);
    let own =
        |run: &&String| owners.get(run.as_str()) == Some(&1) && !run.split(' ').all(|token| names.contains(token));
    all.iter().map(|(id, runs)| (*id, runs.iter().filter(own).cloned().collect())).collect()
}
