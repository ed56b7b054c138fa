//! Two runs side by side: what changed is said, what did not is not, and gates decide the exit.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Perf, Reply, Run, Server, alone, perf};

const POINT: &str = "parallel_4_number_120";
/// What is put on top of every first token, far above what a busy machine adds by itself.
const LATER_NS: u64 = 2_000_000_000;

/// A run of 120 streams.
fn measured() -> Run {
    let server = Server::start(|_| {
        let step = Duration::from_millis(2);
        let usage = json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}});
        Reply::stream().role().pause(step).text("a").pause(step).text("b").text("c").finish().event(&usage).done()
    });
    perf().against(&server).args("--number 120 --parallel 4 --workload-seed 7").run()
}

/// The same run in another folder, with its rows and its plan changed.
fn copied(run: &Run, name: &str, row: impl Fn(&mut Value), plan: impl Fn(String) -> String) -> PathBuf {
    let copy = run.home().join(name);
    std::fs::create_dir_all(copy.join(POINT)).unwrap();
    let read = |name: &str| std::fs::read_to_string(run.dir().join(name)).unwrap();
    std::fs::write(copy.join("plan.toml"), plan(read("plan.toml"))).unwrap();
    std::fs::write(copy.join("summary.json"), read("summary.json")).unwrap();
    std::fs::write(copy.join(POINT).join("summary.json"), read(&format!("{POINT}/summary.json"))).unwrap();
    let rows = read(&format!("{POINT}/requests.jsonl"));
    let (head, rows) = rows.split_once('\n').unwrap();
    let mut text = format!("{head}\n");
    for line in rows.lines() {
        let mut value = serde_json::from_str(line).unwrap();
        row(&mut value);
        text.push_str(&format!("{value}\n"));
    }
    std::fs::write(copy.join(POINT).join("requests.jsonl"), text).unwrap();
    copy
}

fn slower(row: &mut Value) {
    for stamp in ["first_event_ns", "first_token_ns", "first_text_ns", "last_token_ns", "last_event_ns", "end_ns"] {
        row[stamp] = json!(row[stamp].as_u64().unwrap() + LATER_NS);
    }
}

fn compare(run: &Run, a: &Path, b: &Path) -> Perf {
    perf().inside(run).arg("compare").arg(a).arg(b)
}

#[test]
fn a_run_is_not_told_apart_from_itself() {
    let run = measured();
    let again = copied(&run, "again", |_| {}, |plan| plan);
    let shown = compare(&run, &run.dir(), &again).args("--fail-if tok/s-1%").run();
    assert!(shown.stdout.contains("workload equal") && shown.stdout.contains("at 4 in flight"), "{}", shown.stdout);
    assert_eq!(shown.stdout.matches("not told apart").count(), 11, "{}", shown.stdout);
    assert!(!shown.stdout.contains("differs:"), "{}", shown.stdout);
}

#[test]
fn a_slower_run_is_worse_and_fails_its_gate() {
    let _alone = alone();
    let run = measured();
    let slow = copied(&run, "slow", slower, |plan| plan.replace("workload-seed = 7", "workload-seed = 8"));
    // Another seed sends other prompts, and its digest is another.
    let summary = slow.join("summary.json");
    let mut other: Value = serde_json::from_str(&std::fs::read_to_string(&summary).unwrap()).unwrap();
    assert_eq!(other["points"][0]["workload_sha256"].as_str().map(str::len), Some(64));
    other["points"][0]["workload_sha256"] = "0".repeat(64).into();
    std::fs::write(&summary, other.to_string()).unwrap();
    let call = || compare(&run, &run.dir(), &slow);
    let text = call().arg("--fail-if").arg("p50 ttft +50%").exit(1).prints("gate \"p50 ttft +50%\" failed").run();
    assert!(text.stdout.contains("! workload differs"), "{}", text.stdout);
    assert!(text.stdout.contains("--workload-seed 7 -> 8"), "{}", text.stdout);
    // The other way round it is better, and the gate is passed.
    compare(&run, &slow, &run.dir()).arg("--fail-if").arg("mean ttft +10ms").prints("passed").run();

    let json = call().args("--json").run();
    let found: Value = serde_json::from_str(&json.stdout).unwrap();
    let point = &found["points"][0];
    assert_eq!(
        (&found["same_workload"], &point["level"], &point["a"]["requests"]),
        (&json!(false), &json!(4.0), &json!(120))
    );
    let change = |figure: &str| {
        point["changes"].as_array().unwrap().iter().find(|change| change["figure"] == figure).unwrap().clone()
    };
    let ttft = change("mean ttft");
    assert_eq!(ttft["told"], "worse");
    assert!((ttft["difference"].as_f64().unwrap() - 2000.0).abs() < 1e-6, "{ttft}");
    assert_eq!(change("p50 e2e")["told"], "worse");
    // All tokens of a reply came later by the same time, so what lies between them did not change.
    assert_eq!((&change("p50 tpot")["told"], &change("p50 tpot")["percent"]), (&json!("not_apart"), &json!(0.0)));
    // 120 requests tell no p99.
    assert_eq!((&change("p99 ttft")["percent_ci"], &change("p99 ttft")["told"]), (&Value::Null, &json!("not_apart")));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let run = measured();
    let here = run.dir();
    compare(&run, &here, run.home()).exit(4).says("no run folder").says("plan.toml").run();
    compare(&run, &here, &here).args("--fail-if p99").exit(2).says("no + or -").run();
    compare(&run, &here, &here).arg("--fail-if").arg("p99 tttf +5%").exit(2).says("known metrics: ttft").run();
    let empty = run.home().join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    std::fs::copy(here.join("plan.toml"), empty.join("plan.toml")).unwrap();
    compare(&run, &here, &empty).exit(2).says("share no load point").run();
}
