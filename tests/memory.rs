//! Memory stays flat whatever the number of requests, the making of the result files included.

use crate::support::{Reply, Server, alone, perf};

/// Most memory that the program held over so many requests, in MiB.
fn peak(requests: u32) -> f64 {
    let server = Server::start(|_| Reply::stream().text("a").text("b").finish().usage(1, 2).done());
    let args = format!("--parallel 16 --number {requests} --max-tokens 2 --prompt hi");
    let run = perf().against(&server).args(&args).run();
    assert_eq!(run.only_point().summary()["figures"]["counts"]["ok"], requests);
    run.summary()["peak_memory_mib"].as_f64().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn ten_times_the_requests_take_the_same_memory() {
    let _alone = alone();
    let (few, many) = (peak(10_000), peak(100_000));
    assert!(many <= 1.2 * few, "{few:.1} MiB for 10,000 requests, {many:.1} MiB for 100,000");
}
