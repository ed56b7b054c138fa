//! A server's own counters are read and held against what was sent.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::{Reply, Seen, Server, perf, report};

/// Prompt and completion tokens of a reply of [`Reply::of`] with two pieces.
const TOKENS: (u64, u64) = (7, 2);

/// What the server counts.
#[derive(Default)]
struct Counters {
    requests: u64,
    prompt: u64,
    completion: u64,
}

impl Counters {
    fn add(&mut self, requests: u64) {
        self.requests += requests;
        self.prompt += requests * TOKENS.0;
        self.completion += requests * TOKENS.1;
    }

    fn page(&self) -> String {
        let Counters { requests, prompt, completion } = self;
        format!(
            "# TYPE vllm:request_success_total counter\n\
             vllm:request_success_total{{model_name=\"test-model\",finished_reason=\"stop\"}} {requests}.0\n\
             vllm:request_success_total{{model_name=\"another\",finished_reason=\"stop\"}} 12.0\n\
             vllm:prompt_tokens_total{{model_name=\"test-model\"}} {prompt}.0\n\
             vllm:generation_tokens_total{{model_name=\"test-model\"}} {completion}.0\n\
             vllm:num_requests_running{{model_name=\"test-model\"}} 0.0\n\
             vllm:num_requests_waiting{{model_name=\"test-model\"}} 0.0\n"
        )
    }
}

/// A server that counts what it answers, and what `fault` does to its counters at each request.
fn counting(fault: impl Fn(&Seen, &mut Counters) + Send + Sync + 'static) -> Server {
    let counters = Arc::new(Mutex::new(Counters::default()));
    counters.lock().unwrap().add(1000);
    Server::start(move |seen| {
        let mut counters = counters.lock().unwrap();
        if seen.path.starts_with("/metrics") {
            return Reply::whole(200, "text/plain; version=0.0.4", &counters.page());
        }
        counters.add(1);
        if !seen.is_probe() {
            fault(seen, &mut counters);
        }
        Reply::of(&["a", "b"])
    })
}

fn codes(audit: &Value) -> Vec<&str> {
    audit["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn counters_that_agree_make_no_finding() {
    let server = counting(|_, _| {});
    let run = perf()
        .watching(&server)
        .args("--number 40 --parallel 4 --warmup-num 3 --api-key sk-secret")
        .prints("counters agree with ours at 1 of 1 loads")
        .hides("sk-secret")
        .run();
    let point = run.only_point();
    let audit = &point.summary()["audit"];
    assert_eq!(codes(audit), [""; 0], "{audit}");
    assert_eq!(audit["engine"], "vLLM");
    for (name, each) in [("requests", 1.0), ("prompt_tokens", 7.0), ("completion_tokens", 2.0)] {
        assert_eq!((&audit[name]["server"], &audit[name]["ours"]), (&(43.0 * each).into(), &(43.0 * each).into()));
    }
    assert_eq!(audit["ttft_mean_ms"]["server"], Value::Null, "what the server does not have is missing");
    let place = run.summary()["setting"]["server_metrics"].as_str().unwrap().to_owned();
    assert!(place.starts_with("http://127.0.0.1:") && place.ends_with("/metrics"), "{place}");
    let looks: Vec<_> = server.seen().into_iter().filter(|seen| seen.method == "GET").collect();
    assert!(looks.len() >= 2 && looks.iter().all(|seen| seen.header("authorization") == Some("Bearer sk-secret")));
    let kept = std::fs::read_to_string(point.path.join("server_metrics.jsonl")).unwrap();
    let phases: Vec<Value> = kept.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&phases[0]["phase"], &phases[phases.len() - 1]["phase"]), (&"before".into(), &"after".into()));
    assert_eq!(phases[0]["reading"]["requests"], 1001.0);
    assert!(!kept.contains("sk-secret"));
    let page = std::fs::read_to_string(run.dir().join("perf_report.html")).unwrap();
    assert!(page.contains("id=\"audit\""));
}

#[test]
fn another_client_is_named() {
    let server = counting(|seen, counters| counters.add(u64::from(seen.index() % 20 == 0)));
    let run = perf()
        .watching(&server)
        .args("--number 100 --parallel 4")
        .prints("another client was using this server: it counted 105 requests and 100 were sent")
        .prints("counters do not fit ours")
        .run();
    let before = run.only_point().summary();
    assert_eq!(codes(&before["audit"]), ["foreign_traffic"]);
    report(&run).prints("another client").run();
    assert_eq!(run.only_point().summary(), before, "a report made again says the same");
}

#[test]
fn each_load_point_has_an_account_of_its_own() {
    let server = counting(|seen, counters| {
        let second = seen.header("x-request-id").unwrap().contains("-p2-");
        counters.add(u64::from(second && seen.index() == 3));
    });
    let run = perf().watching(&server).args("--number 12 --parallel 1,2").run();
    assert_eq!(codes(&run.point("parallel_1_number_12").summary()["audit"]), [""; 0]);
    assert_eq!(codes(&run.point("parallel_2_number_12").summary()["audit"]), ["foreign_traffic"]);
}

#[test]
fn a_restart_is_named_and_its_counters_are_not_used() {
    let server = counting(|seen, counters| {
        if seen.index() == 20 {
            *counters = Counters::default();
        }
    });
    let run = perf().watching(&server).args("--number 40").prints("counters went backwards").run();
    let audit = &run.only_point().summary()["audit"];
    assert_eq!(codes(audit), ["restarted"]);
    assert_eq!(audit["requests"]["server"], Value::Null);
}

#[test]
fn a_server_without_metrics_is_asked_once_and_told_without_a_warning() {
    for answer in [
        |_: &Seen| Reply::error(404, "not here"),
        |_: &Seen| Reply::whole(200, "text/html", "<html>\n<body>everything is fine</body>\n</html>\n"),
    ] {
        let server = Server::start(move |seen| if seen.path == "/metrics" { answer(seen) } else { Reply::of(&["a"]) });
        let run = perf().watching(&server).args("--number 6 --parallel 1,2").run();
        let summary = run.summary();
        let place = summary["setting"]["server_metrics"].as_str().unwrap();
        assert!(place.starts_with("none at http://"), "{place}");
        assert!(summary["points"].as_array().unwrap().iter().all(|point| point["audit"].is_null()));
        assert!(!run.notices().contains("metrics"), "{}", run.notices());
        assert_eq!(server.seen().iter().filter(|seen| seen.method == "GET").count(), 1);
    }
}

#[test]
fn metrics_of_no_known_engine_are_told() {
    let server = Server::start(|seen| {
        if seen.path == "/metrics" { Reply::whole(200, "text/plain", "up 1\n") } else { Reply::of(&["a"]) }
    });
    let run = perf().watching(&server).args("--number 4").run();
    assert!(run.only_point().summary()["audit"].is_null());
    assert!(run.notices().contains("of no engine that is known"), "{}", run.notices());
}

#[test]
fn metrics_elsewhere_are_read_without_the_key() {
    let metrics = counting(|_, _| {});
    let place = metrics.url().replace("/v1/chat/completions", "/metrics?token=t0k3n");
    let server = Server::start(|_| Reply::of(&["a", "b"]));
    let run = perf()
        .watching(&server)
        .args("--number 5 --no-test-connection --api-key sk-secret --metrics-url")
        .arg(place)
        .run();
    let summary = run.summary();
    assert_eq!(codes(&summary["points"][0]["audit"]), ["lost_requests"], "another server counts nothing of ours");
    assert!(!summary["setting"]["server_metrics"].as_str().unwrap().contains("t0k3n"));
    let looks = metrics.seen();
    assert!(looks.iter().all(|seen| seen.header("authorization").is_none() && seen.path.ends_with("?token=t0k3n")));
    assert!(server.seen().iter().all(|seen| seen.method == "POST"));
}

#[test]
fn a_bad_address_of_metrics_names_its_flag() {
    let server = Server::start(|_| Reply::of(&["a"]));
    for address in ["metrics", "ftp://h/metrics", "http://u:pw@h/metrics"] {
        let run = perf().watching(&server).args("--number 5 --metrics-url").arg(address).exit(2).says("--metrics-url");
        run.hides("pw").run();
    }
    assert!(server.seen().is_empty());
}
