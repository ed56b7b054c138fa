//! One run told by the definitions of every tool, from its chunk log.

use std::path::Path;
use std::time::Duration;

use polars::prelude::{ParquetReader, SerReader};
use serde_json::{Value, json};

use crate::support::{Reply, Run, Server, outcome, perf, report, same_keys};

const TOOLS: [&str; 6] = ["vllm", "sglang", "evalscope", "aiperf", "guidellm", "inference-perf"];

/// A run of streams with a role, one to four texts of two tokens each, a finish and a usage; every seventh request
/// fails.
fn logged(args: &str) -> Run {
    let server = Server::start(|seen| {
        if seen.index() % 7 == 6 {
            return Reply::error(500, "now and then");
        }
        let texts = 1 + seen.index() % 4;
        let step = Duration::from_millis(2);
        let reply = (0..texts).fold(Reply::stream().role().pause(step), |reply, _| reply.text("a b ").pause(step));
        reply.finish().pause(step).usage(11, 2 * texts as u64).done()
    });
    perf().against(&server).args("--number 30 --parallel 3 --warmup-num 4 --log-chunks").args(args).run()
}

/// The file of a tool, by the end of its name.
fn told(point: &Path, tool: &str, ending: &str) -> (String, String) {
    let folder = point.join(format!("as-{tool}"));
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = entries.filter(|name| name.ends_with(ending)).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    (names[0].clone(), std::fs::read_to_string(folder.join(&names[0])).unwrap())
}

fn json_of(point: &Path, tool: &str, ending: &str) -> Value {
    serde_json::from_str(&told(point, tool, ending).1).unwrap()
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn every_tool_counts_the_same_requests_and_tokens() {
    let run = logged("");
    report(&run)
        .args("--as vllm,sglang,evalscope --as aiperf --as guidellm,inference-perf,vllm")
        .prints("============ Serving Benchmark Result ============")
        .prints("Successful requests:")
        .prints("as inference-perf")
        .run();
    let point = run.only_point();
    let ok = point.count("ok");
    let rows: Vec<Value> = point.rows().into_iter().filter(|row| row["warmup"] == false).collect();
    let good: Vec<&Value> = rows.iter().filter(|row| outcome(row) == "ok").collect();
    let output: u64 = good.iter().map(|row| row["completion_tokens"].as_u64().unwrap()).sum();
    let folder = &point.path;

    let vllm = json_of(folder, "vllm", ".json");
    let sglang = json_of(folder, "sglang", ".jsonl");
    let aiperf = json_of(folder, "aiperf", ".json");
    let guidellm = json_of(folder, "guidellm", ".json");
    let metrics = &guidellm["benchmarks"][0]["metrics"];
    let lifecycle = json_of(folder, "inference-perf", ".json");
    let summary = json_of(folder, "evalscope", "benchmark_summary.json");
    let failed = 30 - ok;
    for (tool, completed, failures, tokens) in [
        ("vllm", &vllm["completed"], Some(&vllm["failed"]), &vllm["total_output_tokens"]),
        ("sglang", &sglang["completed"], None, &sglang["total_output_tokens"]),
        (
            "aiperf",
            &aiperf["request_count"]["avg"],
            Some(&aiperf["error_request_count"]["avg"]),
            &aiperf["total_osl"]["avg"],
        ),
        (
            "guidellm",
            &metrics["request_totals"]["successful"],
            Some(&metrics["request_totals"]["errored"]),
            &metrics["output_token_count"]["successful"]["total_sum"],
        ),
        (
            "inference-perf",
            &lifecycle["successes"]["count"],
            Some(&lifecycle["failures"]["count"]),
            &lifecycle["successes"]["output_tokens"]["total"],
        ),
    ] {
        assert_eq!(number(completed), ok as f64, "{tool}");
        assert!(failures.is_none_or(|failures| number(failures) == failed as f64), "{tool}");
        // sglang takes the asked number only where a reply has no usage; all of these have one.
        assert!((number(tokens) - output as f64).abs() < 1e-6, "{tool}: {tokens} instead of {output}");
    }
    assert_eq!((summary["Success Requests"].as_u64(), summary["Failed Requests"].as_u64()), (Some(ok), Some(failed)));

    // Every definition of the first token is met by the same events: a role is first for some, a text for others.
    for (vllm, sglang) in list(&vllm["ttfts"]).iter().zip(list(&sglang["ttfts"])) {
        assert!(*vllm <= sglang);
    }
    let role = number(&vllm["mean_ttft_ms"]);
    let text = number(&sglang["mean_ttft_ms"]);
    assert!((number(&summary["Avg TTFT (ms)"]) - role).abs() <= 0.01);
    for same in [&aiperf["time_to_first_token"]["avg"], &metrics["time_to_first_token_ms"]["successful"]["mean"]] {
        assert!((number(same) - text).abs() <= text * 1e-9);
    }
    let end = number(&metrics["request_latency"]["successful"]["mean"]);
    assert!((number(&lifecycle["successes"]["latency"]["request_latency"]["mean"]) - end).abs() <= end * 1e-9);
    // Gaps between chunks with choices: role, texts and finish for some, texts for others.
    let texts: u64 = good.iter().map(|row| row["chunks"].as_u64().unwrap()).sum();
    let gaps =
        |itls: &Value| itls.as_array().unwrap().iter().map(|itl| itl.as_array().unwrap().len() as u64).sum::<u64>();
    assert_eq!((gaps(&vllm["itls"]), gaps(&sglang["itls"])), (texts + ok, texts - ok));
    assert_eq!(aiperf["inter_chunk_latency"]["count"].as_u64(), Some(texts - ok));
    assert_eq!(metrics["inter_token_latency_ms"]["successful"]["count"].as_u64(), Some(output - ok));
}

#[test]
fn vllms_file_can_be_made_again_from_the_rows() {
    let run = logged("--name night --goodput ttft:10000 tpot:0.000001");
    report(&run).args("--as vllm").run();
    let point = run.only_point();
    let (name, text) = told(&point.path, "vllm", ".json");
    assert!(name.starts_with("night-infqps-concurrency3-test-model-20"), "{name}");
    let file: Value = serde_json::from_str(&text).unwrap();
    same_keys(
        &file,
        "date, endpoint_type, backend, label, model_id, tokenizer_id, num_prompts, request_rate, burstiness, \
         max_concurrency, duration, completed, failed, total_input_tokens, total_output_tokens, request_throughput, \
         request_goodput, output_throughput, total_token_throughput, input_lens, output_lens, ttfts, itls, latencies, \
         start_times, queue_times, generated_texts, errors, max_output_tokens_per_s, max_concurrent_requests, rtfx, \
         mean_ttft_ms, median_ttft_ms, std_ttft_ms, p99_ttft_ms, mean_tpot_ms, median_tpot_ms, std_tpot_ms, \
         p99_tpot_ms, mean_itl_ms, median_itl_ms, std_itl_ms, p99_itl_ms, mean_e2el_ms, median_e2el_ms, std_e2el_ms, \
         p99_e2el_ms",
    );
    assert_eq!(
        (&file["backend"], &file["num_prompts"], &file["request_rate"]),
        (&json!("openai-chat"), &json!(30), &json!("inf"))
    );
    // Only replies of one token, which have no time per token, could meet the second objective; there are none.
    assert_eq!(number(&file["request_goodput"]), 0.0);
    let rows: Vec<Value> = point.rows().into_iter().filter(|row| row["warmup"] == false).collect();
    for (index, row) in rows.iter().enumerate() {
        let marks = row["marks"].as_array().map(Vec::as_slice).unwrap_or_default();
        // The first number of a mark is its stamp, the fifth its flags; 1 is an event with choices.
        let choices: Vec<f64> =
            marks.iter().filter(|mark| mark[4].as_u64().unwrap() & 1 == 1).map(|mark| number(&mark[0])).collect();
        let start = number(&row["started_ns"]);
        let good = outcome(row) == "ok";
        let since = |at: Option<&f64>| at.filter(|_| good).map_or(0.0, |at| (at - start) / 1e9);
        assert!((number(&file["ttfts"][index]) - since(choices.first())).abs() < 1e-9);
        assert!((number(&file["latencies"][index]) - since(choices.last())).abs() < 1e-9);
        assert_eq!(file["itls"][index].as_array().unwrap().len(), if good { choices.len() - 1 } else { 0 });
        assert_eq!(file["output_lens"][index].as_u64(), row["completion_tokens"].as_u64().or(Some(0)));
        assert_eq!(file["generated_texts"][index].as_str().unwrap(), row["text"].as_str().unwrap_or_default());
        assert_eq!(file["errors"][index] == "", good);
    }
    report(&run).args("--as vllm --no-detail").run();
    let short = json_of(&point.path, "vllm", ".json");
    assert!(short.get("ttfts").is_none() && short["mean_ttft_ms"] == file["mean_ttft_ms"]);
}

#[test]
fn figures_of_other_tools_come_as_json() {
    let run = logged("");
    let out = report(&run).args("--as aiperf,guidellm --json").run();
    let told: Value = serde_json::from_str(&out.stdout).unwrap();
    let ok = run.only_point().count("ok");
    assert_eq!(told[0]["tool"], "aiperf");
    assert_eq!(told[0]["figures"]["Request Count (requests)"], ok as f64);
    assert!(told[0]["notes"][0].as_str().unwrap().ends_with("server usage"));
    assert_eq!(told[1]["figures"]["Successful requests"], ok);
    assert!(told[1]["files"][0].as_str().unwrap().ends_with("benchmarks.json"));
    let (_, table) = self::told(&run.only_point().path, "aiperf", ".csv");
    let (requests, whole) = table.split_once("\n\n").unwrap();
    assert!(
        requests.starts_with("Metric,avg,min,max,sum,p1,p5,p10,p25,p50,p75,p90,p95,p99,std\nRequest Latency (ms),")
    );
    assert!(requests.lines().all(|line| line.split(',').count() == 15));
    assert!(whole.starts_with("Metric,Value\nRequest Throughput (requests/sec),"));
    assert!(whole.contains(&format!("\nRequest Count (requests),{ok}\n")));
}

#[test]
fn a_run_without_a_chunk_log_is_refused() {
    let server = Server::start(|_| Reply::of(&["a", "b"]));
    let run = perf().against(&server).args("--number 2").run();
    for tool in TOOLS {
        report(&run).args("--as").arg(tool).exit(4).says("repeat the run with --log-chunks").run();
    }
    report(&run).args("--as wrk").exit(2).says("--as wrk: no tool of this name").says("inference-perf").run();
    report(&run).args("--no-detail").exit(2).run();
    assert!(!run.only_point().path.join("chunks.parquet").exists());
}

#[test]
fn chunks_join_their_requests() {
    let point = logged("").only_point();
    let file = std::fs::File::open(point.path.join("chunks.parquet")).unwrap();
    let chunks = ParquetReader::new(file).finish().unwrap();
    let requests = point.parquet();
    let owner = chunks.column("request").unwrap().u32().unwrap();
    let content = chunks.column("content").unwrap().bool().unwrap();
    let arrival = chunks.column("arrival_ns").unwrap().i64().unwrap();
    let first = requests.column("first_token_ns").unwrap().i64().unwrap();
    let count = requests.column("chunks").unwrap().i64().unwrap();
    for row in 0..requests.height() {
        let texts: Vec<i64> = (0..chunks.height())
            .filter(|chunk| owner.get(*chunk) == Some(row as u32) && content.get(*chunk) == Some(true))
            .map(|chunk| arrival.get(chunk).unwrap())
            .collect();
        assert_eq!(texts.len() as i64, count.get(row).unwrap());
        assert_eq!(texts.first().copied(), first.get(row));
    }
}

#[test]
fn a_tokenizer_counts_for_tools_that_bring_their_own() {
    let words = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "A": 1}, "unk_token": "[UNK]"},
    });
    let server = Server::start(|seen| {
        let reply = Reply::stream().role().text("A").text(" B C").text(" D").finish();
        // The server counts the end of the text as well, where it counts at all.
        if seen.index() == 0 { reply.done() } else { reply.usage(7, 5).done() }
    });
    let run = perf().against(&server).args("--number 4 --parallel 1 --log-chunks").run();
    report(&run)
        .file("words.json", words.to_string())
        .args("--as vllm,sglang,aiperf,inference-perf --tokenizer-path words.json")
        .says("as vllm: 1 replies have no usage where vllm looks for it; their tokens are counted by tokenizer words.json")
        .says("as aiperf: tokens of replies are counted by tokenizer words.json")
        .run();
    let point = run.only_point().path;
    let vllm = json_of(&point, "vllm", ".json");
    assert_eq!((&vllm["output_lens"], &vllm["tokenizer_id"]), (&json!([4, 5, 5, 5]), &json!("words.json")));
    let sglang = json_of(&point, "sglang", ".jsonl");
    // Where no usage arrives sglang takes what was asked for.
    assert_eq!(sglang["output_lens"], json!([2048, 5, 5, 5]));
    assert_eq!(sglang["total_output_tokens_retokenized"], 16);
    let aiperf = json_of(&point, "aiperf", ".json");
    assert_eq!((&aiperf["total_osl"]["avg"], &aiperf["usage_discrepancy_count"]["avg"]), (&json!(16.0), &json!(3.0)));
    assert_eq!(aiperf["input_config"]["endpoint"]["use_server_token_count"], false);
    let lifecycle = json_of(&point, "inference-perf", ".json");
    assert_eq!(lifecycle["successes"]["token_count_mismatches"], 3);
    assert_eq!(
        (&lifecycle["successes"]["output_len"]["mean"], &lifecycle["successes"]["output_tokens"]["total"]),
        (&json!(4.0), &json!(19.0))
    );
}
