//! `--api local_vllm`: a server that is started, waited for, listened to and ended. The program on the path is a script
//! that says what it was given and stays; a scripted server of the test answers at its port.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Perf, Reply, Server, perf};

/// Writes its arguments, its process, and how it was ended.
const STAYS: &str = r#"#!/bin/sh
echo "loading $*" >&2
echo $$ > pid
trap 'echo ended > ended; exit 0' TERM
while :; do sleep 0.05; done
"#;

/// A call with this script as `vllm`, at the port of a server.
fn call(script: &str, port: u16) -> Perf {
    let call = perf().file("vllm", script);
    let folder = call.folder().to_owned();
    std::fs::set_permissions(folder.join("vllm"), std::fs::Permissions::from_mode(0o755)).unwrap();
    call.env("PATH", &format!("{}:/usr/bin:/bin", folder.display()))
        .args("--api local_vllm --model org/m --number 2 --prompt hi --no-server-metrics --sleep-interval 0 --port")
        .arg(port.to_string())
}

/// A server that is healthy from the `nth` question on.
fn healthy_from(nth: usize) -> (Server, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = Server::start(move |seen| match seen.path.as_str() {
        "/health" if count.fetch_add(1, Ordering::SeqCst) + 1 < nth => Reply::error(503, "loading"),
        "/health" => Reply::whole(200, "text/plain", ""),
        _ => Reply::of(&["h", "i"]),
    });
    (server, asked)
}

fn is_there(folder: &Path) -> bool {
    let id = std::fs::read_to_string(folder.join("pid")).unwrap();
    Path::new("/proc").join(id.trim()).join("cmdline").exists()
}

#[test]
fn it_is_started_waited_for_and_ended() {
    let (server, asked) = healthy_from(3);
    let run = call(STAYS, server.port()).args("--vllm-args").arg("--max-model-len 512").run();
    assert!(asked.load(Ordering::SeqCst) >= 3);
    let point = run.only_point();
    assert_eq!(point.count("ok"), 2);
    assert_eq!(server.asked()[0].path, "/v1/chat/completions");
    assert_eq!(server.asked()[0].json()["model"], "org/m");
    let log = std::fs::read_to_string(run.dir().join("benchmark.log")).unwrap();
    let given = format!("serve org/m --host 127.0.0.1 --port {} --max-model-len 512", server.port());
    assert!(log.contains(&format!("vllm: loading {given}")), "{log}");
    assert!(run.home().join("ended").exists(), "it was asked to end");
    assert!(!is_there(run.home()));
}

#[test]
fn one_that_is_missing_or_fails_is_named_with_the_remedy() {
    let (server, _) = healthy_from(usize::MAX);
    let missing = call(STAYS, server.port()).env("PATH", "/nowhere").exit(2);
    assert!(missing.says("no program vllm on the path").says("pip install vllm").run().left_nothing());
    let script = "#!/bin/sh\necho 'CUDA out of memory' >&2\nexit 7\n";
    let failed = call(script, server.port()).exit(3).says("ended before it was ready").says("CUDA out of memory");
    failed.says("--vllm-args").run();
    let slow = call(STAYS, server.port()).args("--total-timeout 1").exit(3).says("not ready within 1 s").run();
    assert!(slow.home().join("ended").exists() && !is_there(slow.home()));
    perf().args("--api local_vllm").exit(2).says("--model is required with --api local_vllm").run();
}

#[test]
fn a_signal_ends_it_too() {
    let (server, _) = healthy_from(usize::MAX);
    let running = call(STAYS, server.port()).exit(130).spawn();
    server.wait_for(2);
    running.signal("INT");
    let run = running.finish();
    assert!(run.home().join("ended").exists() && !is_there(run.home()));
}

#[test]
fn one_that_does_not_end_is_killed() {
    let (server, _) = healthy_from(1);
    let script = "#!/bin/sh\necho $$ > pid\ntrap '' TERM\nwhile :; do sleep 0.05; done\n";
    let run = call(script, server.port()).run();
    assert_eq!(run.only_point().count("ok"), 2);
    assert!(!is_there(run.home()));
    let log = std::fs::read_to_string(run.dir().join("benchmark.log")).unwrap();
    assert!(log.contains("was killed"), "{log}");
}
