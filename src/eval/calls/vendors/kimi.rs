//! The check of the fixed parameters of Kimi K2: their defaults must be accepted, other values be refused.

use serde_json::{Value, json};

use super::Rate;

/// How an endpoint is told whether to think; the subsets of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Thinking {
    /// As the official service is: `thinking: {type}`.
    Kimi,
    /// As servers with a chat template are: `chat_template_kwargs: {thinking}`.
    OpenSource,
    /// Not at all, for models that always or never think.
    None,
}

impl Thinking {
    /// The subset of a name.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "kimi" => Some(Self::Kimi),
            "opensource" => Some(Self::OpenSource),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    fn fields(self, thinks: bool) -> Value {
        match self {
            Self::Kimi => json!({"thinking": {"type": if thinks { "enabled" } else { "disabled" }}}),
            Self::OpenSource => json!({"chat_template_kwargs": {"thinking": thinks}}),
            Self::None => json!({}),
        }
    }
}

/// A parameter that a deployment must not let anyone change.
struct Fixed {
    name: &'static str,
    thinking: f64,
    plain: f64,
    wrong: f64,
}

const FIXED: [Fixed; 5] = [
    Fixed { name: "temperature", thinking: 1.0, plain: 0.6, wrong: 0.5 },
    Fixed { name: "top_p", thinking: 0.95, plain: 0.95, wrong: 0.8 },
    Fixed { name: "presence_penalty", thinking: 0.0, plain: 0.0, wrong: 0.5 },
    Fixed { name: "frequency_penalty", thinking: 0.0, plain: 0.0, wrong: 0.5 },
    Fixed { name: "n", thinking: 1.0, plain: 1.0, wrong: 2.0 },
];

/// The most tokens that a probe asks for.
const MAX_TOKENS: u64 = 16;

/// A request that must be accepted or refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// The fields of the body beside the model and the messages.
    pub body: Value,
    /// The parameter that is probed; none for the request without one.
    pub parameter: Option<&'static str>,
    /// Whether the endpoint must refuse it with HTTP 400.
    pub refused: bool,
}

/// What every probe asks for.
pub const QUESTION: &str = "Answer with the word OK.";

/// The probes of a subset: without thinking and then with it, where it can be chosen, each a request without any of the
/// parameters, and for each parameter one with its default and one with another value.
pub fn probes(thinking: Thinking) -> Vec<Probe> {
    let choices: &[bool] = if thinking == Thinking::None { &[false] } else { &[false, true] };
    choices.iter().flat_map(|thinks| probes_of(thinking, *thinks)).collect()
}

fn probes_of(thinking: Thinking, thinks: bool) -> Vec<Probe> {
    let probe = |parameter: Option<(&'static str, f64)>, refused: bool| {
        let mut body = thinking.fields(thinks);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("max_tokens".to_owned(), json!(MAX_TOKENS));
            if let Some((name, value)) = parameter {
                let number = if name == "n" { json!(value as u64) } else { json!(value) };
                fields.insert(name.to_owned(), number);
            }
        }
        Probe { body, parameter: parameter.map(|(name, _)| name), refused }
    };
    let mut probes = vec![probe(None, false)];
    for fixed in &FIXED {
        let default = if thinks { fixed.thinking } else { fixed.plain };
        probes.push(probe(Some((fixed.name, default)), false));
        if fixed.wrong != default {
            probes.push(probe(Some((fixed.name, fixed.wrong)), true));
        }
    }
    probes
}

/// How a probe ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered.
    Accepted,
    /// It refused the request with HTTP 400.
    Refused,
    /// Anything else: another status, no connection, no time. It says nothing about the parameter.
    Failed,
}

/// The rates of a subset: wrong values that were refused, defaults that were accepted, and probes that failed, which
/// count in neither of the first two.
pub fn rates(outcomes: &[(bool, Outcome)]) -> [Rate; 3] {
    let count = |is: &dyn Fn(bool, Outcome) -> bool| {
        outcomes.iter().filter(|(refused, outcome)| is(*refused, *outcome)).count() as u64
    };
    let refused = count(&|must, outcome| must && outcome == Outcome::Refused);
    let to_refuse = count(&|must, outcome| must && outcome != Outcome::Failed);
    let accepted = count(&|must, outcome| !must && outcome == Outcome::Accepted);
    let to_accept = count(&|must, outcome| !must && outcome != Outcome::Failed);
    let failed = count(&|_, outcome| outcome == Outcome::Failed);
    [
        Rate::of("param_immutable_reject_rate", refused, to_refuse),
        Rate::of("param_default_accept_rate", accepted, to_accept),
        Rate::of("inference_error_rate", failed, outcomes.len() as u64),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_is_probed_twice() {
        assert_eq!(probes(Thinking::Kimi).len(), 22);
        let plain = probes(Thinking::None);
        assert_eq!(plain.len(), 11);
        assert_eq!(plain[0].body, json!({"max_tokens": 16}));
        assert_eq!(plain[1].body, json!({"max_tokens": 16, "temperature": 0.6}));
        assert!(plain[2].refused && plain[2].body["temperature"] == 0.5);
        assert_eq!(plain[10].body["n"], json!(2));
        let thinking = &probes(Thinking::OpenSource)[12];
        assert_eq!(thinking.body["chat_template_kwargs"]["thinking"], true);
        assert_eq!(thinking.body["temperature"], 1.0);
        assert_eq!(Thinking::of("opensource"), Some(Thinking::OpenSource));
    }

    #[test]
    fn failures_count_on_their_own() {
        use Outcome::{Accepted, Failed, Refused};
        let outcomes = [(true, Refused), (true, Accepted), (true, Failed), (false, Accepted)];
        let rates = rates(&outcomes).map(|rate| (rate.rate, rate.num));
        assert_eq!(rates, [(Some(0.5), 2), (Some(1.0), 1), (Some(0.25), 4)]);
        assert_eq!(super::rates(&[])[0].rate, None);
    }
}
