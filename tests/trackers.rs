//! What a run tells while it goes on: run folders of trackers, pushes of metrics, the progress file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Gate, Perf, Reply, Run, Server, closed_port, perf};

fn replies() -> Server {
    Server::start(|_| Reply::of(&["a", "b"]))
}

/// A server that takes whatever is pushed.
fn collector() -> Server {
    Server::start(|_| Reply::json(200, &json!({})))
}

/// A sweep over two load points.
fn sweep(server: &Server) -> Perf {
    perf().against(server).args("--parallel 1,2 --number 3 --no-timestamp")
}

/// A field of a protobuf message.
#[derive(Debug, Clone, PartialEq)]
enum Field {
    Number(u64),
    Double(f64),
    Bytes(Vec<u8>),
}

impl Field {
    fn bytes(&self) -> &[u8] {
        if let Field::Bytes(bytes) = self { bytes } else { panic!("{self:?}") }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap()
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
        shift += 7;
    }
}

/// The fields of a message, by the wire format alone.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => {
                let (value, rest) = bytes.split_at(8);
                bytes = rest;
                Field::Double(f64::from_le_bytes(value.try_into().unwrap()))
            }
            2 => {
                let length = usize::try_from(varint(&mut bytes)).unwrap();
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(value.to_vec())
            }
            other => panic!("wire type {other}"),
        };
        found.push((tag >> 3, field));
    }
    found
}

fn get(fields: &[(u64, Field)], tag: u64) -> &Field {
    fields
        .iter()
        .find(|(found, _)| *found == tag)
        .map(|(_, field)| field)
        .unwrap_or_else(|| panic!("no {tag}: {fields:?}"))
}

/// The records of a log, with its seven bytes of header before them; short ones, which have a piece each.
fn records(path: &Path) -> (Vec<u8>, Vec<Vec<(u64, Field)>>) {
    const BLOCK: usize = 32768;
    let bytes = std::fs::read(path).unwrap();
    let (mut at, mut found, mut open) = (7, Vec::new(), Vec::new());
    while at < bytes.len() {
        if BLOCK - at % BLOCK < 7 {
            at = at.next_multiple_of(BLOCK);
            continue;
        }
        let length = usize::from(u16::from_le_bytes([bytes[at + 4], bytes[at + 5]]));
        open.extend_from_slice(&bytes[at + 7..at + 7 + length]);
        if matches!(bytes[at + 6], 1 | 4) {
            found.push(fields(&std::mem::take(&mut open)));
        }
        at += 7 + length;
    }
    (bytes[..7].to_vec(), found)
}

/// The only folder of runs that a tracker has, and its log.
fn folder(run: &Run, tracker: &str) -> (PathBuf, PathBuf) {
    let only = |below: &Path, is_file: bool| {
        let entries = std::fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path());
        let found: Vec<PathBuf> = entries.filter(|path| path.is_file() == is_file).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    };
    let folder = only(&run.dir().join(tracker), false);
    let log = if tracker == "clearml" { folder.join("metrics.jsonl") } else { only(&folder, true) };
    (folder, log)
}

fn json_file(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Every file of a run, as text.
fn everything(run: &Run) -> String {
    let all = run.files().into_iter().map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned());
    all.chain([run.stdout.clone(), run.stderr.clone()]).collect()
}

#[test]
fn a_run_of_wandb_lies_in_the_runs_folder() {
    let server = replies();
    let run = sweep(&server).args("--visualizer wandb").env("WANDB_ENTITY", "team").says("wandb sync ").run();
    let (folder, log) = folder(&run, "wandb");
    let (head, records) = records(&log);
    assert_eq!(head, b":W&B\xe1\xbe\x00");
    assert!(records.iter().zip(1..).all(|(record, number)| *get(record, 1) == Field::Number(number)));
    let kinds: Vec<u64> = records.iter().map(|record| record[1].0).collect();
    assert_eq!(kinds[..3], [21, 17, 26], "header, run, environment");
    assert_eq!(kinds[kinds.len() - 2..], [6, 18], "files, exit");
    let about = fields(get(&records[1], 17).bytes());
    assert_eq!((get(&about, 2).text(), get(&about, 3).text()), ("team", "perf_benchmark"));
    assert!(get(&about, 8).text().starts_with("test-model_20"), "{about:?}");
    let config = fields(get(&about, 4).bytes());
    let config: BTreeMap<String, String> = config
        .iter()
        .map(|(_, item)| fields(item.bytes()))
        .map(|item| (get(&item, 1).text().to_owned(), get(&item, 16).text().to_owned()))
        .collect();
    assert_eq!(
        (config["parallel"].as_str(), config["number"].as_str(), config["model"].as_str()),
        ("[1,2]", "[3,3]", "\"test-model\"")
    );
    // The last row has the figures of the file that EvalScope writes.
    let rows: Vec<&Vec<(u64, Field)>> = records.iter().filter(|record| record[1].0 == 2).collect();
    let row = fields(get(rows[rows.len() - 1], 2).bytes());
    let row: BTreeMap<String, Value> = row
        .iter()
        .filter(|(tag, _)| *tag == 1)
        .map(|(_, item)| fields(item.bytes()))
        .map(|item| (get(&item, 1).text().to_owned(), serde_json::from_str(get(&item, 16).text()).unwrap()))
        .collect();
    let point = run.point("parallel_2_number_3");
    for (key, value) in point.json("benchmark_summary.json").as_object().unwrap() {
        assert_eq!(&row[key], value, "{key}");
    }
    let summary = json_file(&folder.join("files/wandb-summary.json"));
    let p50 = &point.json("benchmark_percentile.json")[5];
    assert_eq!(p50["Percentiles"], "50%");
    assert_eq!(summary["parallel_2_number_3/p50 TTFT (ms)"], p50["TTFT (ms)"]);
    assert!(folder.join("files/perf_report.html").is_file());
}

#[test]
fn a_run_of_swanlab_lies_in_the_runs_folder() {
    let server = replies();
    let host = "http://swan.example.com/";
    let call = sweep(&server).args("--visualizer swanlab --name mine --swanlab-host").arg(host);
    let run = call.env("SWANLAB_PROJ_NAME", "ours").says(format!("swanlab sync --host {host} ")).run();
    let (folder, log) = folder(&run, "swanlab");
    let (head, records) = records(&log);
    assert_eq!(head, b":SWL\xd6\xe1\x02");
    let kinds: Vec<u64> = records.iter().map(|record| record[2].0).collect();
    assert_eq!(
        (&kinds[..3], kinds[kinds.len() - 1]),
        (&[10, 20, 20][..], 11),
        "start, configuration, metadata, finish"
    );
    let start = fields(get(&records[0], 10).bytes());
    assert_eq!((get(&start, 1).text(), get(&start, 4).text()), ("ours", "mine"));
    let finish = fields(get(&records[records.len() - 1], 11).bytes());
    assert_eq!(*get(&finish, 1), Field::Number(1));
    let last = |key: &str| {
        let scalars = records.iter().filter(|record| record[2].0 == 13).map(|record| fields(record[2].1.bytes()));
        let values = scalars.filter(|scalar| get(scalar, 1).text() == key);
        values.map(|scalar| fields(get(&scalar, 5).bytes())).next_back().unwrap()[0].1.clone()
    };
    let summary = run.point("parallel_2_number_3").json("benchmark_summary.json");
    for key in ["Avg Latency (s)", "Avg TTFT (ms)", "Total Requests"] {
        let value = Field::Double(summary[key].as_f64().unwrap());
        assert_eq!((last(key), last(&format!("load points/{key}"))), (value.clone(), value), "{key}");
    }
    let config = json_file(&folder.join("files/config.yaml"));
    assert_eq!(config["visualizer"]["value"], "swanlab");
    assert_eq!(config["swanlab_host"]["value"], host);
}

#[test]
fn a_session_of_clearml_lies_in_the_runs_folder() {
    let server = replies();
    let run = sweep(&server).args("--visualizer clearml").says("clearml-task --import-offline-session ").run();
    let (folder, log) = folder(&run, "clearml");
    let task = json_file(&folder.join("task.json"));
    assert_eq!(
        (&task["project_name"], &task["type"], &task["tags"]),
        (&json!("perf_benchmark"), &json!("testing"), &json!(["finished"]))
    );
    assert_eq!(task["id"], folder.file_name().unwrap().to_str().unwrap());
    assert_eq!(task["hyperparams"]["General"]["number"]["value"], "[3,3]");
    let text = std::fs::read_to_string(log).unwrap();
    let events: Vec<Value> = text.lines().flat_map(|line| serde_json::from_str::<Vec<Value>>(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["task"] == task["id"] && event["type"] == "training_stats_scalar"));
    let summary = run.point("parallel_2_number_3").json("benchmark_summary.json");
    let of = |metric: &str, variant: &str| {
        let found = events.iter().rfind(|event| event["metric"] == metric && event["variant"] == variant);
        found.unwrap_or_else(|| panic!("no {metric}/{variant}"))["value"].clone()
    };
    let latency = summary["Avg Latency (s)"].clone();
    assert_eq!(of("Performance Metrics", "Avg Latency (s)"), latency);
    assert_eq!(of("Summary", "parallel_2_number_3/Avg Latency (s)"), latency);
}

/// Holds the folders against the trackers' own tools, where a Python with wandb, swanlab and clearml is named.
#[test]
#[expect(clippy::print_stderr, reason = "whether it was skipped, and what the tools said, is worth to be read")]
fn the_trackers_own_tools_upload_the_folders() {
    let Some(python) = std::env::var_os("EVALSCOPE_TEST_PYTHON") else {
        eprintln!("skipped: set EVALSCOPE_TEST_PYTHON to a Python with wandb, swanlab and clearml");
        return;
    };
    let server = replies();
    for (tracker, state) in [("wandb", json!(0)), ("swanlab", json!("FINISHED")), ("clearml", json!("completed"))] {
        let run = sweep(&server).args("--visualizer").arg(tracker).args("--name").arg("a name").run();
        let said = run.stderr.lines().find_map(|line| line.split_once("this does it:  ")).unwrap().1.to_owned();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/upload.py");
        let shell = format!("\"$0\" \"$1\" {tracker} {said}");
        let output = Command::new("/bin/sh")
            .args(["-c", &shell])
            .arg(&python)
            .arg(script)
            .current_dir(run.home())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let got: Value = serde_json::from_slice(&output.stdout).unwrap();
        eprintln!("{said}\n{}", got["said"].as_str().unwrap());
        assert_eq!(
            (&got["project"], &got["name"], &got["state"]),
            (&json!("perf_benchmark"), &json!("a name"), &state),
            "{got}"
        );
        let parallel = &got["config"]["parallel"];
        assert!(*parallel == json!([1, 2]) || *parallel == json!("[1,2]"), "{parallel}");
        let rows = got["rows"].as_array().unwrap();
        let summary = run.point("parallel_2_number_3").json("benchmark_summary.json");
        for (key, value) in summary.as_object().unwrap() {
            assert_eq!(rows[rows.len() - 1][key].as_f64(), value.as_f64(), "{tracker}: {key}");
        }
        let prefix = if tracker == "swanlab" { "1/load points" } else { "parallel_2_number_3" };
        let single = &got["single"][format!("{prefix}/Avg Latency (s)")];
        assert_eq!(single.as_f64(), summary["Avg Latency (s)"].as_f64(), "{tracker}: {}", got["single"]);
        if tracker != "clearml" {
            let files = got["files"].as_array().unwrap();
            let all = ["plan.toml", "summary.json", "performance_summary.txt", "perf_report.html"];
            assert!(all.iter().all(|name| files.contains(&json!(name))), "{tracker}: {files:?}");
        }
    }
}

#[test]
fn keys_of_trackers_choose_one_and_are_kept_nowhere() {
    let server = replies();
    let call = sweep(&server).args("--wandb-api-key sk-secret").hides("sk-secret").says("neither used nor kept");
    let run = call.run();
    folder(&run, "wandb");
    assert!(!everything(&run).contains("sk-secret"));
    let run = sweep(&server).args("--swanlab-api-key local --visualizer clearml").says("--visualizer swanlab").run();
    assert!(run.dir().join("clearml").is_dir() && !run.dir().join("swanlab").exists());
}

#[test]
fn metrics_are_pushed_to_a_collector() {
    let (server, collector) = (replies(), collector());
    let run = sweep(&server)
        .args("--otlp-endpoint")
        .arg(collector.at("").replace("http://", "http://me:pass-word@"))
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-token=to%6Ben")
        .env("OTEL_SERVICE_NAME", "lab")
        .hides("pass-word")
        .says("--otlp-endpoint are left out of the saved plan")
        .run();
    assert!(!everything(&run).contains("pass-word") && !everything(&run).contains("bWU6"));
    let pushes = collector.seen();
    let last = pushes.last().unwrap();
    assert_eq!((last.method.as_str(), last.path.as_str()), ("POST", "/v1/metrics"));
    assert_eq!(last.header("content-type"), Some("application/json"));
    assert_eq!(last.header("authorization"), Some("Basic bWU6cGFzcy13b3Jk"));
    assert_eq!(last.header("x-token"), Some("token"));
    let resource = &last.json()["resourceMetrics"][0];
    let attributes = resource["resource"]["attributes"].as_array().unwrap().clone();
    assert!(attributes.contains(&json!({"key": "service.name", "value": {"stringValue": "lab"}})));
    let metrics = resource["scopeMetrics"][0]["metrics"].as_array().unwrap().clone();
    let metric = |name: &str| metrics.iter().find(|metric| metric["name"] == name).unwrap().clone();
    let points = metric("gen_ai.client.operation.duration")["histogram"]["dataPoints"].as_array().unwrap().clone();
    assert_eq!(points.len(), 2, "one a load point");
    assert!(points.iter().all(|point| point["count"] == "3"));
    let port = json!({"key": "server.port", "value": {"intValue": server.port().to_string()}});
    assert!(points[0]["attributes"].as_array().unwrap().contains(&port), "{}", points[0]);
    assert_eq!(metric("gen_ai.client.operation.time_per_output_chunk")["histogram"]["dataPoints"][0]["count"], "3");
    let tokens = metric("evalscope.client.tokens")["sum"]["dataPoints"].as_array().unwrap().clone();
    let tokens: Vec<&Value> = tokens.iter().map(|point| &point["asInt"]).collect();
    assert_eq!(tokens, ["21", "6", "21", "6"]);
}

#[test]
fn the_environment_names_a_collector_and_is_told_of() {
    let (server, collector) = (replies(), collector());
    let endpoint = collector.at("/base");
    let said = format!("OTEL_EXPORTER_OTLP_ENDPOINT is set: metrics are pushed to {endpoint}/v1/metrics");
    let run = sweep(&server).env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint).says(&said).run();
    assert_eq!(collector.seen().last().unwrap().path, "/base/v1/metrics");
    assert!(run.notices().contains(&said));
}

#[test]
fn metrics_are_put_to_a_pushgateway() {
    let (server, gateway) = (replies(), collector());
    sweep(&server).args("--name mine --prometheus-push").arg(gateway.at("")).run();
    let pushes = gateway.seen();
    let last = pushes.last().unwrap();
    assert_eq!((last.method.as_str(), last.path.as_str()), ("PUT", "/metrics/job/evalscope/run/mine"));
    assert!(last.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let page = String::from_utf8(last.body.clone()).unwrap();
    for line in [
        "# TYPE evalscope_time_to_first_token_seconds histogram",
        "evalscope_run_active{model=\"test-model\"} 0",
        "evalscope_requests_total{model=\"test-model\",point=\"parallel_2_number_3\",outcome=\"ok\"} 3",
        "evalscope_prompt_tokens_total{model=\"test-model\",point=\"parallel_1_number_3\"} 21",
        "evalscope_e2e_latency_seconds_bucket{model=\"test-model\",point=\"parallel_1_number_3\",le=\"+Inf\"} 3",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
}

#[test]
fn pushes_that_fail_are_told_and_fail_no_run() {
    let (server, refusing) = (replies(), Server::start(|_| Reply::error(401, "sk-secret is no key")));
    let (_held, port) = closed_port();
    let gone = format!("http://127.0.0.1:{port}");
    let run = sweep(&server)
        .args("--prometheus-push")
        .arg(refusing.at(""))
        .args("--otlp-endpoint")
        .arg(&gone)
        .says("the answer was 401 Unauthorized")
        .says(format!("OpenTelemetry metrics to {gone}/v1/metrics: failed"))
        .hides("sk-secret")
        .run();
    let notices = run.notices();
    assert!(notices.contains("the answer was 401") && notices.contains("cannot connect"), "{notices}");
    assert!(std::fs::read_to_string(run.dir().join("perf_report.html")).unwrap().contains("the answer was 401"));
}

#[test]
fn bad_addresses_and_trackers_are_refused_before_anything_is_sent() {
    let server = replies();
    for (flag, value) in [
        ("--visualizer", "tensorboard"),
        ("--otlp-endpoint", "localhost:4318"),
        ("--prometheus-push", "ftp://me:pass-word@h"),
        ("--swanlab-host", "h"),
    ] {
        let run = sweep(&server).arg(flag).arg(value).exit(2).says(flag).says("hint:").hides("pass-word").run();
        assert!(run.left_nothing(), "{flag}");
    }
    assert!(server.seen().is_empty());
}

#[test]
fn the_progress_file_follows_the_run() {
    let gate = Gate::default();
    let ours = gate.clone();
    let server = Server::start(move |seen| {
        if seen.index() < 2 { Reply::of(&["a"]) } else { Reply::stream().role().wait_for(&ours).text("a").done() }
    });
    let running = perf().against(&server).args("--number 4 --no-timestamp --enable-progress-tracker").spawn();
    let at = |home: &Path| home.join("outputs/test-model/progress.json");
    running.wait_for_file(|home| {
        std::fs::read(at(home)).is_ok_and(|bytes| {
            let file: Value = serde_json::from_slice(&bytes).unwrap();
            file["status"] == "running" && file["processed_count"] == 2 && file["percent"] == json!(50.0)
        })
    });
    gate.open();
    let run = running.finish();
    let file = json_file(&at(run.home()));
    assert_eq!((&file["status"], &file["pipeline"]), (&json!("completed"), &json!("perf")));
    assert_eq!((&file["total_count"], &file["processed_count"]), (&json!(4), &json!(4)));
    assert_eq!(run.only_point().json("benchmark_args.json")["enable_progress_tracker"], true);
}

#[test]
fn an_interrupted_run_is_an_error_to_the_progress_file_and_aborted_to_trackers() {
    let gate = Gate::default();
    let ours = gate.clone();
    let server = Server::start(move |_| Reply::stream().role().wait_for(&ours).text("a").done());
    let call = perf().against(&server).args("--number 9 --no-timestamp --enable-progress-tracker --visualizer swanlab");
    let running = call.exit(130).spawn();
    server.wait_for(1);
    running.signal("INT");
    running.wait_until_said("being drained");
    gate.open();
    let run = running.finish();
    assert_eq!(json_file(&run.dir().join("progress.json"))["status"], "error");
    let (_, log) = folder(&run, "swanlab");
    let (_, records) = records(&log);
    let finish = fields(get(&records[records.len() - 1], 11).bytes());
    assert_eq!((get(&finish, 1), get(&finish, 2).text()), (&Field::Number(3), "the run was interrupted"));
}

#[test]
fn conversations_are_counted_as_a_whole() {
    let talk = json!([
        {"role": "user", "content": "u1"},
        {"role": "assistant", "content": "a1"},
        {"role": "user", "content": "u2"},
    ]);
    let server = replies();
    let run = perf()
        .against(&server)
        .file("talk.jsonl", format!("{talk}\n").repeat(3))
        .args("--dataset custom_multi_turn --dataset-path talk.jsonl --multi-turn --number 3 --enable-progress-tracker")
        .args("--visualizer clearml")
        .run();
    let file = json_file(&run.dir().join("progress.json"));
    assert_eq!((&file["total_count"], &file["processed_count"]), (&json!(3), &json!(3)));
    assert_eq!(run.only_point().json("benchmark_summary.json")["Total Requests"], 6);
}

#[test]
fn a_run_that_never_began_leaves_no_folder_of_a_tracker() {
    let refusing = Server::start(|_| Reply::error(401, "no"));
    let run =
        perf().checking(&refusing).args("--visualizer wandb --no-timestamp --enable-progress-tracker").exit(3).run();
    let left: Vec<PathBuf> = run.files();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(json_file(&left[0])["status"], "error");
}

#[test]
fn a_search_is_tracked_run_by_run() {
    let server = Server::start(|_| Reply::of(&["a"]));
    let params = r#"[{"p99_latency": "<=60s"}]"#;
    let run = perf()
        .against(&server)
        .args("--sla-auto-tune --sla-num-runs 1 --sla-upper-bound 2 --visualizer clearml --enable-progress-tracker")
        .args("--sla-params")
        .arg(params)
        .says("--enable-progress-tracker is passed over")
        .says("clearml-task")
        .run();
    let (_, log) = folder(&run, "clearml");
    let text = std::fs::read_to_string(log).unwrap();
    for probe in ["parallel_1_number_2_run_0", "parallel_2_number_4_run_0"] {
        assert!(text.contains(&format!("{probe}/Total Requests")), "{probe}\n{text}");
    }
    assert!(!run.dir().join("progress.json").exists());
}
