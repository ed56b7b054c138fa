//! Every dataset by the command of its card, and what makes each of them what it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use evalscope::tokenizer::Tokenizer;
use evalscope::workload::cards;
use serde_json::{Value, json};

use crate::support::{Reply, Server, command, each, everything, perf};

fn server() -> Server {
    Server::start(|_| Reply::of(&["a", "b"]))
}

#[test]
fn the_command_of_every_card_runs() {
    each(&cards().unwrap(), |card| {
        let server = everything();
        let call = command(&card.example, &server);
        // What the model inside would answer goes to the server too, so that it is seen.
        let elsewhere = card.example.contains("--url");
        let call = if elsewhere { call } else { call.arg("--url").arg(server.url()).args("--model test-model") };
        let run = call.run();
        let point = run.only_point();
        assert!(point.count("ok") > 0 && point.count("failed") == 0, "{}: {}", card.name, run.stderr);
        assert!(!server.seen().is_empty(), "{}", card.name);
    });
}

#[test]
fn datasets_are_listed_and_shown() {
    let list = perf().arg("datasets").run().stdout;
    for name in ["openqa", "mooncake", "random_vl", "share_gpt_zh_multi_turn"] {
        assert!(list.lines().any(|line| line.starts_with(&format!("{name} "))), "{name} is not in {list}");
    }
    perf().args("datasets workload_trace").prints("match_output_length: true asks").prints("example").run();
    let json: Value = serde_json::from_str(&perf().args("datasets mooncake --json").run().stdout).unwrap();
    assert_eq!(json[0]["name"], "mooncake");
    assert!(json[0]["options"]["block_size"].is_string());
    perf().args("datasets moncake").exit(2).says("did you mean mooncake").run();
}

#[test]
fn images_sent_have_the_asked_size() {
    let server = server();
    perf()
        .against(&server)
        .args("--dataset random_vl --image-width 37 --image-height 21 --image-num 2 --image-format RGBA --number 3")
        .args("--min-prompt-length 12 --max-prompt-length 12 --seed 5")
        .run();
    let tokenizer = Tokenizer::built_in().unwrap();
    for seen in server.asked() {
        let parts = seen.json()["messages"][0]["content"].as_array().unwrap().clone();
        assert_eq!(tokenizer.count(parts[0]["text"].as_str().unwrap()).unwrap(), 12);
        assert_eq!(parts.len(), 3);
        for part in &parts[1..] {
            let uri = part["image_url"]["url"].as_str().unwrap();
            let bytes = STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
            let reader = png::Decoder::new(bytes.as_slice()).read_info().unwrap();
            let info = reader.info();
            assert_eq!((info.width, info.height, info.color_type), (37, 21, png::ColorType::Rgba));
        }
    }
}

#[test]
fn a_trace_of_bodies_is_sent_as_it_was_recorded() {
    let server = server();
    let trace = concat!(
        r#"{"timestamp": 10.0, "body": {"model": "old", "messages": [{"role": "user", "content": "one"}]}, "completion_tokens": 5}"#,
        "\n",
        r#"{"timestamp": 10.2, "body": {"model": "other", "messages": [{"role": "user", "content": "two"}]}}"#,
        "\n",
    );
    let run = perf()
        .against(&server)
        .file("trace.jsonl", trace)
        .args("--dataset workload_trace --dataset-path trace.jsonl --open-loop --dataset-args")
        .arg(r#"{"speed": 2, "match_output_length": true, "model_mapping": {"old": "new"}}"#)
        .run();
    let bodies: Vec<Value> = server.asked().iter().map(|seen| seen.json()).collect();
    assert_eq!((&bodies[0]["model"], &bodies[1]["model"]), (&json!("new"), &json!("other")));
    assert_eq!((&bodies[0]["max_tokens"], &bodies[0]["ignore_eos"]), (&json!(5), &json!(true)));
    let point = run.point("rate_-1.0_number_2");
    let due: Vec<u64> = point.rows().iter().map(|row| row["intended_ns"].as_u64().unwrap()).collect();
    assert_eq!(due[1] - due[0], 100_000_000);
    assert!(run.notices().contains("2 requests over 0.1 s"), "{}", run.notices());
}

#[test]
fn options_are_checked_before_anything_is_sent() {
    let server = server();
    for (args, option, words) in [
        ("--dataset mooncake --dataset-path a", r#"{"sped": 2}"#, "unknown field sped"),
        ("--dataset random", r#"{"prompt_length": [9, 3]}"#, "the first must not exceed the second"),
        ("--dataset speed_benchmark", r#"{"x": 1}"#, "unknown field x, expected lengths"),
        ("--dataset openqa", "[1]", "--dataset-args: not a JSON object"),
        ("--prompt hi", r#"{"x": 1}"#, "--dataset-args"),
    ] {
        perf().checking(&server).args(args).arg("--dataset-args").arg(option).exit(2).says(words).run();
    }
    for (args, words) in [
        ("--dataset mooncake", "--dataset-path"),
        ("--dataset workload_trace --dataset-path a", "--open-loop"),
        ("--dataset random_multi_turn", "--max-turns"),
        ("--dataset openqa --multi-turn", "share_gpt_en_multi_turn"),
        ("--dataset random --prefix-count 3", "--prefix-length"),
        ("--dataset random_vl --image-format CMYK", "RGB, RGBA, L"),
        ("--dataset random_vl --image-width 0", "--image-width 0"),
        ("--dataset random_multi_turn --min-turns 4 --max-turns 2", "--min-turns 4"),
    ] {
        perf().checking(&server).args(args).exit(2).says(words).run();
    }
    assert!(server.seen().is_empty());
}

#[test]
fn deprecated_options_are_taken_and_told() {
    let run = perf()
        .against(&server())
        .args("--dataset random_multi_turn --multi-turn --max-turns 2 --number 2 --multi-turn-args")
        .arg(r#"{"first_turn_length": 9, "subsequent_turn_length": 4}"#)
        .run();
    assert!(run.notices().contains("--multi-turn-args is deprecated"), "{}", run.notices());
}

#[test]
fn busted_caches_see_no_prompt_begin_like_another() {
    let starts = |args: &str| -> std::collections::BTreeSet<String> {
        let server = server();
        perf().against(&server).args("--number 6 --seed 3").args(args).run();
        server.asked().iter().map(|seen| seen.prompt().chars().take(12).collect()).collect()
    };
    assert_eq!(starts("--prompt hello-everybody").len(), 1);
    assert_eq!(starts("--prompt hello-everybody --cache-bust").len(), 6);
    let lengths = "--dataset random --prefix-length 30 --min-prompt-length 5 --max-prompt-length 5";
    assert_eq!(starts(lengths).len(), 1);
    assert_eq!(starts(&format!("{lengths} --cache-bust")).len(), 6);
}

#[test]
fn points_that_follow_each_other_share_no_prompt() {
    let server = server();
    perf()
        .against(&server)
        .args("--dataset random --min-prompt-length 20 --max-prompt-length 20 --parallel 1,2 --number 10")
        .run();
    let prompts: std::collections::BTreeSet<String> = server.asked().iter().map(|seen| seen.prompt()).collect();
    assert_eq!(prompts.len(), 20);
}
