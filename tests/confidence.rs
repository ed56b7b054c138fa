//! What is said beside the figures: intervals, the steady part, goodput, and the interval logs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Reply, Server, perf};

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn intervals_goodput_and_logs_agree_with_the_rows() {
    let server = Server::start(|seen| {
        if seen.index() % 10 == 9 {
            return Reply::error(500, "now and then");
        }
        let usage = json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}});
        let step = Duration::from_millis(1 + (seen.index() % 5) as u64);
        Reply::stream().role().pause(step).text("a").pause(step).text("b").finish().event(&usage).done()
    });
    let load = "--number 200 --parallel 4 --goodput ttft:60000 tpot:60000 e2el:0.000001";
    let point = perf().against(&server).args(load).run().only_point();
    let figures = &point.summary()["figures"];
    for (name, key) in [("ttft_ms", "mean"), ("ttft_ms", "p50"), ("e2e_ms", "p50"), ("itl_ms", "mean")] {
        let (value, ci) = (number(&figures[name][key]), &figures[name][format!("{key}_ci")]);
        assert!(number(&ci["low"]) <= value && value <= number(&ci["high"]), "{name} {key}: {value} {ci}");
    }
    // 180 values tell no p99.
    assert_eq!(figures["ttft_ms"]["p99_ci"], Value::Null);
    let rate = number(&figures["request_throughput"]);
    assert!(number(&figures["request_throughput_ci"]["low"]) < rate);
    // A run of a moment has no steady part, and says so.
    assert_eq!(figures["steady"], Value::Null);
    assert!(figures["steady_none"].as_str().unwrap().contains("need"), "{}", figures["steady_none"]);

    let goodput = &figures["goodput"];
    assert_eq!((&goodput["n"], &goodput["met"], &goodput["goodput"]), (&json!(200), &json!(0), &json!(0.0)));
    let met: Vec<&Value> = goodput["limits"].as_array().unwrap().iter().map(|limit| &limit["met"]).collect();
    assert_eq!(met, [180, 180, 0]);

    for name in ["ttft", "tpot", "itl", "e2e", "e2e_intended", "ttft_intended"] {
        let log = std::fs::read_to_string(point.path.join(format!("{name}.hlog"))).unwrap();
        assert!(log.contains("#[Histogram log format version 1.3]"), "{name}");
        assert!(log.lines().any(|line| line.contains(",1.000,") && line.contains(",HISTF")), "{name}");
    }
}

#[test]
fn a_bad_objective_is_refused_before_anything_is_sent() {
    let server = Server::start(|_| Reply::stream().text("a").done());
    let run = perf().against(&server).args("--goodput itl:5").exit(2).says("known metrics: ttft, tpot, e2el").run();
    assert!(run.left_nothing());
    assert!(server.seen().is_empty());
}
