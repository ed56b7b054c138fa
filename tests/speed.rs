//! The speed benchmark: what is sent, and the table of speed and memory against the length of the prompt.

use serde_json::{Value, json};

use crate::support::{Perf, Reply, Run, Seen, Server, perf, report, same_keys};

/// Counts a token a character, and one for a reply of two pieces each.
fn completions(seen: &Seen) -> Reply {
    let body = seen.json();
    let text = |text: &str| json!({"choices": [{"index": 0, "text": text, "finish_reason": null}]});
    let prompt = body["prompt"].as_str().map_or(0, |prompt| prompt.chars().count());
    Reply::stream().event(&text("a")).event(&text("b")).usage(prompt as u64, 2).done()
}

/// A program of this name that is found before all others.
fn with_program(call: Perf, name: &str, text: &str) -> Perf {
    let folder = call.folder().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.display());
    call.env("PATH", &path)
}

fn rows(run: &Run) -> Vec<Value> {
    run.only_point().summary()["speed"]["rows"].as_array().unwrap().clone()
}

#[test]
fn qwens_prompts_go_to_completions_one_at_a_time() {
    let server = Server::start(completions);
    let call = perf().against(&server).args("--dataset speed_benchmark --log-every-n-query 1");
    // Nothing is on the path.
    let run = call.env("PATH", "/no/such/folder").prints("Speed benchmark").run();
    let asked = server.asked();
    assert_eq!(asked.len(), 8);
    let lengths: Vec<usize> =
        asked.iter().map(|seen| seen.json()["prompt"].as_str().unwrap().chars().count()).collect();
    assert_eq!(lengths, [1, 1, 6144, 6144, 14336, 14336, 30720, 30720]);
    for seen in &asked {
        let body = seen.json();
        assert_eq!((seen.path.as_str(), seen.in_flight), ("/v1/completions", 1));
        assert_eq!((&body["max_tokens"], &body["min_tokens"]), (&json!(2048), &json!(2048)));
    }
    let point = run.only_point();
    let file = point.json("speed_benchmark.json");
    assert_eq!(file.as_array().unwrap().len(), 4);
    for (row, tokens) in file.as_array().unwrap().iter().zip([1, 6144, 14336, 30720]) {
        same_keys(row, "Prompt Tokens, Speed(tokens/s), GPU Memory(GB)");
        assert_eq!((&row["Prompt Tokens"], &row["GPU Memory(GB)"]), (&json!(tokens), &json!(0.0)));
        assert!(row["Speed(tokens/s)"].as_f64().unwrap() > 0.0);
    }
    for row in rows(&run) {
        assert_eq!((&row["requests"], &row["memory_gib"]), (&json!(2), &Value::Null));
        assert!(row["ttft_ms"].as_f64().unwrap() > 0.0);
    }
    let speed = &point.summary()["speed"];
    assert_eq!(speed["memory_none"], "there is no nvidia-smi on the path");
    let html = std::fs::read_to_string(run.dir().join("perf_report.html")).unwrap();
    assert!(html.contains("Speed against the length of the prompt") && html.contains("there is no nvidia-smi"));
    report(&run).run();
    let again = run.only_point();
    assert_eq!((&again.summary()["speed"], again.json("speed_benchmark.json")), (speed, file));
}

#[test]
fn flags_win_over_qwens_settings() {
    let server = Server::start(completions);
    let plan = |args: &str| perf().against(&server).args("--dry-run --dataset").args(args).run().stdout;
    let long = plan("speed_benchmark_long");
    for line in ["number 4,", "min-tokens = 2048", "max-tokens = 2048", "/v1/completions\"", "parallel = [1]"] {
        assert!(long.contains(line), "{line}: {long}");
    }
    let own = plan("speed_benchmark --number 3 --max-tokens 5,9 --parallel 2");
    assert!(
        own.contains("number 3,") && own.contains("min-tokens = 5") && own.contains("max-tokens = [5, 9]"),
        "{own}"
    );
    assert!(plan("speed_benchmark --min-tokens 1 --max-tokens 7").contains("min-tokens = 1"));
    assert!(plan("speed_benchmark --apply-chat-template").contains("/v1/chat/completions\""));
    let other = plan("speed_benchmark --prompt hello");
    assert!(other.contains("/v1/chat/completions\"") && !other.contains("min-tokens"), "{other}");
}

#[test]
#[cfg(unix)]
fn gpus_of_this_machine_are_looked_at_while_requests_go_on() {
    let server = Server::start(completions);
    let call = perf().against(&server).args("--dataset speed_benchmark --max-tokens 2 --dataset-args");
    let call = call.arg(r#"{"lengths": [3, 5]}"#);
    let told = "[ -z \"$OPENAI_API_KEY\" ] || exit 9; echo '0, 1024'; echo '1, 512'; \
                [ \"$3\" = -lms ] || exit 0; while sleep 0.01; do echo '0, 2048'; echo '1, 512'; done";
    let run = with_program(call, "nvidia-smi", told).env("OPENAI_API_KEY", "sk-1").run();
    let speed = &run.only_point().summary()["speed"];
    assert_eq!(speed["memory_of"], "gpus", "{speed}");
    for row in rows(&run) {
        let memory = row["memory_gib"].as_f64().unwrap();
        assert!((1.5..=2.5).contains(&memory), "{row}");
    }
    let last = run.only_point().json("speed_benchmark.json")[1].clone();
    assert!(last["GPU Memory(GB)"].as_f64().unwrap() >= 1.5, "{last}");

    let call = perf().against(&server).args("--dataset speed_benchmark --max-tokens 2 --number 1");
    let run = with_program(call, "nvidia-smi", "echo 'no devices were found'; exit 6").run();
    let reason = run.only_point().summary()["speed"]["memory_none"].clone();
    assert_eq!(reason, "nvidia-smi told nothing: no devices were found");
}

#[test]
fn the_embedded_model_tells_its_memory() {
    let run = perf().args("--profile speed --max-tokens 8 --min-tokens 8").prints("Speed benchmark").run();
    let speed = &run.only_point().summary()["speed"];
    assert_eq!(speed["memory_of"], "embedded_model");
    let rows = rows(&run);
    assert_eq!(rows.len(), 4);
    assert!(rows.windows(2).all(|pair| pair[0]["prompt_tokens"].as_u64() < pair[1]["prompt_tokens"].as_u64()));
    let memory: Vec<f64> = rows.iter().map(|row| row["memory_gib"].as_f64().unwrap()).collect();
    assert!(memory[0] > 0.0 && memory.windows(2).all(|pair| pair[0] < pair[1]), "{memory:?}");
    let of_cache = (memory[3] - memory[0]) * (1u64 << 30) as f64;
    // Memory is taken in blocks of 16 positions; the last of the eight tokens is never fed.
    let blocks = |row: &Value| ((row["prompt_tokens"].as_f64().unwrap() + 7.0) / 16.0).ceil();
    // Two layers of keys and values, 32 numbers of four bytes a position.
    assert_eq!(of_cache, (blocks(&rows[3]) - blocks(&rows[0])) * 16.0 * 2.0 * 2.0 * 32.0 * 4.0);
    let gpu = &run.only_point().json("speed_benchmark.json")[3]["GPU Memory(GB)"];
    assert_eq!(gpu, 0.0, "main memory is no memory of a GPU");
}

#[test]
fn what_the_server_does_not_count_is_said() {
    let server = Server::start(|_| {
        let text = |text: &str| json!({"choices": [{"index": 0, "text": text, "finish_reason": null}]});
        Reply::stream().event(&text("hello")).event(&text(" you")).done()
    });
    let call = || {
        perf()
            .against(&server)
            .args("--dataset speed_benchmark --max-tokens 2 --dataset-args")
            .arg(r#"{"lengths": [3]}"#)
    };
    let run = call().prints("2 requests are in no row").run();
    assert_eq!((rows(&run).len(), &run.only_point().summary()["speed"]["uncounted"]), (0, &json!(2)));
    let tokenizer = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/tokenizer/tokenizer.json");
    let run = call().args("--tokenizer-path").arg(tokenizer).prints("Tokens of 2 requests were counted").run();
    let row = &rows(&run)[0];
    assert!(row["prompt_tokens"].as_u64().unwrap() > 0 && row["requests"] == 2, "{row}");
}
