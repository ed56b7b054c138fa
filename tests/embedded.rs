//! With no address a model inside the program answers.

use std::io::{Read, Write};
use std::net::TcpStream;

use evalscope::local;
use evalscope::plan::EmbeddedSpec;
use serde_json::{Value, json};

use crate::support::{Run, perf, same_keys};

const SUMMARY: &str = "Test Duration (s), Concurrency, Request Rate (req/s), Total Requests, Success Requests, \
    Failed Requests, Stream Requests, Non-Stream Requests, Req Throughput (req/s), Avg Latency (s), Avg Input Tokens, \
    Output Throughput (tok/s), Total Throughput (tok/s), Avg TTFT (ms), Avg TPOT (ms), Avg ITL (ms), \
    Avg Output Tokens, Input Throughput (tok/s), [KV Cache Hit Rate (%)], [Decoded Tokens per Iteration], \
    [Spec. Accept Rate]";
const PERCENTILE: &str = "Percentiles, Latency (s), TTFT (ms), ITL (ms), TPOT (ms), Input tokens, Output tokens, \
    Output (tok/s), Total (tok/s), Decode (tok/s)";
const ARGS: &str = "model, model_id, attn_implementation, api, tokenizer_path, port, url, headers, connect_timeout, \
    read_timeout, total_timeout, api_key, no_test_connection, scenario, number, parallel, rate, warmup_num, \
    enable_pd_metrics, open_loop, sleep_interval, duration, sla_auto_tune, sla_variable, sla_params, sla_num_runs, \
    sla_upper_bound, sla_lower_bound, sla_fixed_parallel, sla_number_multiplier, db_commit_interval, \
    queue_size_multiplier, in_flight_task_multiplier, num_workers, log_every_n_query, debug, \
    enable_progress_tracker, visualizer, wandb_api_key, swanlab_api_key, swanlab_host, name, alias, outputs_dir, \
    no_timestamp, max_prompt_length, min_prompt_length, prefix_length, prefix_count, prompt, query_template, \
    apply_chat_template, image_width, image_height, image_format, image_num, image_patch_size, dataset, \
    dataset_path, data_source, dataset_offset, dataset_args, frequency_penalty, repetition_penalty, logprobs, \
    max_tokens, min_tokens, n_choices, seed, stop, stop_token_ids, stream, temperature, top_p, top_k, extra_args, \
    tokenize_prompt, multi_turn, min_turns, max_turns, multi_turn_args";

#[test]
fn a_sweep_leaves_every_file_in_place() {
    let run =
        perf().args("--parallel 1,2 --number 6 --max-tokens 8 --no-timestamp").prints("inside this program").run();
    let dir = run.dir();
    assert_eq!(dir, run.home().join("outputs/random_tiny"));
    for file in ["plan.toml", "summary.json", "benchmark.log"] {
        assert!(dir.join(file).is_file(), "{file}");
    }
    for (folder, parallel) in [("parallel_1_number_6", 1), ("parallel_2_number_6", 2)] {
        let point = run.point(folder);
        for file in [
            "summary.json",
            "benchmark_args.json",
            "benchmark_summary.json",
            "benchmark_percentile.json",
            "requests.parquet",
            "requests.jsonl",
        ] {
            assert!(point.path.join(file).is_file(), "{folder}/{file}");
        }
        let summary = point.json("benchmark_summary.json");
        same_keys(&summary, SUMMARY);
        assert_eq!(summary["Concurrency"], parallel);
        assert_eq!(summary["Total Requests"], 6);
        assert_eq!(summary["Success Requests"], 6);
        let percentiles = point.json("benchmark_percentile.json");
        let names: Vec<&str> =
            percentiles.as_array().unwrap().iter().map(|row| row["Percentiles"].as_str().unwrap()).collect();
        assert_eq!(names, ["min", "1%", "5%", "10%", "25%", "50%", "75%", "90%", "95%", "99%", "max"]);
        percentiles.as_array().unwrap().iter().for_each(|row| same_keys(row, PERCENTILE));
        let args = point.json("benchmark_args.json");
        same_keys(&args, ARGS);
        assert_eq!((&args["parallel"], &args["number"], &args["rate"]), (&json!(parallel), &json!(6), &json!(-1.0)));
        assert_eq!(args["max_tokens"], 8);
        assert_eq!(point.parquet().height(), 6);
        assert_eq!(point.summary()["status"], "complete");
    }
    let leftovers: Vec<_> =
        run.files().into_iter().filter(|path| path.extension().is_some_and(|e| e == "part")).collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
    assert_eq!(run.summary()["setting"]["embedded"], true, "a demonstration says that it is one");
}

#[test]
fn lists_are_taken_with_commas_and_with_spaces() {
    let plan = |line: &str| perf().args("--dry-run --seed 1").args(line).run().stdout;
    assert_eq!(plan("--parallel 1 2 --number 6 7"), plan("--parallel 1,2 --number 6,7"));
    assert!(plan("--parallel 1 2").contains("parallel = [1, 2]"));
}

fn completions(run: &Run) -> Vec<Value> {
    run.only_point().rows().iter().map(|row| row["completion_tokens"].clone()).collect()
}

#[test]
fn a_saved_plan_runs_again_with_the_same_work() {
    let first = perf().args("--parallel 2 --number 6 --max-tokens 2,16 --temperature 0.9 --seed 11").run();
    let plan = first.dir().join("plan.toml");
    let second = perf().arg("--profile").arg(&plan).run();
    assert_eq!(
        std::fs::read_to_string(&plan).unwrap(),
        std::fs::read_to_string(second.dir().join("plan.toml")).unwrap()
    );
    assert_eq!(completions(&first), completions(&second));
    let prompts =
        |run: &Run| -> Vec<Value> { run.only_point().rows().iter().map(|row| row["prompt_tokens"].clone()).collect() };
    assert_eq!(prompts(&first), prompts(&second));
}

#[test]
fn a_run_without_a_seed_keeps_the_one_it_drew() {
    let first = perf().args("--number 4 --max-tokens 1,64 --dataset random").run();
    let second = perf().arg("--profile").arg(first.dir().join("plan.toml")).run();
    assert_eq!(completions(&first), completions(&second));
}

/// Posts a body and gives what came back, head included.
fn post(server: &local::Server, body: &Value) -> String {
    let body = body.to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        server.addr(),
        body.len(),
    );
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn one_seed_means_the_same_words_at_any_temperature() {
    let spec = |seed| EmbeddedSpec { model: "random:tiny".to_owned(), seed, ..EmbeddedSpec::default() };
    let words = |weights: u64, seed: u64| {
        let server = local::start(&spec(weights)).unwrap();
        let body = json!({"model": "random:tiny", "messages": [{"role": "user", "content": "tell me"}],
            "max_tokens": 24, "temperature": 1.0, "seed": seed});
        let answer = post(&server, &body);
        let reply: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        reply["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    };
    assert_eq!(words(1, 5), words(1, 5));
    assert_ne!(words(1, 5), words(1, 6), "another sampling seed");
    assert_ne!(words(1, 5), words(2, 5), "other weights");
}

#[test]
fn an_embedded_model_that_does_not_exist_is_refused() {
    let run = perf().args("--model random:huge --number 1").exit(2).says("random:huge").says("random:tiny").run();
    assert!(run.left_nothing());
}
