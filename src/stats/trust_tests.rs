//! Each fault alone yields its own doubt, and an undisturbed run none.

use super::*;

fn hist(values: impl IntoIterator<Item = u64>) -> Hist {
    let mut hist = Hist::new();
    values.into_iter().for_each(|value| hist.record(value));
    hist
}

/// A host on which nothing was amiss.
fn quiet() -> Host {
    Host {
        lag_ms: Host::spread(&hist(vec![30_000; 1000])),
        pulse_ms: Host::spread(&hist(vec![80_000; 200])),
        kernel_reads: 1000,
        kernel_sends: 100,
        workers: 2,
        cpu_percent: Some(20.0),
        run_delay_percent: Some(1.0),
        stolen_percent: Some(0.5),
        ..Host::default()
    }
}

fn record(slot_ns: u64) -> Record {
    Record {
        released_ns: Some(1_010_000),
        slot_ns: Some(1_010_000 + slot_ns),
        ready_ns: Some(1_020_000 + slot_ns),
        started_ns: Some(1_030_000 + slot_ns),
        sent_ns: Some(1_050_000 + slot_ns),
        first_byte_ns: Some(51_000_000 + slot_ns),
        first_seen_ns: Some(51_030_000 + slot_ns),
        outcome: Outcome::Ok,
        ..Record::due("r".to_owned(), 0, 0, 1_000_000)
    }
}

fn judge(slot_ns: u64, host: Host) -> Trust {
    let mut stages = Stages::default();
    (0..100).for_each(|_| stages.add(&record(slot_ns)));
    Trust::judge(&stages, Some(host), None, Some(60.0), 100)
}

fn causes(trust: &Trust) -> Vec<Cause> {
    trust.doubts.iter().map(|doubt| doubt.cause).collect()
}

#[test]
fn an_undisturbed_run_is_valid_and_says_where_time_went() {
    let trust = judge(0, quiet());
    assert_eq!((trust.verdict, causes(&trust)), (Verdict::Valid, vec![]));
    let names: Vec<_> = trust.stages.iter().map(|spread| spread.stage.name()).collect();
    assert_eq!(names, ["released", "slot", "connect", "start", "write", "server", "seen"]);
    assert_eq!(trust.dominating, Some(Stage::Seen));
}

#[test]
fn each_fault_has_its_own_name() {
    let with = |change: fn(&mut Host)| {
        let mut host = quiet();
        change(&mut host);
        judge(0, host)
    };
    let slow = |host: &mut Host| host.lag_ms = Host::spread(&hist(vec![3_000_000; 100]));
    let paused = |host: &mut Host| host.pulse_ms = Host::spread(&hist([80_000, 50_000_000]));
    for (trust, cause, verdict) in [
        (judge(3_000_000, quiet()), Cause::SlotsExhausted, Verdict::Degraded),
        (judge(30_000_000, quiet()), Cause::SlotsExhausted, Verdict::Invalid),
        (with(slow), Cause::SlowRead, Verdict::Degraded),
        (with(paused), Cause::ClientPaused, Verdict::Degraded),
        (with(|host| host.run_delay_percent = Some(45.0)), Cause::ProcessorContended, Verdict::Degraded),
        (with(|host| host.run_delay_percent = Some(70.0)), Cause::ProcessorContended, Verdict::Invalid),
        (with(|host| host.stolen_percent = Some(12.0)), Cause::ProcessorStolen, Verdict::Degraded),
        (with(|host| host.cpu_percent = Some(97.0)), Cause::ClientSaturated, Verdict::Degraded),
        (with(|host| host.starved = 9), Cause::WorkloadStarved, Verdict::Degraded),
        (with(|host| host.clock_step_ms = 12.0), Cause::ClockStepped, Verdict::Degraded),
        (with(|host| host.user_reads = 5000), Cause::UserStamps, Verdict::Degraded),
    ] {
        assert_eq!((causes(&trust), trust.verdict), (vec![cause], verdict));
        assert!(!trust.doubts[0].advice.is_empty());
    }
}

#[test]
fn a_long_latency_forgives_more() {
    let mut stages = Stages::default();
    (0..100).for_each(|_| stages.add(&record(3_000_000)));
    let trust = Trust::judge(&stages, Some(quiet()), None, Some(2_000.0), 100);
    assert_eq!((trust.verdict, trust.limit_ms), (Verdict::Valid, 20.0));
}

#[test]
fn what_never_got_a_slot_counts_with_its_wait() {
    let mut stages = Stages::default();
    let released_ns = Some(1_010_000);
    let unsent = Record {
        outcome: Outcome::Unsent,
        released_ns,
        end_ns: 901_010_000,
        ..Record::due("r".to_owned(), 0, 0, 1_000_000)
    };
    stages.add(&unsent);
    let trust = Trust::judge(&stages, None, None, None, 1);
    assert_eq!((causes(&trust), trust.verdict), (vec![Cause::SlotsExhausted], Verdict::Invalid));
}

#[test]
fn a_warm_up_is_left_out() {
    let mut stages = Stages::default();
    stages.add(&Record { warmup: true, ..record(0) });
    assert_eq!(Trust::judge(&stages, None, None, None, 0).stages, []);
}

#[test]
fn a_bias_is_the_mean_with_the_middle_of_the_errors() {
    let bias = Bias::of((0..=1000).rev().map(f64::from).collect());
    assert_eq!(bias, Some(Bias { bias: 500.0, low: 25.0, high: 975.0 }));
    assert_eq!(Bias::of(vec![-2.0]), Some(Bias { bias: -2.0, low: -2.0, high: -2.0 }));
    assert_eq!(Bias::of(Vec::new()), None);
}
