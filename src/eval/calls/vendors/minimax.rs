//! The check of MiniMax: calls, language, repetition and order, each record by the checks that it names.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::super::schema::validate_one;
use super::super::tool::{Reply, ToolCall};
use super::Rate;

/// What a record asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// The checks by name; none means the check of calls.
    pub checks: Vec<String>,
    /// Whether a tool must be called, where the record says so.
    pub must_call: Option<bool>,
    /// The tools as they were offered.
    pub tools: Value,
}

/// How often what may repeat in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Repetition {
    /// The length of a run in characters.
    pub length: usize,
    /// How many times a run must stand in the text, without overlap, to be too many.
    pub times: usize,
}

impl Default for Repetition {
    fn default() -> Self {
        Self { length: 3, times: 4 }
    }
}

/// What the checks of one record found. A check that was not made is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checks {
    /// The reply was reasoning alone, without text and calls.
    pub only_reasoning: Option<bool>,
    /// The model stopped to call a tool.
    pub called: Option<bool>,
    /// Its calls fit their schemas; made where it called.
    pub fits: Option<bool>,
    /// It called where it must, or not where it must not; made where the record says which.
    pub matches: Option<bool>,
    /// The text has no Cyrillic letters.
    pub language: Option<bool>,
    /// The text does not repeat itself.
    pub varied: Option<bool>,
    /// Parameters are named in the order of the schema; made where at least two are named.
    pub ordered: Option<bool>,
}

/// Makes the checks of a record on a reply.
pub fn check(record: &Record, reply: &Reply, repetition: Repetition) -> Checks {
    let asks = |name: &str| record.checks.iter().any(|check| check == name);
    let silent = reply.content.is_empty() && reply.calls.is_empty();
    let mut checks = Checks { only_reasoning: Some(reply.reasoned && silent), ..Checks::default() };
    if record.checks.is_empty() || asks("tool_calls") {
        let called = reply.stopped_to_call;
        let fits = || !reply.calls.is_empty() && reply.calls.iter().all(|call| fits(call, &record.tools));
        checks.called = Some(called);
        checks.fits = called.then(fits);
        checks.matches = record.must_call.map(|must| must == called);
    }
    checks.language = asks("contains_russian_characters_unicode").then(|| !is_cyrillic(&reply.content));
    checks.varied = asks("repeat_n_gram").then(|| !repeats(&reply.content, repetition));
    if asks("scenario_check") {
        checks.ordered = order(&record.tools).and_then(|expected| keeps_order(&reply.content, &expected));
    }
    checks
}

/// The rates of a subset, each over the records that were checked for it. Requests that failed have no checks.
pub fn rates(all: &[Checks]) -> [Rate; 6] {
    let rate = |name, of: fn(&Checks) -> Option<bool>| {
        let made: Vec<bool> = all.iter().filter_map(of).collect();
        Rate::of(name, made.iter().filter(|is| **is).count() as u64, made.len() as u64)
    };
    [
        rate("tool_calls_match_rate", |checks| checks.matches),
        rate("schema_accuracy", |checks| checks.fits),
        rate("error_only_reasoning_rate", |checks| checks.only_reasoning),
        rate("language_following_success_rate", |checks| checks.language),
        rate("repeat_ngram_pass_rate", |checks| checks.varied),
        rate("scenario_check_pass_rate", |checks| checks.ordered),
    ]
}

/// Whether a call fits its schema, and a command that it gives as a list is really split into its words.
fn fits(call: &ToolCall, tools: &Value) -> bool {
    let Ok((arguments, schema)) = validate_one(call, tools) else { return false };
    let command = schema.pointer("/properties/command");
    let is_list = command.is_some_and(|command| {
        command.get("type").and_then(Value::as_str) == Some("array")
            && command.pointer("/items/type").and_then(Value::as_str) == Some("string")
    });
    !is_list || arguments.get("command").is_some_and(is_split)
}

const SHELLS: [&str; 3] = ["bash", "sh", "zsh"];
const PROGRAMS: [&str; 17] = [
    "ls", "cat", "git", "npm", "npx", "cd", "cp", "mv", "rm", "mkdir", "chmod", "chown", "find", "grep", "curl",
    "wget", "pip",
];

/// Whether a command is a list of words, none of which is a whole command line; what a shell is given to run may be one.
fn is_split(command: &Value) -> bool {
    let Some(words) = command.as_array().filter(|words| !words.is_empty()) else { return false };
    if is_shell(words) {
        return true;
    }
    let is_line = |word: &str| word.split_once(' ').is_some_and(|(program, _)| PROGRAMS.contains(&program));
    let Some(words) = words.iter().map(Value::as_str).collect::<Option<Vec<&str>>>() else { return false };
    let is_alone = words.len() == 1;
    let is_merged = |word: &&str| is_line(word) || (is_alone && word.contains(' '));
    !words.iter().any(is_merged)
}

fn is_shell(words: &[Value]) -> bool {
    let Some((shell, rest)) = words.split_first().filter(|(_, rest)| rest.len() >= 2) else { return false };
    let shell = shell.as_str().unwrap_or_default();
    let name = shell.strip_prefix("/usr/bin/").or_else(|| shell.strip_prefix("/bin/")).unwrap_or(shell);
    let option =
        rest.iter().map(|word| word.as_str().unwrap_or_default()).find(|word| !matches!(*word, "-l" | "--login"));
    SHELLS.contains(&name) && matches!(option, Some("-c" | "-lc"))
}

/// Whether a text has letters of the Cyrillic block.
fn is_cyrillic(text: &str) -> bool {
    text.chars().any(|c| ('\u{400}'..='\u{4ff}').contains(&c))
}

/// Whether some run of characters stands too often in a text, counted without overlap.
fn repeats(text: &str, limit: Repetition) -> bool {
    let characters: Vec<char> = text.chars().collect();
    let mut seen: HashMap<&[char], (usize, usize)> = HashMap::new();
    if limit.length == 0 {
        return false;
    }
    for (place, run) in characters.windows(limit.length).enumerate() {
        let (count, free) = seen.entry(run).or_default();
        if place >= *free {
            *count += 1;
            *free = place + limit.length;
        }
        if *count >= limit.times {
            return true;
        }
    }
    false
}

/// The words that JSON Schema has for itself.
const KEYWORDS: [&str; 8] =
    ["type", "description", "required", "additionalProperties", "$schema", "items", "enum", "default"];

/// The parameters of the first tool in the order of its schema; none where it has none.
fn order(tools: &Value) -> Option<Vec<String>> {
    let parameters = tools.pointer("/0/function/parameters")?.as_object()?;
    let names: Vec<String> = match parameters.get("properties") {
        Some(properties) => properties.as_object()?.keys().cloned().collect(),
        None => parameters.keys().filter(|key| !KEYWORDS.contains(&key.as_str())).cloned().collect(),
    };
    (!names.is_empty()).then_some(names)
}

static THOUGHT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("(?s)<think>.*?</think>").ok());

/// Whether the names are first named in their order; none where fewer than two of them are named.
fn keeps_order(text: &str, expected: &[String]) -> Option<bool> {
    let visible = THOUGHT.as_ref().map_or_else(|| text.into(), |thought| thought.replace_all(text, ""));
    let mut named: Vec<(usize, &String)> =
        expected.iter().filter_map(|name| visible.find(name.as_str()).map(|place| (place, name))).collect();
    named.sort_by_key(|(place, _)| *place);
    (named.len() >= 2).then(|| named.iter().map(|(_, name)| *name).eq(expected.iter().take(named.len())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn tools() -> Value {
        let command = json!({"type": "array", "items": {"type": "string"}});
        json!([{"function": {"name": "run", "parameters": {"type": "object", "properties": {"command": command, "dir": {}}}}}])
    }

    fn run(command: &Value) -> bool {
        fits(&ToolCall { name: "run".to_owned(), arguments: json!({"command": command}) }, &tools())
    }

    #[test]
    fn commands_are_split_into_words() {
        assert!(
            run(&json!(["ls", "-la"])) && run(&json!(["bash", "-l", "-c", "ls -la /"])) && run(&json!(["echo", "a b"]))
        );
        assert!(
            !run(&json!(["ls -la /"])) && !run(&json!(["sudo", "git push"])) && !run(&json!([])) && !run(&json!("ls"))
        );
        assert!(!run(&json!(["python x.py"])) && !run(&json!(["bash", "ls -la"])));
    }

    #[test]
    fn runs_are_counted_without_overlap() {
        let limit = Repetition::default();
        assert!(repeats("abcabcabcabc", limit) && !repeats("abcabcabcab", limit));
        assert!(!repeats("aaaaaaaaa", limit) && repeats("aaaaaaaaaaaa", limit));
        assert!(!repeats("ab", limit) && !repeats("", Repetition { length: 0, times: 0 }));
    }

    #[test]
    fn order_is_that_of_the_schema() {
        let expected = ["a_x".to_owned(), "b_x".to_owned(), "c_x".to_owned()];
        assert_eq!(keeps_order("<think>b_x</think> a_x then b_x", &expected), Some(true));
        assert_eq!(keeps_order("b_x then a_x", &expected), Some(false));
        assert_eq!(keeps_order("a_x then c_x", &expected), Some(false));
        assert_eq!(keeps_order("a_x", &expected), None);
        assert_eq!(
            order(&json!([{"function": {"parameters": {"type": "object", "q": {}}}}])),
            Some(vec!["q".to_owned()])
        );
        assert_eq!(order(&json!([])), None);
    }

    #[test]
    fn each_record_has_its_checks() {
        let record = Record { must_call: Some(true), tools: tools(), ..Record::default() };
        let reply = Reply { reasoned: true, ..Reply::default() };
        let checks = check(&record, &reply, Repetition::default());
        assert_eq!((checks.only_reasoning, checks.matches, checks.fits), (Some(true), Some(false), None));
        let named = |name: &str| Record { checks: vec![name.to_owned()], ..record.clone() };
        let reply = Reply { content: "Привет".to_owned(), ..Reply::default() };
        let language = check(&named("contains_russian_characters_unicode"), &reply, Repetition::default());
        assert_eq!((language.language, language.called, language.only_reasoning), (Some(false), None, Some(false)));
        assert_eq!(check(&named("repeat_n_gram"), &reply, Repetition::default()).varied, Some(true));
        let called = Reply { stopped_to_call: true, ..Reply::default() };
        let checks = [checks, language, check(&record, &called, Repetition::default())];
        let rates = rates(&checks).map(|rate| (rate.rate, rate.num));
        assert_eq!(rates[..3], [(Some(0.5), 2), (Some(0.0), 1), (Some(1.0 / 3.0), 3)]);
        assert_eq!(rates[5], (None, 0));
    }

    proptest! {
        #[test]
        fn any_reply_ends(text in "\\PC*") {
            let checks = ["contains_russian_characters_unicode", "repeat_n_gram", "scenario_check", "tool_calls"];
            let record = Record { checks: checks.map(str::to_owned).to_vec(), must_call: None, tools: tools() };
            let calls = vec![ToolCall { name: "run".to_owned(), arguments: Value::from(text.clone()) }];
            let reply = Reply { content: text, calls, stopped_to_call: true, reasoned: false };
            prop_assert_eq!(check(&record, &reply, Repetition::default()).fits, Some(false));
        }
    }
}
