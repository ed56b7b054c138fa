//! Instructions that a program can verify: IFEval, IFBench, Multi-IF.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use toml::Table;

use super::super::super::rules::{Edition, Followed, follow_in};
use super::super::super::sample::{Sample, spelled};
use super::super::case::{Case, Marks, Taken};
use super::super::params::read;
use super::{Made, Score};

pub(super) const NAMES: &[&str] = &["rules"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    Ok(Box::new(read::<Rules>(name, params)?))
}

/// Whose instructions they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Set {
    IfEval,
    IfBench,
    #[serde(rename = "multi_if")]
    MultiIf,
}

/// Which share of the instructions a reply follows, and whether it follows all of them.
///
/// J. Zhou and others, Instruction-following evaluation for large language models, 2023,
/// <https://arxiv.org/abs/2311.07911>.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    set: Set,
}

const PROMPT_STRICT: &str = "prompt_level_strict";
const EACH_STRICT: &str = "inst_level_strict";
const PROMPT_LOOSE: &str = "prompt_level_loose";
const EACH_LOOSE: &str = "inst_level_loose";

fn list<'a>(meta: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    meta.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn share(followed: &[bool]) -> f64 {
    let count = followed.iter().filter(|followed| **followed).count();
    count as f64 / followed.len().max(1) as f64
}

/// The four figures of one reply.
fn figures(followed: &Followed) -> [(&'static str, f64); 4] {
    [
        (PROMPT_STRICT, f64::from(followed.prompt_strict)),
        (EACH_STRICT, share(&followed.strict)),
        (PROMPT_LOOSE, f64::from(followed.prompt_loose)),
        (EACH_LOOSE, share(&followed.loose)),
    ]
}

/// Marks with the weights of the figures over single instructions.
fn marks(followed: &Followed) -> Marks {
    let count = followed.strict.len();
    Marks::of(figures(followed))
        .noting(&format!("weight:{EACH_STRICT}"), count)
        .noting(&format!("weight:{EACH_LOOSE}"), count)
        .noting("followed", json!({"strict": followed.strict, "loose": followed.loose}))
}

impl Rules {
    fn edition(&self) -> Edition {
        if self.set == Set::MultiIf { Edition::MultiIf } else { Edition::Ifeval }
    }

    fn followed(&self, ids: &[Value], kwargs: &[Value], prompt: &str, reply: &str) -> Result<Followed, String> {
        if ids.is_empty() {
            return Err("there are no instructions".to_owned());
        }
        let ids: Vec<String> = ids.iter().map(spelled).collect();
        follow_in(self.edition(), &ids, kwargs, prompt, reply).map_err(|error| error.to_string())
    }

    /// Every turn is judged by its own list; the last one stands for the sample.
    fn turns(&self, case: &Case<'_>) -> Result<Marks, String> {
        let meta = &case.sample.meta;
        let (ids, kwargs, prompts) = (list(meta, "instruction_id_lists"), list(meta, "kwargs"), list(meta, "prompts"));
        let (mut turns, mut last) = (Vec::new(), None);
        for (place, reply) in case.reply.turns.iter().enumerate().take(ids.len()) {
            let items = |lists: &'_ [Value]| lists.get(place).and_then(Value::as_array).cloned().unwrap_or_default();
            let prompt = prompts.get(place).map(spelled).unwrap_or_default();
            let followed = self.followed(&items(ids), &items(kwargs), &prompt, reply)?;
            let mut turn: Map<String, Value> =
                figures(&followed).into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
            turn.insert("instructions".to_owned(), json!(followed.strict.len()));
            turns.push(Value::Object(turn));
            last = Some(followed);
        }
        let last = last.ok_or("there are no turns with instructions")?;
        Ok(marks(&last).noting("turns", turns))
    }
}

impl Score for Rules {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let meta = &case.sample.meta;
        let made = match self.set {
            Set::MultiIf => self.turns(case),
            Set::IfEval | Set::IfBench => {
                let prompt = meta.get("prompt").map(spelled).unwrap_or_default();
                self.followed(list(meta, "instruction_id_list"), list(meta, "kwargs"), &prompt, &taken.text)
                    .map(|followed| marks(&followed))
            }
        };
        made.unwrap_or_else(Marks::excluded)
    }

    fn right(&self, _: &Sample) -> Option<String> {
        None
    }

    /// An empty reply follows no instruction.
    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(String::new())
    }
}
