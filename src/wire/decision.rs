//! Servers that give probabilities over the options of a question: System One, and AutoTrust's `/decide`.
//!
//! Requests are complete bodies. A reply counts as a success only where it holds one valid distribution: a benchmark of a
//! server that answers quickly and wrongly would be worth nothing. Facts of both protocols are EvalScope 1.14.1's.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Reply, ServerError, Usage};
use crate::target::Dialect;

/// Fields that shape generated text, of which there is none.
const GENERATION: [&str; 6] = ["stream", "temperature", "top_p", "top_k", "max_tokens", "n"];
/// Kinds of questions: one of several options, no or yes, a level of a scale.
const KINDS: [&str; 3] = ["choice", "noul", "score"];
/// How far the sum of probabilities may be off 1, for servers round them; with two decimals each may be off by half of
/// the last.
const OFF: f64 = 0.02;
const HALF_STEP: f64 = 0.005;
/// How far two spellings of one number may differ.
const SAME: f64 = 1e-6;

/// Checks a complete body; what is wrong with it in words.
pub(super) fn check(body: &Map<String, Value>, dialect: &Dialect) -> Result<(), String> {
    if let Some(field) = GENERATION.iter().find(|field| body.contains_key(**field)) {
        return Err(format!("`{field}` shapes generated text, and a decision has none"));
    }
    let (kind, question, missing) = if *dialect == Dialect::SystemOne {
        let questions = body.get("questions").and_then(Value::as_object);
        let Some(answer) = questions.filter(|all| all.len() == 1).and_then(|all| all.get("answer")) else {
            return Err("`questions` must hold one question, named `answer`".to_owned());
        };
        (&answer["type"], &answer["instructions"], "`questions.answer` needs `type` and `instructions`")
    } else {
        let field = |name| body.get(name).unwrap_or(&Value::Null);
        (field("kind"), field("question"), "`kind` and `question` are needed")
    };
    if !body.contains_key("state") {
        return Err("`state` is missing".to_owned());
    }
    let (Some(kind), Some(_)) = (kind.as_str(), question.as_str().filter(|text| !text.is_empty())) else {
        return Err(missing.to_owned());
    };
    if !KINDS.contains(&kind) {
        return Err(format!("{kind:?} is no kind of question; there are {}", KINDS.join(", ")));
    }
    Ok(())
}

/// Reads a reply.
pub(super) fn reply(dialect: &Dialect, body: &[u8]) -> Result<Reply, ServerError> {
    let malformed = |why: &str| ServerError::Malformed(format!("no decision: {why}"));
    let value: Value = serde_json::from_slice(body).map_err(|error| malformed(&error.to_string()))?;
    if value["model"].as_str().is_none_or(str::is_empty) {
        return Err(malformed("it does not name its model"));
    }
    let checked = if *dialect == Dialect::SystemOne { system_one(&value) } else { auto_trust(&value) };
    checked.map_err(malformed)?;
    Ok(Reply { usage: usage(&value).map_err(malformed)?, ..Reply::default() })
}

/// Input tokens, in either naming; a server need not count.
fn usage(value: &Value) -> Result<Option<Usage>, &'static str> {
    let usage = match value.get("usage") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(usage)) => usage,
        Some(_) => return Err("`usage` is no object"),
    };
    let Some(count) = usage.get("input_tokens").or_else(|| usage.get("prompt_tokens")) else { return Ok(None) };
    let tokens = count.as_u64().ok_or("a token count is no whole number")?;
    Ok(Some(Usage { prompt_tokens: Some(tokens), ..Usage::default() }))
}

/// Exactly one answer, named `answer`, with a probability for each label.
fn system_one(value: &Value) -> Result<(), &'static str> {
    let answers = value["answers"].as_object().filter(|all| all.len() == 1);
    let answer = answers.and_then(|all| all.get("answer")).ok_or("`answers` must hold one named `answer`")?;
    let kind = answer["type"].as_str().unwrap_or("");
    let chances: Vec<(String, f64)> = match (kind, &answer["probabilities"], answer["noul"].as_f64()) {
        (_, Value::Object(all), _) => {
            let chance = |(label, value): (&String, &Value)| Some((label.clone(), value.as_f64()?));
            all.iter().map(chance).collect::<Option<_>>().ok_or("a probability is no number")?
        }
        ("noul", _, Some(yes)) => vec![("no".to_owned(), 1.0 - yes), ("yes".to_owned(), yes)],
        _ => return Err("there are no `probabilities`"),
    };
    let values: Vec<f64> = chances.iter().map(|(_, chance)| *chance).collect();
    let tolerance = distribution(&values)?;
    let of = |label: &str| chances.iter().find(|(known, _)| known == label).map(|(_, chance)| *chance);
    match kind {
        "choice" => {
            let chosen = answer["choice"].as_str().and_then(of).ok_or("`choice` is none of the options")?;
            likeliest(chosen, &values)
        }
        "noul" => match (of("no"), of("yes"), answer["noul"].as_f64()) {
            (Some(_), Some(yes), Some(said)) if chances.len() == 2 && (yes - said).abs() <= SAME => Ok(()),
            _ => Err("`noul` must be the probability of `yes` beside `no`"),
        },
        "score" => {
            let levels: Option<Vec<f64>> = (0..values.len()).map(|level| of(&level.to_string())).collect();
            let levels = levels.ok_or("levels must be named 0, 1 and so on")?;
            let expected: f64 = levels.iter().enumerate().map(|(level, chance)| level as f64 * chance).sum();
            let top = (levels.len() - 1) as f64;
            match answer["score"].as_f64() {
                Some(said) if (said - expected).abs() <= tolerance * top + SAME => Ok(()),
                _ => Err("`score` is not the mean of the levels"),
            }
        }
        _ => Err("`type` is no kind of question"),
    }
}

#[derive(Deserialize)]
struct AutoTrust {
    kind: String,
    options: Vec<String>,
    probabilities: Vec<f64>,
    choice_index: usize,
    choice: String,
}

/// Options and their probabilities side by side, and the likeliest of them.
fn auto_trust(value: &Value) -> Result<(), &'static str> {
    let answer = AutoTrust::deserialize(value)
        .map_err(|_| "`kind`, `options`, `probabilities`, `choice_index` and `choice` are needed")?;
    if !KINDS.contains(&answer.kind.as_str()) || value.get("effective_kind").is_some_and(|kind| *kind != answer.kind) {
        return Err("`kind` is no kind of question");
    }
    if answer.options.len() != answer.probabilities.len() {
        return Err("options and probabilities are not as many");
    }
    distribution(&answer.probabilities)?;
    if answer.options.get(answer.choice_index) != Some(&answer.choice) {
        return Err("`choice` is not the option of `choice_index`");
    }
    likeliest(answer.probabilities[answer.choice_index], &answer.probabilities)
}

/// How far the sum of probabilities may be off 1: where all have two decimals and may be 1 together before they were rounded, by
/// what the rounding does; else by `OFF`.
pub fn rounding(values: &[f64]) -> f64 {
    let is_short = |value: &f64| ((value * 100.0).round() / 100.0 - value).abs() < 1e-12;
    let least: f64 = values.iter().map(|value| (value - HALF_STEP).max(0.0)).sum();
    let most: f64 = values.iter().map(|value| (value + HALF_STEP).min(1.0)).sum();
    if values.iter().all(is_short) && least <= 1.0 + 1e-12 && most >= 1.0 - 1e-12 {
        OFF.max(values.len() as f64 * HALF_STEP)
    } else {
        OFF
    }
}

/// Checks that these are probabilities of two or more options; how far their sum may be off.
fn distribution(values: &[f64]) -> Result<f64, &'static str> {
    if values.len() < 2 || !values.iter().all(|value| (0.0..=1.0).contains(value)) {
        return Err("probabilities must be two or more numbers from 0 to 1");
    }
    let tolerance = rounding(values);
    let sum: f64 = values.iter().sum();
    if sum <= 0.0 || (sum - 1.0).abs() > tolerance + 1e-12 {
        return Err("the probabilities do not add up to 1");
    }
    Ok(tolerance)
}

fn likeliest(chosen: f64, values: &[f64]) -> Result<(), &'static str> {
    let most = values.iter().copied().fold(0.0, f64::max);
    if chosen < most - SAME { Err("what is chosen is not the likeliest") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(dialect: &Dialect, body: Value) -> Result<Option<u64>, String> {
        let reply = reply(dialect, body.to_string().as_bytes()).map_err(|error| error.to_string())?;
        Ok(reply.usage.and_then(|usage| usage.prompt_tokens))
    }

    fn answered(answer: Value) -> Value {
        json!({"model": "m", "answers": {"answer": answer}, "usage": {"input_tokens": 12, "output_tokens": 0}})
    }

    #[test]
    fn one_valid_distribution_is_a_reply() {
        for answer in [
            json!({"type": "choice", "probabilities": {"a": 0.7, "b": 0.3}, "choice": "a"}),
            json!({"type": "noul", "noul": 0.25}),
            json!({"type": "noul", "noul": 0.25, "probabilities": {"no": 0.75, "yes": 0.25}}),
            json!({"type": "score", "probabilities": {"0": 0.5, "1": 0.25, "2": 0.25}, "score": 0.75}),
            // Rounded to two decimals.
            json!({"type": "choice", "probabilities": {"a": 0.33, "b": 0.33, "c": 0.33}, "choice": "c"}),
        ] {
            assert_eq!(read(&Dialect::SystemOne, answered(answer.clone())), Ok(Some(12)), "{answer}");
        }
        let decided = json!({"model": "m", "kind": "choice", "options": ["x", "y"], "probabilities": [0.2, 0.8],
            "choice_index": 1, "choice": "y", "usage": {"prompt_tokens": 7}});
        assert_eq!(read(&Dialect::AutoTrust, decided.clone()), Ok(Some(7)));
        let mut uncounted = decided;
        uncounted["usage"] = Value::Null;
        assert_eq!(read(&Dialect::AutoTrust, uncounted), Ok(None));
    }

    #[test]
    fn what_is_no_distribution_fails_with_the_reason() {
        for (answer, why) in [
            (json!({"type": "choice", "probabilities": {"a": 0.7, "b": 0.1}, "choice": "a"}), "add up"),
            (json!({"type": "choice", "probabilities": {"a": 0.7, "b": 0.3}, "choice": "b"}), "likeliest"),
            (json!({"type": "choice", "probabilities": {"a": 0.7, "b": 0.3}, "choice": "c"}), "none of the options"),
            (json!({"type": "choice", "probabilities": {"a": 1.2, "b": -0.2}, "choice": "a"}), "from 0 to 1"),
            (json!({"type": "noul"}), "no `probabilities`"),
            (json!({"type": "score", "probabilities": {"0": 0.5, "1": 0.5}, "score": 0.1}), "mean"),
            (json!({"type": "score", "probabilities": {"1": 0.5, "2": 0.5}, "score": 1.5}), "levels"),
            (json!({"type": "guess", "probabilities": {"a": 0.5, "b": 0.5}}), "kind"),
        ] {
            let said = read(&Dialect::SystemOne, answered(answer.clone())).err().unwrap_or_default();
            assert!(said.contains(why), "{answer}: {said}");
        }
        assert!(read(&Dialect::SystemOne, json!({"answers": {}})).is_err_and(|said| said.contains("model")));
        let decided = json!({"model": "m", "kind": "choice", "options": ["x", "y"], "probabilities": [0.2, 0.8],
            "choice_index": 0, "choice": "y"});
        assert!(read(&Dialect::AutoTrust, decided).is_err_and(|said| said.contains("choice_index")));
    }

    #[test]
    fn a_body_asks_one_question() {
        let checked = |dialect: &Dialect, body: Value| check(body.as_object().unwrap_or(&Map::new()), dialect);
        let question = json!({"type": "choice", "instructions": "which?", "criteria": {"a": "x", "b": "y"}});
        let whole = json!({"state": {"s": 1}, "questions": {"answer": question}});
        assert_eq!(checked(&Dialect::SystemOne, whole.clone()), Ok(()));
        let native = json!({"kind": "noul", "state": "s", "question": "is it?"});
        assert_eq!(checked(&Dialect::AutoTrust, native.clone()), Ok(()));
        assert!(checked(&Dialect::SystemOne, native).is_err_and(|why| why.contains("`answer`")));
        let mut streamed = whole;
        streamed["stream"] = json!(true);
        assert!(checked(&Dialect::SystemOne, streamed).is_err_and(|why| why.contains("`stream`")));
        let odd = json!({"kind": "guess", "state": "s", "question": "is it?"});
        assert!(checked(&Dialect::AutoTrust, odd).is_err_and(|why| why.contains("choice, noul, score")));
    }
}
