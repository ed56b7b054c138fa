//! What is said of trust names each load, each cause once, and the error bar.

use super::super::fixture;
use super::*;
use crate::stats::Cause;

#[test]
fn loads_are_named_by_their_verdict() {
    assert_eq!(verdicts(&fixture::doubted()), "VALID at 1, 8, DEGRADED at 32, INVALID at 128");
    assert_eq!(verdicts(&fixture::open()), "VALID at 5, 10 req/s, INVALID at 20 req/s");
    assert_eq!(verdicts(&fixture::unjudged()), "not judged at 1, 8, 32");
    assert_eq!(verdicts(&fixture::all_failed()), "not judged at 4");
    let mut run = fixture::repeated();
    assert_eq!(verdicts(&run), "VALID at 1, 8");
    run.points[3].trust = None;
    assert_eq!(verdicts(&run), "VALID at 1, 8, run 1, not judged at 8, run 2");
}

#[test]
fn a_cause_at_several_loads_is_one_reason_and_one_hint() {
    let found = judgement(&fixture::doubted());
    assert_eq!(found.reasons.len(), 1, "{:?}", found.reasons);
    assert!(found.reasons[0].starts_with("at 32, 128: at worst, at 128 in flight, due requests waited"));
    assert_eq!(found.hints, [Cause::SlotsExhausted.advice()]);
    assert_eq!(found.doubts.rows.len(), 2);
    assert_eq!(found.worst, Some(Verdict::Invalid));
}

#[test]
fn the_error_bar_is_the_largest_and_says_who_stamped() {
    let mut run = fixture::doubted();
    let bars = judgement(&run).bars;
    assert_eq!(bars[0], "error bar from self-check: TTFT ±0.40 ms, ITL ±0.29 ms; stamps by the kernel");
    assert!(bars[1].contains("100 tried"));
    for point in &mut run.points {
        if let Some(trust) = &mut point.trust {
            trust.self_check = None;
            if let Some(host) = &mut trust.host {
                (host.user_reads, host.kernel_reads) = (host.kernel_reads, 0);
            }
        }
    }
    assert_eq!(judgement(&run).bars, ["no self-check, so no error bar; stamps by user space"]);
}

#[test]
fn text_of_a_doubt_is_cleaned() {
    let mut run = fixture::doubted();
    if let Some(trust) = &mut run.points[2].trust {
        trust.doubts[0].text = "a\u{1b}[31mb".to_owned();
    }
    let found = judgement(&run);
    assert_eq!(found.doubts.rows[0].cells[2].text(), "a [31mb");
}
