//! Each finding is made by its fault alone, and none by a clean run.

use proptest::prelude::*;

use super::*;

/// A run of 200 requests of 1000 + 100 tokens, 8 in flight, and a server that counted exactly that.
fn clean() -> (Scrapes, Ours) {
    let ours = Ours {
        sent: 200,
        ok: 200,
        choices: 1,
        prompt_tokens: Some(200_000),
        completion_tokens: Some(20_000),
        ttft_mean_ms: Some(100.9),
        lag_ms: None,
        in_flight_max: 8,
        in_flight_mean: 7.9,
    };
    (scrapes(&ours, 100.0, 0.0), ours)
}

/// Readings of a server that had been used before, and that counted exactly what was ours.
fn scrapes(ours: &Ours, ttft_ms: f64, hit: f64) -> Scrapes {
    let at = |share: f64, inside: f64| {
        let of = |base: f64, many: Option<u64>| many.map(|many| base + (many as f64 * share).floor());
        let requests = (ours.ok as f64 * share).floor();
        let prompts = of(5000.0, ours.prompt_tokens);
        Reading {
            of_model: true,
            requests: of(7.0, Some(ours.ok)),
            prompt_tokens: prompts,
            completion_tokens: of(70.0, ours.completion_tokens),
            ttft_sum_s: Some(3.0 + requests * ttft_ms / 1e3),
            ttft_count: Some(7.0 + requests),
            cache_queries: prompts,
            cache_hits: prompts.map(|prompts| 100.0 + (prompts - 5000.0) * hit),
            preemptions: Some(2.0),
            running: Some(inside),
            waiting: Some(0.0),
            kv_usage: Some(inside / 100.0),
            cache_hit_rate: None,
        }
    };
    let inside = ours.in_flight_max as f64;
    Scrapes {
        engine: "vLLM".to_owned(),
        before: at(0.0, 0.0),
        during: (1..8).map(|tick| at(f64::from(tick) / 8.0, inside)).collect(),
        after: at(1.0, 0.0),
        failed: 0,
    }
}

const RANDOM: Sharing = Sharing::Prefix { shared: 0.0, own: 1000.0 };
const PREFIXED: Sharing = Sharing::Prefix { shared: 500.0, own: 500.0 };

#[track_caller]
fn found(scrapes: &Scrapes, ours: &Ours, sharing: Sharing) -> Vec<Code> {
    let audit = Audit::of(scrapes, ours, sharing);
    for finding in &audit.findings {
        assert!(!finding.text.is_empty() && !finding.advice.is_empty());
        assert!(!finding.text.contains("NaN") && !finding.text.contains('—'), "{}", finding.text);
    }
    audit.findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn a_clean_run_has_its_numbers_and_no_finding() {
    let (scrapes, ours) = clean();
    let audit = Audit::of(&scrapes, &ours, RANDOM);
    assert_eq!(audit.findings, []);
    assert_eq!((audit.scrapes, audit.scrapes_failed), (9, 0));
    assert_eq!(audit.requests, Pair { server: Some(200.0), ours: Some(200.0) });
    assert_eq!(audit.prompt_tokens.difference(), Some(0.0));
    assert_eq!(audit.completion_tokens.server, Some(20_000.0));
    assert!(audit.ttft_mean_ms.difference().is_some_and(|gap| (gap + 0.9).abs() < 1e-6));
    assert_eq!(audit.running_max, Pair { server: Some(8.0), ours: Some(8.0) });
    assert_eq!(audit.cache_hit, Pair { server: Some(0.0), ours: Some(0.0) });
    assert_eq!((audit.kv_usage_max, audit.preemptions), (Some(0.08), Some(0.0)));
}

#[test]
fn five_percent_of_foreign_requests_are_found_alone() {
    let (mut scrapes, ours) = clean();
    let add = |reading: &mut Reading, many: f64| {
        for (counter, each) in [
            (&mut reading.requests, 1.0),
            (&mut reading.ttft_count, 1.0),
            (&mut reading.ttft_sum_s, 0.02),
            (&mut reading.prompt_tokens, 3000.0),
            (&mut reading.cache_queries, 3000.0),
            (&mut reading.cache_hits, 2900.0),
            (&mut reading.completion_tokens, 50.0),
        ] {
            *counter = counter.map(|counted| counted + each * many);
        }
    };
    for (tick, reading) in scrapes.during.iter_mut().enumerate() {
        add(reading, tick as f64);
        reading.running = Some(16.0);
    }
    add(&mut scrapes.after, 10.0);
    assert_eq!(found(&scrapes, &ours, RANDOM), [Code::ForeignTraffic]);
    let audit = Audit::of(&scrapes, &ours, RANDOM);
    assert!(audit.findings[0].text.contains("210 requests and 200 were sent"), "{}", audit.findings[0].text);
}

#[test]
fn a_foreign_client_is_found_by_tokens_where_requests_are_not_counted() {
    let (mut scrapes, ours) = clean();
    scrapes.engine = "llama.cpp".to_owned();
    let forget = |reading: &mut Reading| {
        *reading = Reading {
            prompt_tokens: reading.prompt_tokens,
            completion_tokens: reading.completion_tokens,
            running: reading.running,
            waiting: reading.waiting,
            ..Reading::default()
        };
    };
    [&mut scrapes.before, &mut scrapes.after].into_iter().chain(&mut scrapes.during).for_each(forget);
    assert_eq!(found(&scrapes, &ours, RANDOM), []);
    let mut cached = scrapes.clone();
    cached.after.prompt_tokens = Some(185_000.0);
    assert_eq!(found(&cached, &ours, RANDOM), [], "this engine leaves cached prompt tokens out");
    let mut foreign = scrapes.clone();
    foreign.after.completion_tokens = Some(21_070.0);
    assert_eq!(found(&foreign, &ours, RANDOM), [Code::ForeignTraffic]);
    scrapes.after.completion_tokens = Some(18_000.0);
    assert_eq!(found(&scrapes, &ours, RANDOM), [Code::LostRequests]);
}

#[test]
fn a_wrong_replica_is_found_alone() {
    let (mut scrapes, ours) = clean();
    let reading = &mut scrapes.after;
    reading.requests = Some(7.0 + 100.0);
    reading.prompt_tokens = Some(5000.0 + 100_000.0);
    reading.completion_tokens = Some(70.0 + 10_000.0);
    reading.cache_queries = reading.prompt_tokens;
    reading.ttft_count = reading.requests;
    scrapes.during.clear();
    assert_eq!(found(&scrapes, &ours, RANDOM), [Code::LostRequests]);
}

#[test]
fn failed_and_left_over_requests_are_no_finding() {
    let (mut scrapes, mut ours) = clean();
    // Twenty were given up; the server counted some of them.
    ours.sent = 220;
    scrapes.after.requests = Some(7.0 + 211.0);
    scrapes.after.prompt_tokens = Some(205_000.0 + 11_000.0);
    scrapes.during[5].waiting = Some(15.0);
    assert_eq!(found(&scrapes, &ours, RANDOM), []);
    // Two that others left inside ended in our time, and two of ours are inside still.
    let (mut scrapes, ours) = clean();
    scrapes.before.running = Some(2.0);
    scrapes.after.requests = Some(7.0 + 202.0);
    assert_eq!(found(&scrapes, &ours, RANDOM), []);
    scrapes.before.running = Some(0.0);
    scrapes.after.requests = Some(7.0 + 198.0);
    scrapes.after.completion_tokens = Some(70.0 + 19_700.0);
    scrapes.after.running = Some(2.0);
    assert_eq!(found(&scrapes, &ours, RANDOM), []);
}

#[test]
fn several_replies_may_count_as_several_requests() {
    let (mut scrapes, mut ours) = clean();
    scrapes.after.requests = Some(7.0 + 600.0);
    scrapes.after.prompt_tokens = Some(605_000.0);
    assert_eq!(found(&scrapes, &ours, RANDOM), [Code::ForeignTraffic]);
    ours.choices = 3;
    assert_eq!(found(&scrapes, &ours, RANDOM), []);
}

#[test]
fn tokens_that_differ_are_found_alone() {
    for (prompt, completion) in [(207_100.0, 20_070.0), (200_100.0, 20_070.0), (205_000.0, 18_000.0)] {
        let (mut scrapes, ours) = clean();
        scrapes.after.prompt_tokens = Some(prompt);
        scrapes.after.completion_tokens = Some(completion);
        assert_eq!(found(&scrapes, &ours, RANDOM), [Code::TokenMismatch], "{prompt} {completion}");
    }
}

#[test]
fn prompts_that_the_server_knew_are_found_alone() {
    let (_, ours) = clean();
    assert_eq!(found(&scrapes(&ours, 100.0, 0.97), &ours, RANDOM), [Code::CacheHitUnexpected]);
    assert_eq!(found(&scrapes(&ours, 100.0, 0.97), &ours, PREFIXED), [Code::CacheHitUnexpected]);
    assert_eq!(found(&scrapes(&ours, 100.0, 0.97), &ours, Sharing::Unknown), []);
    assert_eq!(found(&scrapes(&ours, 100.0, 0.97), &ours, Sharing::Whole), []);
    assert_eq!(found(&scrapes(&ours, 100.0, 0.12), &ours, RANDOM), [], "a chat template is shared by all");
}

#[test]
fn a_prefix_that_is_not_cached_is_found_alone() {
    let (_, ours) = clean();
    assert_eq!(found(&scrapes(&ours, 100.0, 0.49), &ours, PREFIXED), []);
    assert_eq!(found(&scrapes(&ours, 100.0, 0.02), &ours, PREFIXED), [Code::CacheHitLow]);
    assert_eq!(found(&scrapes(&ours, 100.0, 0.02), &ours, Sharing::Whole), [Code::CacheHitLow]);
    let burst = Ours { in_flight_max: 100, ..ours.clone() };
    assert_eq!(found(&scrapes(&ours, 100.0, 0.02), &burst, PREFIXED), [], "those that start together all miss");
    let short = Sharing::Prefix { shared: 20.0, own: 20.0 };
    assert_eq!(found(&scrapes(&ours, 100.0, 0.0), &ours, short), [], "less than a few blocks is not cached");
}

#[test]
fn the_engines_own_rate_stands_in_for_counters() {
    let (mut scrapes, ours) = clean();
    for reading in [&mut scrapes.before, &mut scrapes.after].into_iter().chain(&mut scrapes.during) {
        reading.cache_hits = None;
        reading.cache_hit_rate = Some(0.9);
    }
    scrapes.during[0].cache_hit_rate = Some(-1.0);
    assert_eq!(found(&scrapes, &ours, RANDOM), [Code::CacheHitUnexpected]);
    let rate = Audit::of(&scrapes, &ours, RANDOM).cache_hit.server;
    assert!(rate.is_some_and(|rate| (rate - 0.9).abs() < 1e-9), "a rate that is not known yet is left out: {rate:?}");
}

#[test]
fn a_late_first_token_is_found_alone_and_its_place_is_named() {
    let (_, mut ours) = clean();
    ours.ttft_mean_ms = Some(111.0);
    let scrapes = scrapes(&ours, 100.0, 0.0);
    let text = |ours: &Ours| {
        assert_eq!(found(&scrapes, ours, RANDOM), [Code::TtftGap]);
        Audit::of(&scrapes, ours, RANDOM).findings[0].text.clone()
    };
    assert_eq!(text(&ours), "the first token took 111 ms on average and the server says 100 ms: 11.0 ms more");
    ours.lag_ms = Some(0.2);
    assert!(text(&ours).contains("the rest is the network or a proxy"));
    ours.lag_ms = Some(9.0);
    assert!(text(&ours).ends_with("9.00 ms of it is this program's own delay"));
    let fast = self::scrapes(&ours, 4.0, 0.0);
    ours.ttft_mean_ms = Some(4.9);
    assert_eq!(found(&fast, &ours, RANDOM), [], "less than a millisecond is no gap");
    ours.ttft_mean_ms = Some(104.9);
    assert_eq!(found(&scrapes, &ours, RANDOM), []);
    ours.ttft_mean_ms = Some(111.0);
    ours.sent += 1;
    assert_eq!(found(&scrapes, &ours, RANDOM), [], "the server's mean may hold the request that failed here");
}

#[test]
fn others_inside_the_server_are_found_alone() {
    let (mut scrapes, ours) = clean();
    scrapes.during[3].waiting = Some(1.0);
    assert_eq!(found(&scrapes, &ours, RANDOM), [], "gauges lag");
    scrapes.during[3].waiting = Some(4.0);
    assert_eq!(found(&scrapes, &ours, RANDOM), [Code::RunningMismatch]);
    assert!(Audit::of(&scrapes, &ours, RANDOM).findings[0].text.contains("another client"));
}

#[test]
fn a_queue_before_the_server_is_found_alone() {
    let (mut scrapes, ours) = clean();
    scrapes.during.iter_mut().for_each(|reading| reading.running = Some(3.0));
    assert_eq!(found(&scrapes, &ours, RANDOM), [Code::RunningMismatch]);
    assert!(Audit::of(&scrapes, &ours, RANDOM).findings[0].text.contains("held up before it"));
    scrapes.during.truncate(2);
    assert_eq!(found(&scrapes, &ours, RANDOM), [], "two looks are too few");
}

#[test]
fn preemptions_are_found_alone() {
    let (mut scrapes, ours) = clean();
    scrapes.after.preemptions = Some(5.0);
    assert_eq!(found(&scrapes, &ours, RANDOM), [Code::Preemptions]);
}

#[test]
fn a_restart_is_found_alone_and_nothing_is_drawn_from_its_counters() {
    let (mut scrapes, ours) = clean();
    scrapes.during[4].requests = Some(1.0);
    assert_eq!(found(&scrapes, &ours, RANDOM), [Code::Restarted]);
    assert_eq!(Audit::of(&scrapes, &ours, RANDOM).requests.server, None);
    let (mut scrapes, ours) = clean();
    scrapes.during[4] = Reading { of_model: false, ..Reading::default() };
    assert_eq!(found(&scrapes, &ours, RANDOM), [Code::Restarted], "counters that vanish began anew");
}

#[test]
fn counters_that_appear_with_the_first_request_began_at_zero() {
    let (mut scrapes, ours) = clean();
    let base = scrapes.before.clone();
    for reading in [&mut scrapes.after].into_iter().chain(&mut scrapes.during) {
        reading.requests = reading.requests.map(|many| many - 7.0);
        reading.prompt_tokens = reading.prompt_tokens.map(|many| many - 5000.0);
        reading.completion_tokens = reading.completion_tokens.map(|many| many - 70.0);
        reading.ttft_count = reading.ttft_count.map(|many| many - 7.0);
        reading.ttft_sum_s = reading.ttft_sum_s.map(|many| many - 3.0);
        reading.cache_queries = reading.prompt_tokens;
        reading.cache_hits = reading.cache_hits.map(|many| many - 100.0);
    }
    scrapes.before = Reading { of_model: false, running: Some(0.0), preemptions: Some(2.0), ..Reading::default() };
    scrapes.after.preemptions = Some(0.0);
    scrapes.during.iter_mut().for_each(|reading| reading.preemptions = Some(0.0));
    assert_eq!(found(&scrapes, &ours, RANDOM), []);
    // The same where another model had been counted until then.
    scrapes.before = Reading { of_model: false, ..base };
    assert_eq!(found(&scrapes, &ours, RANDOM), []);
}

#[test]
fn an_audit_comes_back_from_its_file() -> Result<(), serde_json::Error> {
    let (scrapes, mut ours) = clean();
    ours.ttft_mean_ms = Some(300.0);
    let audit = Audit::of(&scrapes, &ours, Sharing::Unknown);
    let text = serde_json::to_string(&audit)?;
    assert!(text.contains(r#""format_version":1"#) && text.contains(r#""code":"ttft_gap""#), "{text}");
    assert_eq!(serde_json::from_str::<Audit>(&text)?, audit);
    Ok(())
}

proptest! {
    #[test]
    fn exact_counters_make_no_finding(
        ok in 1u64..5000, prompt in 1u64..4000, completion in 1u64..2000, parallel in 1u64..300,
        ttft in 0.1f64..5000.0, lag in 0f64..0.9, prefix in 0f64..3000.0, own in 1f64..3000.0, failed in 0u64..9,
    ) {
        let ours = Ours {
            sent: ok + failed,
            ok,
            choices: 1,
            prompt_tokens: Some(ok * prompt),
            completion_tokens: Some(ok * completion),
            ttft_mean_ms: Some(ttft + lag),
            lag_ms: None,
            in_flight_max: parallel.min(ok),
            in_flight_mean: parallel.min(ok) as f64 * 0.9,
        };
        let share = prefix / (prefix + own) * (ok - 1) as f64 / ok as f64;
        let sharing = Sharing::Prefix { shared: prefix, own };
        let audit = Audit::of(&scrapes(&ours, ttft, share), &ours, sharing);
        prop_assert_eq!(audit.findings, vec![]);
    }
}
