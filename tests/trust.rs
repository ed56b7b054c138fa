//! The verdict: each fault alone is named, and an undisturbed run is believed.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Reply, Server, alone, perf};

/// Ten pieces of text, one every 20 ms.
fn paced() -> Reply {
    let pause = Duration::from_millis(20);
    let reply = (0..10).fold(Reply::stream().role(), |reply, _| reply.pause(pause).text("a"));
    reply.finish().usage(1, 10).done()
}

fn causes(trust: &Value) -> Vec<&str> {
    trust["doubts"].as_array().unwrap().iter().map(|doubt| doubt["cause"].as_str().unwrap()).collect()
}

#[test]
fn an_undisturbed_run_is_valid() {
    let _alone = alone();
    let server = Server::start(|_| paced());
    // Other tests disturb this one at will; undisturbed it is at least once.
    let found = (0..20).any(|_| {
        let run = perf().against(&server).args("--parallel 4 --number 12").run();
        let trust = run.only_point().json("trust.json");
        assert_eq!(trust["format_version"], 1);
        let host = &trust["host"];
        let sent = host["kernel_sends"].as_u64().unwrap() + host["user_sends"].as_u64().unwrap();
        assert_eq!(sent, 12);
        if cfg!(target_os = "linux") {
            assert!(host["kernel_reads"].as_u64() > Some(100), "the kernel stamps what arrives: {host}");
            assert_eq!(host["user_reads"], 0);
        }
        trust["verdict"] == "VALID" && causes(&trust).is_empty()
    });
    assert!(found, "never valid in twenty runs");
}

#[test]
fn every_stage_of_a_request_is_in_its_row_and_in_order() {
    let server = Server::start(|_| paced());
    let run = perf().against(&server).args("--parallel 2 --number 4").run();
    let point = run.only_point();
    for row in point.rows() {
        let names = [
            "intended_ns",
            "released_ns",
            "slot_ns",
            "ready_ns",
            "started_ns",
            "sent_ns",
            "first_byte_ns",
            "first_seen_ns",
        ];
        let stages: Vec<u64> = names.iter().map(|name| row[*name].as_u64().unwrap()).collect();
        assert!(stages.is_sorted(), "{names:?} {stages:?}");
        assert!(row["lag_max_ns"].is_u64());
    }
    let stages = point.json("trust.json")["stages"].clone();
    let names: Vec<&str> = stages.as_array().unwrap().iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
    assert_eq!(names, ["released", "slot", "connect", "start", "write", "server", "seen"]);
    assert_eq!(point.summary()["trust"]["stages"], stages);
}

/// Ends with the test.
struct Hog(Child);

impl Drop for Hog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `taskset` keeps programs on one processor, where there is such a thing.
fn on_one_processor(command: &[&str]) -> Command {
    let mut taskset = Command::new("taskset");
    taskset.args(["-c", "0"]).args(command).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    taskset
}

#[cfg(target_os = "linux")]
#[test]
fn a_hog_on_the_clients_processor_is_named() {
    let _alone = alone();
    let hogs: Vec<Hog> =
        (0..4).map(|_| Hog(on_one_processor(&["/bin/sh", "-c", "while :; do :; done"]).spawn().unwrap())).collect();
    let server = Server::start(|_| paced());
    let running = perf().against(&server).args("--parallel 32 --number 160 --workers 1").spawn();
    let pid = running.id().to_string();
    assert!(on_one_processor(&["true"]).status().unwrap().success());
    // All threads of the client, those to come as well.
    assert!(Command::new("taskset").args(["-apc", "0", &pid]).stdout(Stdio::null()).status().unwrap().success());
    let run = running.finish();
    drop(hogs);
    let trust = run.only_point().json("trust.json");
    assert!(causes(&trust).contains(&"processor_contended"), "{:?} {:?}", causes(&trust), trust["host"]);
    assert_ne!(trust["verdict"], "VALID");
}

#[cfg(unix)]
#[test]
fn a_stop_of_the_client_is_named() {
    let _alone = alone();
    let server = Server::start(|_| paced());
    let running = perf().against(&server).args("--parallel 4 --number 40").spawn();
    server.wait_for(12);
    running.signal("STOP");
    std::thread::sleep(Duration::from_millis(50));
    running.signal("CONT");
    let run = running.finish();
    let trust = run.only_point().json("trust.json");
    assert!(causes(&trust).contains(&"client_paused"), "{:?}", causes(&trust));
    assert!(trust["host"]["pulse_ms"]["max"].as_f64() > Some(40.0));
    let advice = trust["doubts"][0]["advice"].as_str().unwrap();
    assert!(!advice.is_empty());
}

#[test]
fn a_slot_pool_too_small_is_named() {
    let _alone = alone();
    let server = Server::start(|_| paced());
    let run =
        perf().against(&server).args("--open-loop --rate 50 --arrival constant --number 40 --max-in-flight 2").run();
    let trust = run.only_point().json("trust.json");
    assert!(causes(&trust).contains(&"slots_exhausted"), "{:?}", causes(&trust));
    assert_eq!((&trust["verdict"], &trust["dominating"]), (&"INVALID".into(), &"slot".into()));
}
