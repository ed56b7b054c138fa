//! Open loops: requests go when they are due, and what a user feels is counted from then.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::support::{Reply, Server, alone, outcome, perf};

const FREEZE_FROM: Duration = Duration::from_secs(1);
const FREEZE_TO: Duration = Duration::from_secs(6);
/// The more of them, the fewer times in a row a slot is filled again after the freeze, and a server of this machine wakes
/// up late each time.
const SLOTS: usize = 32;
const REQUESTS: usize = 700;
const GAP_MS: f64 = 10.0;

/// Seconds of work that a request is, 10 ms to 30 ms. They differ, or all slots would come free at one instant after the
/// freeze, round for round, and what this machine needs to serve so many at once would add up.
fn service(index: usize) -> f64 {
    0.010 + (index * 7919 % 200) as f64 / 10_000.0
}

/// When a request is answered that a server, frozen once, gets at this time: it does no work while it is frozen.
fn answered(at: f64, service: f64) -> f64 {
    let (from, to) = (FREEZE_FROM.as_secs_f64(), FREEZE_TO.as_secs_f64());
    match at {
        at if at >= to || at + service <= from => at + service,
        at if at >= from => to + service,
        at => to + (at + service - from),
    }
}

/// What users of a hundred requests a second feel in seconds, by the arithmetic of so many slots, sorted.
fn expected(requests: usize) -> Vec<f64> {
    let mut free = [0.0f64; SLOTS];
    let mut felt: Vec<f64> = (0..requests)
        .map(|index| {
            let due = (index + 1) as f64 * GAP_MS / 1000.0;
            let slot = free.iter_mut().min_by(|a, b| a.total_cmp(b)).unwrap();
            *slot = answered(slot.max(due), service(index));
            *slot - due
        })
        .collect();
    felt.sort_by(f64::total_cmp);
    felt
}

#[test]
fn a_frozen_server_shows_in_the_view_from_the_due_time_as_theory_says() {
    let _alone = alone();
    // The server's own zero is the due time of the first request, which it cannot know before that comes.
    let begun: Mutex<Option<Instant>> = Mutex::new(None);
    let server = Server::start(move |seen| {
        let now = Instant::now();
        let zero = *begun.lock().unwrap().get_or_insert(now - Duration::from_secs_f64(GAP_MS / 1000.0));
        assert!(seen.index() < REQUESTS);
        let at = (now - zero).as_secs_f64();
        Reply::stream()
            .pause(Duration::from_secs_f64(answered(at, service(seen.index())) - at))
            .text("a")
            .finish()
            .usage(1, 1)
            .done()
    });
    let run = perf()
        .against(&server)
        .args("--open-loop --rate 100 --arrival constant --number 700 --max-in-flight 32 --max-tokens 1")
        .run();
    let point = run.only_point();
    let figures = point.summary()["figures"].clone();
    let expected = expected(REQUESTS);
    for (name, q) in [("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)] {
        let theory = expected[(q * REQUESTS as f64).ceil() as usize - 1] * 1000.0;
        let felt = figures["e2e_intended_ms"][name].as_f64().unwrap();
        assert!((felt - theory).abs() <= 0.01 * theory, "{name}: {felt} ms felt, {theory} ms by theory");
        // Only what was in flight when the server froze knows of it in the other view: 32 of 700.
        let real = figures["e2e_ms"][name].as_f64().unwrap();
        assert!(q > 0.97 || real < 0.1 * theory, "{name}: {real} ms from the real start");
    }
    assert_eq!((point.count("total"), point.count("unsent"), point.count("censored")), (REQUESTS as u64, 0, 0));
    let trust = point.json("trust.json");
    assert_eq!(trust["verdict"], "INVALID", "a pool too small is the client's own limit");
    assert!(trust["doubts"].as_array().unwrap().iter().any(|doubt| doubt["cause"] == "slots_exhausted"));
    assert_eq!(trust["dominating"], "slot");
}

#[test]
fn what_came_due_and_was_never_sent_is_counted_and_censored() {
    let server = Server::start(|_| Reply::never());
    let run = perf()
        .against(&server)
        .args("--open-loop --rate 50 --arrival constant --number 1000 --max-in-flight 2")
        .args("--duration 1 --grace-period 0.1")
        .exit(3)
        .run();
    let point = run.only_point();
    let rows = point.rows();
    // Due every 20 ms, the last one before the second is over.
    assert_eq!(rows.len(), 49);
    assert_eq!(rows.iter().filter(|row| outcome(row) == "unsent").count(), 47);
    assert_eq!((point.count("total"), point.count("cancelled"), point.count("unsent_rows")), (2, 2, 47));
    assert_eq!((point.count("unsent"), point.count("censored")), (998, 49));
    let felt = &point.summary()["figures"]["e2e_intended_ms"];
    assert_eq!(felt["n"], 49, "each counts with the time it was waited for");
    assert!(felt["max"].as_f64().unwrap() >= 1000.0);
    assert_eq!(point.json("benchmark_summary.json")["Total Requests"], 0, "EvalScope knows of no such request");
}

#[test]
fn every_request_goes_at_its_own_instant_and_none_before() {
    let server = Server::start(|_| Reply::of(&["a"]));
    let run = perf().against(&server).args("--open-loop --rate 200,400 --number 40,80 --seed 7").run();
    for (folder, number, rate) in [("rate_200.0_number_40", 40, 200.0), ("rate_400.0_number_80", 80, 400.0)] {
        let point = run.point(folder);
        let rows = point.rows();
        assert_eq!(rows.len(), number);
        let at = |row: &serde_json::Value, name: &str| row[name].as_u64().unwrap();
        let first = at(&rows[0], "intended_ns");
        for row in &rows {
            assert!(at(row, "released_ns") >= at(row, "intended_ns"), "never early");
            assert!(at(row, "started_ns") >= at(row, "released_ns"));
        }
        // Scaled so that the last is due at number / rate; the first gap is missing here.
        let last = at(&rows[number - 1], "intended_ns");
        let span = (last - first) as f64 / 1e9;
        assert!(span < number as f64 / rate, "{span}");
        let args = point.json("benchmark_args.json");
        assert_eq!((&args["open_loop"], &args["parallel"], &args["rate"]), (&true.into(), &(-1).into(), &rate.into()));
        let theirs = point.json("benchmark_summary.json");
        assert_eq!((&theirs["Concurrency"], &theirs["Request Rate (req/s)"]), (&(-1).into(), &rate.into()));
    }
}

#[test]
fn a_closed_loop_with_a_rate_is_paced_and_capped() {
    let server = Server::start(|_| Reply::of(&["a"]));
    let run = perf().against(&server).args("--parallel 2 --rate 500 --number 20").run();
    let point = run.point("parallel_2_number_20");
    assert_eq!(point.count("ok"), 20);
    // Each worker has connections of its own; the cap is on what is in flight.
    let most = server.seen().iter().map(|seen| seen.in_flight).max();
    assert!(most <= Some(2), "{most:?} in flight");
    assert_eq!(point.json("benchmark_args.json")["rate"], 500.0);
}

/// When the requests of a point were due, in ns after the first of them.
fn dues(point: &crate::support::Point) -> Vec<u64> {
    let due: Vec<u64> = point.rows().iter().map(|row| row["intended_ns"].as_u64().unwrap()).collect();
    due.iter().map(|at| at - due[0]).collect()
}

const TRACE: &str = "17.5\n17.55\n17.55\n17.63\n\n17.8\n17.801000001\n";
const OFFSETS: [u64; 6] = [0, 50_000_000, 50_000_000, 130_000_000, 300_000_000, 301_000_001];

#[test]
fn a_trace_is_met_as_it_was_recorded() {
    let server = Server::start(|_| Reply::of(&["a"]));
    let call = || perf().against(&server).file("t.txt", TRACE).args("--open-loop --arrival trace --arrival-file t.txt");
    let run = call().run();
    let point = run.point("rate_-1.0_number_6");
    assert_eq!(dues(&point), OFFSETS);
    for row in point.rows() {
        let at = |name: &str| row[name].as_u64().unwrap();
        assert!(at("released_ns") >= at("intended_ns") && at("started_ns") >= at("released_ns"), "never early");
    }
    let load = point.summary();
    assert_eq!((&load["speed"], &load["rate"]), (&1.0.into(), &serde_json::Value::Null));
    let args = point.json("benchmark_args.json");
    assert_eq!((&args["open_loop"], &args["parallel"], &args["rate"]), (&true.into(), &(-1).into(), &(-1.0).into()));
    assert_eq!(point.json("benchmark_summary.json")["Request Rate (req/s)"], -1.0);
    assert!(run.stdout.contains("--trace-speed 2"), "{}", run.stdout);
    // Its own plan, and the report of it, give the same point again.
    let plan = std::fs::read(point.path.join("plan.toml")).unwrap();
    let again =
        perf().file("t.txt", TRACE).file("plan.toml", plan).args("--profile plan.toml --no-server-metrics").run();
    assert_eq!(dues(&again.point("rate_-1.0_number_6")), OFFSETS);
    crate::support::report(&again).run();
    assert_eq!(again.point("rate_-1.0_number_6").count("ok"), 6);
    call().args("--dry-run").prints("# point 1: 1 x recorded speed, number 6, warm-up 0").run();
}

#[test]
fn a_trace_can_be_hastened_cut_and_brought_to_a_rate() {
    let server = Server::start(|_| Reply::of(&["a"]));
    let call = || perf().against(&server).file("t.txt", TRACE).args("--open-loop --arrival trace --arrival-file t.txt");
    let fast = call().args("--trace-speed 2").run();
    assert_eq!(dues(&fast.point("rate_-1.0_number_6")), OFFSETS.map(|at| (at as f64 / 2.0).round() as u64));
    let short = call().args("--number 4").run();
    assert_eq!(dues(&short.point("rate_-1.0_number_4")), OFFSETS[..4]);
    // The warm-up comes out of the same instants.
    let warm = call().args("--warmup-num 2").run();
    let point = warm.point("rate_-1.0_number_4");
    assert_eq!((dues(&point), point.count("warmup"), point.count("ok")), (OFFSETS.to_vec(), 2, 4));
    // Five gaps at 20 a second take a quarter of a second.
    let at_rate = call().args("--rate 20 --number 6").run();
    let due = dues(&at_rate.point("rate_20.0_number_6"));
    assert_eq!(due[5], 250_000_000);
    assert_eq!(due[1], (OFFSETS[1] as f64 * 250.0 / 301.000001).round() as u64);
    for (args, words) in [
        ("--number 7", "--arrival-file t.txt: 6 instants, and 7 requests are asked for"),
        ("--number 5 --warmup-num 2", "6 instants, and 7 requests"),
        ("--warmup-num 6", "its 6 instants are all taken by the warm-up"),
        ("--rate 5", "6 instants, and 1000 requests"),
        ("--rate 5 --trace-speed 2", "--trace-speed and --rate exclude each other"),
        ("--trace-speed 0", "--trace-speed 0: must be a positive number"),
    ] {
        for dry in ["", "--dry-run"] {
            let before = server.seen().len();
            call().args(args).args(dry).exit(2).says(words).says("hint:").run();
            assert_eq!(server.seen().len(), before);
        }
    }
}

#[test]
fn a_rate_grows_from_the_first_request_to_the_last() {
    let server = Server::start(|_| Reply::of(&["a"]));
    for strategy in ["linear", "exponential"] {
        let run = perf()
            .against(&server)
            .args("--open-loop --number 25 --ramp-up-start-rps 40 --ramp-up-end-rps 400 --ramp-up-strategy")
            .arg(strategy)
            // Gaps of such a shape are all but equal, so that the ramp alone is seen.
            .args("--burstiness 1000000 --seed 2")
            .run();
        let point = run.point("rate_400.0_number_25");
        assert_eq!(point.count("ok"), 25);
        let due = dues(&point);
        for index in 1..25 {
            let progress = index as f64 / 24.0;
            let rate = match strategy {
                "linear" => 40.0 + 360.0 * progress,
                _ => 40.0 * 10.0f64.powf(progress),
            };
            let gap = (due[index] - due[index - 1]) as f64 / 1e9;
            assert!((gap * rate - 1.0).abs() < 0.01, "{strategy}: gap {index} of {gap} s at {rate} req/s");
        }
    }
}

#[test]
fn connections_are_open_before_a_burst_is_due() {
    let server = Server::start(|_| Reply::of(&["a"]));
    let row = |second: f64| format!("{{\"timestamp\": {second}, \"input_length\": 5, \"output_length\": 1}}\n");
    let trace: String = std::iter::once(row(0.0)).chain(std::iter::repeat_n(row(0.8), 12)).collect();
    let run = perf()
        .against(&server)
        .file("trace.jsonl", trace)
        .args("--dataset timed_trace --dataset-path trace.jsonl --open-loop")
        .run();
    let point = run.only_point();
    assert_eq!(point.count("ok"), 13);
    // Each worker opens its share, which it knows no better than by their number.
    let first = server.asked().iter().filter(|seen| seen.index() > 0).map(|seen| seen.opened).min().unwrap();
    assert!(first >= 8, "{first} connections were open when the first of twelve came");
    for row in point.rows() {
        assert_eq!(row["connect_ns"].is_null(), row["connection_reused"] == true, "{row}");
    }
}
