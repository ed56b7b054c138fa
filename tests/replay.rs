//! A saved workload is sent again byte for byte, and random prompts of another tool are those of that tool.

use ring::digest::{Context, SHA256};
use serde_json::Value;

use crate::support::{Perf, Point, Reply, Run, Seen, Server, perf};

fn server() -> Server {
    Server::start(|_| Reply::of(&["a"]))
}

fn bodies(server: &Server) -> Vec<Vec<u8>> {
    server.asked().into_iter().map(|seen| seen.body).collect()
}

fn sha(point: &Point) -> String {
    point.summary()["workload_sha256"].as_str().unwrap().to_owned()
}

/// When requests were due, in ns after the first of them.
fn dues(point: &Point) -> Vec<u64> {
    let due: Vec<u64> = point.rows().iter().map(|row| row["intended_ns"].as_u64().unwrap()).collect();
    due.iter().map(|at| at - due[0]).collect()
}

fn saved(run: &Run, name: &str) -> String {
    std::fs::read_to_string(run.home().join(name)).unwrap()
}

/// The lines of a saved workload between its head and its end, and the digest of its end.
fn lines(saved: &str) -> (Vec<Value>, String) {
    let mut lines: Vec<Value> = saved.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    let end = lines.pop().unwrap();
    assert_eq!(end["requests"], lines.len());
    (lines, end["sha256"].as_str().unwrap().to_owned())
}

/// A digest by its definition, from what came to the server.
fn digest(seen: &[Seen], due: impl Fn(usize) -> u64) -> String {
    let mut context = Context::new(&SHA256);
    for (index, seen) in seen.iter().enumerate() {
        context.update(&due(index).to_le_bytes());
        context.update(&(seen.body.len() as u64).to_le_bytes());
        context.update(&seen.body);
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn again(server: &Server, file: &str) -> Perf {
    perf().against(server).file("again.jsonl", file).args("--workload again.jsonl")
}

#[test]
fn an_open_loop_is_sent_again_at_the_same_instants() {
    let (first, second) = (server(), server());
    let run = perf()
        .against(&first)
        .args("--open-loop --rate 300 --number 20 --warmup-num 3 --seed 3 --max-tokens 3 9")
        .args("--save-workload saved.jsonl")
        .run();
    let file = saved(&run, "saved.jsonl");
    let repeated = again(&second, &file).run();
    let (one, two) = (run.only_point(), repeated.only_point());
    assert_eq!(bodies(&first), bodies(&second));
    assert_eq!(bodies(&first).len(), 23);
    assert_eq!(dues(&one), dues(&two));
    assert_eq!((one.count("warmup"), two.count("warmup"), two.count("ok")), (3, 3, 20));
    let (rows, stated) = lines(&file);
    let due: Vec<u64> = rows.iter().map(|row| row["due_ns"].as_u64().unwrap()).collect();
    assert_eq!(dues(&two), due.iter().map(|at| at - due[0]).collect::<Vec<_>>());
    assert_eq!((sha(&one), sha(&two)), (stated.clone(), stated.clone()));
    assert_eq!(digest(&second.asked(), |index| due[index]), stated);
    assert_eq!(two.path.file_name(), one.path.file_name(), "the same load point");
}

#[test]
fn a_closed_loop_has_no_instants_and_repeats_serve_it_again() {
    let (first, second) = (server(), server());
    let run = perf().against(&first).args("--parallel 3 --number 7 --seed 1 --save-workload saved.jsonl").run();
    let file = saved(&run, "saved.jsonl");
    let repeated = again(&second, &file).args("--repeat 2 --parallel 9 --number 5").run();
    assert!(repeated.notices().contains("passed over: --number, --parallel"), "{}", repeated.notices());
    let (one, two) = (repeated.point("parallel_3_number_7"), repeated.point("parallel_3_number_7_run_2"));
    assert_eq!((sha(&one), sha(&two)), (sha(&run.only_point()), sha(&run.only_point())));
    assert_eq!(sha(&one), digest(&first.asked(), |_| u64::MAX));
    let mut twice = [bodies(&first), bodies(&first)].concat();
    let mut sent = bodies(&second);
    twice.sort();
    sent.sort();
    assert_eq!(sent, twice);
}

#[test]
fn a_sweep_saves_a_file_for_each_point() {
    let first = server();
    let run = perf().against(&first).args("--parallel 1,2 --number 3,4 --save-workload kept/w.jsonl").exit(4).run();
    assert!(first.seen().is_empty() && run.left_nothing(), "a folder that is not there is refused at once");
    let run = perf().against(&first).args("--parallel 1,2 --number 3,4 --save-workload w.jsonl").run();
    assert!(!run.home().join("w.jsonl").exists());
    for (folder, number) in [("parallel_1_number_3", 3), ("parallel_2_number_4", 4)] {
        let (rows, stated) = lines(&saved(&run, &format!("w_{folder}.jsonl")));
        assert_eq!((rows.len(), stated), (number, sha(&run.point(folder))));
        let second = server();
        let repeated = again(&second, &saved(&run, &format!("w_{folder}.jsonl"))).run();
        assert_eq!(sha(&repeated.point(folder)), sha(&run.point(folder)));
    }
}

#[test]
fn a_damaged_file_is_refused_before_anything_is_sent() {
    let first = server();
    let run = perf().against(&first).args("--number 4 --save-workload w.jsonl").run();
    let file = saved(&run, "w.jsonl");
    let end = file.lines().last().unwrap().to_owned();
    let cut = file.replace(&format!("{end}\n"), "");
    let cases = [
        (file.replacen("Why is the sky blue?", "Why is the sky grey?", 1), "line 6: the requests are not those"),
        (file.replacen("\"max_tokens\":2048", "\"max_tokens\":2049", 1), "line 6: the requests are not those"),
        (cut.clone(), "line 6: the file was cut short"),
        (cut.lines().take(3).map(|line| format!("{line}\n")).chain([end]).collect(), "line 4: the file was cut short"),
        (format!("{file}{{}}\n"), "line 7: comes after the end"),
        (file.replacen("\"number\":4", "\"number\":5", 1), "line 1: 5 requests, the file has 4"),
        (file.replacen("\"format_version\":1", "\"format_version\":9", 1), "line 1: format version 9"),
        ("one\ntwo\n".to_owned(), "line 1: not the head of a saved workload"),
    ];
    for (damaged, words) in cases {
        assert_ne!(damaged, file, "{words}");
        for dry in ["", "--dry-run"] {
            let second = server();
            let refused = again(&second, &damaged).args(dry).exit(4).says("--workload again.jsonl").says(words).run();
            assert!(second.seen().is_empty() && refused.left_nothing(), "{words}");
        }
    }
}

#[test]
fn nothing_is_written_over_and_what_is_not_complete_is_said_to_be() {
    let first = server();
    let taken = perf().against(&first).file("w.jsonl", "mine").args("--number 2 --save-workload w.jsonl");
    let run = taken.exit(4).says("--save-workload w.jsonl: is there already").run();
    assert!(first.seen().is_empty() && run.left_nothing());
    assert_eq!(saved(&run, "w.jsonl"), "mine");
    let slow = Server::start(|_| Reply::of(&["a"]).pause(std::time::Duration::from_millis(20)));
    let run = perf().against(&slow).args("--number 100000 --duration 0.2 --save-workload w.jsonl").run();
    assert_eq!(run.only_point().summary()["workload_sha256"], Value::Null);
    assert!(run.notices().contains("w.jsonl is not complete"), "{}", run.notices());
    again(&slow, &saved(&run, "w.jsonl")).exit(4).says("cut short").run();
}

/// The flags that stand for a case of the golden prompts.
fn flags_of(case: &Value) -> String {
    let (tool, seed, count) = (case["tool"].as_str().unwrap(), &case["seed"], &case["count"]);
    let around = match tool {
        "evalscope" => format!(
            "--min-prompt-length {} --max-prompt-length {} --max-tokens {} {} --dataset-offset {}",
            case["lengths"][0], case["lengths"][1], case["max_tokens"][0], case["max_tokens"][1], case["offset"]
        ),
        _ => format!(
            "--random-input-len {} --random-output-len {} --random-range-ratio {}",
            case["input_len"], case["output_len"], case["ratio"]
        ),
    };
    let prefix = case["prefix_len"].as_u64().unwrap_or(0);
    format!(
        "--dataset random --compat {tool} --workload-seed {seed} --number {count} --prefix-length {prefix} {around}"
    )
}

#[test]
fn prompts_of_other_tools_reach_the_wire_as_they_draw_them() {
    let mut cases = 0;
    for line in include_str!("golden/compat_random.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let expected: Vec<(String, u64, u64)> = serde_json::from_value(case["prompts"].clone()).unwrap();
        let digests = ["--workers 1", "--workers 2 --parallel 3"].map(|workers| {
            let server = server();
            let run = perf()
                .arg("--url")
                .arg(server.url().replace("/chat/completions", "/completions"))
                .args("--model test-model --no-test-connection --no-server-metrics")
                .args(&flags_of(&case))
                .args(workers)
                .run();
            let sent: Vec<(String, u64)> = server
                .asked()
                .iter()
                .map(|seen| {
                    let body = seen.json();
                    (body["prompt"].as_str().unwrap().to_owned(), body["max_tokens"].as_u64().unwrap())
                })
                .collect();
            let wanted: Vec<_> = expected.iter().map(|(text, _, most)| (text.clone(), *most)).collect();
            assert_eq!(sent, wanted, "{} {}", case["tool"], case["seed"]);
            sha(&run.only_point())
        });
        assert_eq!(digests[0], digests[1], "workers make no difference");
        cases += 1;
    }
    assert_eq!(cases, 14);
}
