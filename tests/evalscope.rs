//! Every flag, API and dataset of EvalScope by the command of its row in `profiles/evalscope.md`.

use std::collections::BTreeSet;

use evalscope::plan::dataset::Set;
use serde_json::Value;

use crate::support::{Run, command, each, everything, perf, words};

const PAGE: &str = include_str!("../profiles/evalscope.md");

/// The one flag that is refused.
const REFUSED: &str = "--scenario";

/// Flags that leave no trace in the arguments of a run under their own name.
const ELSEWHERE: [(&str, &str); 3] =
    [("--no-apply-chat-template", "apply_chat_template"), ("--no-stream", "stream"), ("--n-choices", "n_choices")];

/// A row: what it is of, what is said of it, and its command.
struct Line {
    name: &'static str,
    said: &'static str,
    command: &'static str,
}

/// The rows of a section.
fn rows(section: &str) -> Vec<Line> {
    let text = PAGE.split("\n## ").find_map(|part| part.strip_prefix(section)).unwrap();
    let cells = text.lines().filter(|line| line.starts_with("| `"));
    cells
        .map(|line| {
            let name = line.split('`').nth(1).unwrap();
            let command = line.rsplit('`').nth(1).unwrap();
            let said = line.split(" | ").nth(1).unwrap_or_default();
            Line { name, said, command }
        })
        // The heads of the tables have no command.
        .filter(|line: &Line| line.command.starts_with("evalscope perf "))
        .collect()
}

/// The arguments of a load point of the run.
fn arguments(run: &Run) -> Value {
    let file = run.files().into_iter().find(|path| path.ends_with("benchmark_args.json")).unwrap();
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// The values that a command gives a flag.
fn given(command: &str, flag: &str) -> Vec<String> {
    let words = words(command);
    let from = words.iter().position(|word| word == flag).unwrap_or_else(|| panic!("{flag} is not in {command}"));
    // A negative number is a value, all else with a dash is the next flag.
    words[from + 1..].iter().take_while(|word| !word.starts_with("--")).cloned().collect()
}

/// Whether an argument has a value of a command line.
fn says(found: &Value, given: &[String]) -> bool {
    let same = |value: &Value, text: &str| {
        // JSON as a value of a flag may be kept as it was written.
        let read = serde_json::from_str::<Value>(text).unwrap_or_default();
        value == text || *value == read || value.as_f64().is_some_and(|number| Some(number) == read.as_f64())
    };
    match (found, given) {
        (Value::Bool(set), []) => *set,
        (Value::Array(values), [_, _, ..]) => values.iter().zip(given).all(|(value, text)| same(value, text)),
        (Value::Array(values), [text]) => values.iter().any(|value| same(value, text)) || same(found, text),
        // Of a list of load points the argument has one.
        (value, texts) => texts.iter().any(|text| same(value, text)),
    }
}

/// Runs the command of a row.
fn run(line: &Line) -> Run {
    let server = everything();
    let mut call = command(line.command, &server);
    if line.name == "local_vllm" {
        call = call.file("vllm", "#!/bin/sh\ntrap 'exit 0' TERM\nwhile :; do sleep 0.05; done\n");
        let folder = call.folder().to_owned();
        #[cfg(unix)]
        std::fs::set_permissions(folder.join("vllm"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        call = call.env("PATH", &format!("{}:/usr/bin:/bin", folder.display()));
        call = call.arg("--port").arg(server.port().to_string());
    }
    if line.command.contains("--url") {
        call = call.args("--sleep-interval 0");
    }
    call.exit(if line.name == REFUSED { 2 } else { 0 }).run()
}

#[test]
fn every_flag_runs_and_has_its_effect() {
    each(&rows("Flags"), |line| {
        let run = run(line);
        if line.name == REFUSED {
            return;
        }
        let given = given(line.command, line.name);
        if line.said.contains("no effect") {
            assert!(run.stderr.contains(line.name), "{}: nothing is said of it: {}", line.name, run.stderr);
            return;
        }
        let own = line.name.trim_start_matches("--").replace('-', "_");
        let key = ELSEWHERE.iter().find(|(flag, _)| *flag == line.name).map_or(own.as_str(), |(_, key)| key);
        let arguments = arguments(&run);
        let found = arguments.get(key).unwrap_or_else(|| panic!("no argument {key}"));
        let as_asked = match line.name {
            "--no-apply-chat-template" | "--no-stream" => *found == false,
            "--api-key" => found == "**********",
            "--headers" => found["x-team"] == "perf" && found["x-run"] == "7",
            "--url" => found.as_str().is_some_and(|url| url.ends_with("/v1/chat/completions")),
            "--outputs-dir" => found.as_str().is_some_and(|path| path.contains(&given[0])),
            "--dataset-path" | "--tokenizer-path" => found.as_str().is_some_and(|path| path.ends_with(&given[0])),
            "--multi-turn-args" => run.notices().contains("--multi-turn-args is deprecated"),
            _ => says(found, &given),
        };
        assert!(as_asked, "{}: {found} after {}", line.name, line.command);
    });
}

/// Runs every row of a section, each of which is an argument of the run by its own name, without a failed request.
fn all_run(section: &str, argument: &str) {
    each(&rows(section), |line| {
        let run = run(line);
        assert_eq!(arguments(&run)[argument], line.name);
        assert_eq!(run.only_point().count("failed"), 0, "{}", run.stderr);
    });
}

#[test]
fn every_api_runs() {
    all_run("APIs", "api");
}

#[test]
fn every_dataset_runs() {
    all_run("Datasets", "dataset");
}

#[test]
fn the_page_has_every_flag_api_and_dataset_of_evalscope() {
    let flags: BTreeSet<String> =
        rows("Flags").iter().map(|line| line.name.trim_start_matches("--").replace('-', "_")).collect();
    let run = perf().args("--number 1 --max-tokens 1").run();
    let arguments = arguments(&run);
    let help = perf().arg("--help").run().stdout;
    for argument in arguments.as_object().unwrap().keys() {
        // The folder and the model's name are no flags; what --help does not know is not taken yet.
        let taken = help.contains(&format!("--{} ", argument.replace('_', "-")));
        assert!(flags.contains(argument) || !taken || argument == "model_id", "{argument} has no row");
    }
    let names: BTreeSet<&str> = rows("Datasets").iter().map(|line| line.name).collect();
    for name in ["embed", "open_decisions", "speed_benchmark_long", "mmmu_multi_image", "workload_trace"] {
        assert!(names.contains(name), "{name}");
    }
    assert!(names.iter().all(|name| Set::named(name).is_ok()));
    assert_eq!((flags.len(), rows("APIs").len(), names.len()), (82, 14, 30));
}
