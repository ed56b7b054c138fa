//! Files and flags that scripts written for EvalScope rely on.

use serde_json::{Value, json};

use crate::support::{Reply, Run, Server, perf, report, same_keys};

fn server() -> Server {
    Server::start(|_| Reply::of(&["a", "b", "c"]))
}

fn text(run: &Run, name: &str) -> String {
    std::fs::read_to_string(run.dir().join(name)).unwrap()
}

#[test]
fn tokens_over_time_are_told_live_and_again() {
    let run =
        perf().against(&server()).args("--number 12 --parallel 3 --prompt hi").prints("Workload throughput").run();
    let point = run.only_point();
    let (throughput, timeline) = (point.json("workload_throughput.json"), point.json("workload_timeline.json"));
    same_keys(&throughput, "n_samples, wall_time_s, last_window_s, warmup_frac, rows");
    assert_eq!((&throughput["n_samples"], &throughput["last_window_s"]), (&json!(12), &json!(30.0)));
    let rows = throughput["rows"].as_array().unwrap();
    rows.iter().for_each(|row| same_keys(row, "metric, overall, last_window, steady_state"));
    let names: Vec<&str> = rows.iter().map(|row| row["metric"].as_str().unwrap()).collect();
    assert_eq!(names, ["Total Prompt tok/s", "New Prompt tok/s", "Cached Prompt tok/s", "Completion tok/s"]);
    same_keys(&timeline, "wall_start, points");
    let points = timeline["points"].as_array().unwrap();
    points.iter().for_each(|point| same_keys(point, "t, cum_completion, cum_new_prompt, cum_cached_prompt"));
    let last = points.last().unwrap();
    assert_eq!((&last["cum_completion"], &last["cum_new_prompt"]), (&json!(36), &json!(84)));
    let overall = rows[3]["overall"].as_f64().unwrap();
    // The instant is rounded to a microsecond.
    assert!((overall * last["t"].as_f64().unwrap() - 36.0).abs() <= overall * 1e-6, "{throughput}");
    assert!(text(&run, "performance_summary.txt").contains("Workload Throughput"));
    report(&run).run();
    assert_eq!(run.only_point().json("workload_throughput.json"), throughput);
    assert_eq!(run.only_point().json("workload_timeline.json"), timeline);
}

#[test]
fn conversations_are_summed_up() {
    let talks = concat!(
        r#"[{"role":"user","content":"one"},{"role":"assistant","content":"x"},{"role":"user","content":"two"}]"#,
        "\n",
        r#"[{"role":"user","content":"three"},{"role":"assistant","content":"x"},{"role":"user","content":"four"}]"#,
        "\n",
    );
    let run = perf()
        .against(&server())
        .file("talks.jsonl", talks)
        .args("--dataset custom_multi_turn --dataset-path talks.jsonl --multi-turn --number 2")
        .prints("Per-trace summary (2 traces)")
        .run();
    let summary = run.only_point().json("trace_summary.json");
    same_keys(&summary, "n_traces, rows");
    let rows = summary["rows"].as_array().unwrap();
    rows.iter().for_each(|row| same_keys(row, "metric, mean, min, p50, p90, p95, p99, max"));
    let of = |name: &str| rows.iter().find(|row| row["metric"] == name).unwrap()["mean"].as_f64().unwrap();
    assert_eq!(summary["n_traces"], 2);
    // 7 tokens of prompt and 3 of reply are 10 that could be cached, and are taken to be.
    assert_eq!((of("Cache Hit Rate (%)"), of("Eligible Cache Hit Rate (%)")), (100.0 * 10.0 / 14.0, 100.0));
    assert!(["Latency (s)", "First-Turn TTFT (s)", "TTFAT (s)"].iter().all(|name| of(name) > 0.0), "{summary}");
    assert!(text(&run, "performance_summary.txt").contains("Per-Trace Metrics"));
    report(&run).run();
    assert_eq!(run.only_point().json("trace_summary.json"), summary);
}

#[test]
fn where_nothing_succeeds_there_is_no_course() {
    let server = Server::start(|_| Reply::error(500, "no"));
    let run = perf().against(&server).args("--number 2").exit(3).run();
    for file in ["workload_throughput.json", "workload_timeline.json", "trace_summary.json", "speed_benchmark.json"] {
        assert!(!run.only_point().path.join(file).exists(), "{file}");
    }
}

#[test]
fn the_hand_over_to_decoding_is_told_where_it_is_asked_for() {
    let server = Server::start(|_| Reply::of(&["a", "b", "c", "d"]));
    let run = perf().against(&server).args("--number 3 --enable-pd-metrics").prints("Avg Steady ITL (ms)").run();
    let point = run.only_point();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let summary = keys(&point.json("benchmark_summary.json"));
    let at = summary.iter().position(|key| key == "Avg ITL (ms)").unwrap();
    let told = ["Avg Steady ITL (ms)", "Avg PD Handoff Latency (ms)", "Avg PD Handoff Overhead (ms)"];
    assert_eq!(summary[at + 1..at + 4], told);
    let percentiles = keys(&point.json("benchmark_percentile.json")[0]);
    let at = percentiles.iter().position(|key| key == "ITL (ms)").unwrap();
    assert_eq!(percentiles[at + 1..at + 4], told.map(|key| key.trim_start_matches("Avg ")));
    assert_eq!(point.json("benchmark_args.json")["enable_pd_metrics"], true);
    report(&run).run();
    assert_eq!(keys(&run.only_point().json("benchmark_summary.json")), summary);
}

#[test]
fn a_label_stands_in_every_report() {
    let run = perf().against(&server()).args("--number 2 --alias patched-7b").prints("patched-7b").run();
    assert_eq!(run.summary()["setting"]["alias"], "patched-7b");
    assert_eq!(run.only_point().json("benchmark_args.json")["alias"], "patched-7b");
    let summary = text(&run, "performance_summary.txt");
    assert!(summary.contains("test-model") && summary.contains("Alias"), "{summary}");
    assert!(text(&run, "perf_report.html").contains("<h1>patched-7b</h1>"));
    assert!(run.dir().ends_with("test-model"), "the folder has the name of the model");
}

#[test]
fn what_means_nothing_here_is_said_and_what_cannot_be_is_refused() {
    let run = perf().args("--number 2 --max-tokens 2 --attn-implementation sdpa").says("has no effect").run();
    assert_eq!(run.only_point().json("benchmark_args.json")["attn_implementation"], "sdpa");
    perf().args("--scenario agentx").exit(2).says("aiperf").says("trie_agentic_coding").run();
    perf().args("--temperature warm").exit(2).says("a number, or server").run();
}

#[test]
fn flags_may_be_cut_short_as_in_evalscope() {
    let server = server();
    let call = |args: &str| perf().against(&server).args("--prompt hi --number 2").args(args);
    // There are further flags that begin with --ra, --work and --log here.
    let run = call("--output there --ra -1 --para 2 --no-time").run();
    assert!(run.home().join("there/test-model/parallel_2_number_2").is_dir());
    call("--num 3").exit(2).says("--num").run();
    call("--log-ev=7 --temp 0.5 --max-to 4").run();
    let body = server.asked().last().unwrap().json();
    assert_eq!((&body["temperature"], &body["max_tokens"]), (&json!(0.5), &json!(4)));
}

#[test]
fn variables_of_evalscope_are_read() {
    let server = server();
    let run = perf()
        .against(&server)
        .args("--number 2")
        .env("EVALSCOPE_OUTPUT_DIR", "outputs/elsewhere")
        .env("EVALSCOPE_LOG_LEVEL", "WARNING")
        .env("EVALSCOPE_LANGUAGE", "zh")
        .says("reports are in English")
        .run();
    assert!(run.home().join("outputs/elsewhere").is_dir());
    assert!(!text(&run, "benchmark.log").contains("INFO"));
    perf().args("datasets openqa").env("EVALSCOPE_OUTPUT_DIR", "x").run();
    perf().args("--dry-run").env("EVALSCOPE_LOG_LEVEL", "loud").exit(2).says("EVALSCOPE_LOG_LEVEL=loud").run();
    let slow = Server::start(|_| {
        Reply::stream().pause(std::time::Duration::from_millis(900)).text("a").finish().usage(1, 1).done()
    });
    let run =
        perf().against(&slow).args("--number 1 --log-every-n-query 0").env("EVALSCOPE_HEARTBEAT_INTERVAL", "0.1").run();
    assert!(text(&run, "benchmark.log").contains(r#"s: {"done":"#), "{}", text(&run, "benchmark.log"));
}
