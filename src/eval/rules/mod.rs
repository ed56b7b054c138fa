//! Instructions that a program can verify: the rules of IFEval and IFBench, by id.
//!
//! An instruction has an id (`length_constraints:number_words`) and arguments; a reply follows it or not. A prompt
//! carries one or more. *Strict* takes the reply as it is. *Loose* takes it as followed where any of eight variants
//! does: without its first line, its last line, or both, and each of these without asterisks, so that a greeting or
//! emphasis does not decide.
//!
//! The same ids mean a little else in Multi-IF, which is an [`Edition`] of its own.
//!
//! The rules are those of the published programs, oddities included, because their figures are compared: see
//! `tests/golden/oracle/ifeval.jsonl`. An argument that is absent, null, zero or empty makes an instruction that needs
//! it unfollowable; the published programs draw one at random there.

mod arguments;
mod ifbench;
mod ifeval;
mod json;
mod language;
mod multi_if;
mod pattern;
mod sentences;
mod text;
mod tokens;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use arguments::Arguments;
use text::strip;

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
struct Given<'a> {
    arguments: Arguments<'a>,
    prompt: &'a str,
    reply: &'a str,
}

/// Whether a reply follows; `None` where an argument is missing or is not what the rule needs.
type Rule = fn(&Given<'_>) -> Option<bool>;

/// An id that names no instruction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no instruction is called {id:?}; known are {}", known().join(", "))]
pub struct Unknown {
    /// The id as it was given.
    pub id: String,
}

/// The ids of all instructions, in order of their tables.
pub fn known() -> Vec<&'static str> {
    tables().flatten().map(|(id, _)| *id).collect()
}

fn tables() -> impl Iterator<Item = &'static [(&'static str, Rule)]> {
    ifeval::TABLES.iter().chain(&ifbench::TABLES).copied()
}

/// Whose rules hold where an id has several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edition {
    /// IFEval's, for English, and IFBench's.
    #[default]
    Ifeval,
    /// Multi-IF's: sentences, words and quotes by the language of the reply.
    MultiIf,
}

fn rule(edition: Edition, id: &str) -> Result<Rule, Unknown> {
    let own: &[(&str, Rule)] = match edition {
        Edition::Ifeval => &[],
        Edition::MultiIf => &multi_if::RULES,
    };
    let found = own.iter().chain(tables().flatten()).find(|(name, _)| *name == id);
    found.map(|(_, rule)| *rule).ok_or_else(|| Unknown { id: id.to_owned() })
}

/// Whether a reply follows one instruction as it stands. An empty reply follows none.
///
/// # Errors
///
/// An id that is not known.
pub fn check(id: &str, kwargs: &Value, prompt: &str, reply: &str) -> Result<bool, Unknown> {
    Ok(follows(rule(Edition::default(), id)?, kwargs, prompt, reply))
}

fn follows(rule: Rule, kwargs: &Value, prompt: &str, reply: &str) -> bool {
    !strip(reply).is_empty() && rule(&Given { arguments: Arguments(kwargs), prompt, reply }) == Some(true)
}

/// Which of a prompt's instructions a reply follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Followed {
    /// Each instruction, by the reply as it stands.
    pub strict: Vec<bool>,
    /// Each instruction, by any variant of the reply.
    pub loose: Vec<bool>,
    /// All of them, by the reply as it stands.
    pub prompt_strict: bool,
    /// All of them, each by any variant of the reply.
    pub prompt_loose: bool,
}

/// Checks a reply against all instructions of its prompt; `kwargs` holds one object each, and may be shorter.
///
/// # Errors
///
/// An id that is not known.
pub fn follow(ids: &[impl AsRef<str>], kwargs: &[Value], prompt: &str, reply: &str) -> Result<Followed, Unknown> {
    follow_in(Edition::default(), ids, kwargs, prompt, reply)
}

/// The same by the rules of an edition.
///
/// # Errors
///
/// An id that is not known.
pub fn follow_in(
    edition: Edition,
    ids: &[impl AsRef<str>],
    kwargs: &[Value],
    prompt: &str,
    reply: &str,
) -> Result<Followed, Unknown> {
    let variants = variants(reply);
    let (mut strict, mut loose) = (Vec::with_capacity(ids.len()), Vec::with_capacity(ids.len()));
    for (index, id) in ids.iter().enumerate() {
        let rule = rule(edition, id.as_ref())?;
        let kwargs = kwargs.get(index).unwrap_or(&Value::Null);
        strict.push(follows(rule, kwargs, prompt, reply));
        loose.push(variants.iter().any(|variant| follows(rule, kwargs, prompt, variant)));
    }
    let (prompt_strict, prompt_loose) =
        (strict.iter().all(|followed| *followed), loose.iter().all(|followed| *followed));
    Ok(Followed { strict, loose, prompt_strict, prompt_loose })
}

/// The reply, the reply without its first line, last line and both, and each without asterisks.
fn variants(reply: &str) -> Vec<String> {
    let lines: Vec<&str> = reply.split('\n').collect();
    let part = |from: usize, to: usize| strip(&lines.get(from..to).unwrap_or_default().join("\n")).to_owned();
    let n = lines.len();
    let plain = [reply.to_owned(), part(1, n), part(0, n - 1), part(1, n - 1)];
    let bare = plain.each_ref().map(|variant| variant.replace('*', ""));
    let mut all: Vec<String> = plain.into_iter().chain(bare).collect();
    all.dedup();
    all
}

#[cfg(test)]
mod tests;
