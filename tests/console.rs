//! stdout is data, stderr is talk.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Reply, Server, perf, report};

fn server() -> Server {
    Server::start(|_| Reply::of(&["a", "b"]))
}

#[test]
fn json_is_one_object_and_nothing_else() {
    let server = server();
    let run = perf().against(&server).args("--number 4 --parallel 1,2 --json").run();
    let shown: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(run.stdout.trim_end().lines().count(), 1);
    assert_eq!(shown, run.summary(), "what is shown is what is saved");
    assert_eq!(shown["points"].as_array().unwrap().len(), 2);
    assert_eq!(shown["format_version"], 1);
    let again = report(&run).args("--json").run();
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(again["points"], shown["points"]);
}

#[test]
fn nothing_but_text_goes_into_a_pipe() {
    let server = server();
    for args in ["", "--json"] {
        let run = perf().against(&server).args("--number 30 --parallel 2").args(args).run();
        for stream in [&run.stdout, &run.stderr] {
            assert!(!stream.contains('\u{1b}') && !stream.contains('\r'), "{stream:?}");
        }
        assert!(!run.stderr.contains("req/s"), "no progress where nobody watches: {}", run.stderr);
    }
}

#[test]
fn a_failure_in_json_mode_leaves_stdout_empty() {
    let server = Server::start(|_| Reply::error(500, "boom"));
    let run = perf().checking(&server).args("--number 4 --json").exit(3).says("boom").run();
    assert_eq!(run.stdout, "");
}

#[test]
fn a_dry_run_prints_a_plan_that_resolves_to_itself_and_sends_nothing() {
    let server = server();
    let run = perf()
        .checking(&server)
        .args("--dry-run --parallel 1,4 --number 9 --max-tokens 3 7 --headers X-A=1 --stop END --top-p 0.5")
        .args("--extra-args {\"a\":[1,null]}")
        .env("OPENAI_API_KEY", "sk-dry")
        .hides("sk-dry")
        .run();
    assert!(server.seen().is_empty() && run.left_nothing());
    let plan: toml::Table = toml::from_str(&run.stdout).unwrap();
    assert_eq!(plan["parallel"].as_array().unwrap().len(), 2);
    let again = perf().file("plan.toml", &run.stdout).args("--dry-run --profile plan.toml").run();
    assert_eq!(again.stdout, run.stdout);
}

/// Flags in a help text or keys in a profile, by the mark that stands before them.
fn names<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = String> + 'a {
    text.split(mark)
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-' || c.is_ascii_digit()).collect())
}

/// Every key of the default profile, commented out or not.
fn keys() -> BTreeSet<String> {
    let named = |line: &str| -> Option<String> {
        let line = line.trim_start_matches("# ").trim_start_matches('[');
        let (key, _) = line.split_once(" =").or_else(|| line.split_once(']'))?;
        (!key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '-')).then(|| key.to_owned())
    };
    evalscope::plan::DEFAULTS.lines().filter_map(named).collect()
}

#[test]
fn help_and_the_default_profile_name_the_same_settings() {
    let help = perf().args("--help").run().stdout;
    let listed = help.lines().filter(|line| line.trim_start().starts_with('-'));
    let flags: BTreeSet<String> =
        listed.filter_map(|line| names(line.trim_start(), "--").next()).filter(|name| !name.is_empty()).collect();
    let not_keys = [
        "profile",
        "dry-run",
        "json",
        "api-key",
        "help",
        "version",
        "no-stream",
        "no-apply-chat-template",
        "no-self-check",
        "no-server-metrics",
    ];
    let settings: BTreeSet<String> = flags.iter().filter(|name| !not_keys.contains(&name.as_str())).cloned().collect();
    assert_eq!(settings, keys());
    for name in not_keys {
        assert!(flags.contains(name), "--{name} is not in the help");
    }
    assert!(help.contains("130 interrupted"), "the help lists the exit numbers");
}

#[test]
fn the_default_profile_says_the_defaults() {
    let default = perf().args("--dry-run --seed 3").run().stdout;
    assert_eq!(perf().args("--dry-run --seed 3 --profile default").run().stdout, default);
    // A setting that is commented out is one all the same: each line without its mark is still a valid profile.
    for line in evalscope::plan::DEFAULTS.lines().filter(|line| line.starts_with("# ") && line.contains(" = ")) {
        let profile = format!("{}\n", line.trim_start_matches("# "));
        evalscope::plan::layer(Some(("line", &profile)), toml::Table::new())
            .unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[test]
fn version_and_help_are_no_errors() {
    perf().args("--version").prints(env!("CARGO_PKG_VERSION")).run();
    let run = perf().args("--help").run();
    assert_eq!(run.stderr, "");
    perf().args("report --help").prints("plan.toml").run();
}

#[test]
fn flags_of_evalscope_without_a_meaning_here_are_taken_and_noticed() {
    let server = server();
    let run = perf()
        .against(&server)
        .args("--number 1 --db-commit-interval 10 --queue-size-multiplier 5 --in-flight-task-multiplier 2")
        .says("--db-commit-interval")
        .run();
    assert!(run.notices().contains("--queue-size-multiplier"), "{}", run.notices());
}

#[test]
fn the_log_tells_the_course_of_the_run() {
    let server = server();
    let run = perf().against(&server).args("--number 20 --log-every-n-query 10").run();
    let log = std::fs::read_to_string(run.dir().join("benchmark.log")).unwrap();
    assert!(log.contains("- evalscope - ") && log.contains("INFO") && !log.contains('\u{1b}'), "{log}");
    assert!(log.contains("\"done\":10") && log.contains("\"done\":20"), "{log}");
}
