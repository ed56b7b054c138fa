//! Planted changes are found, and nothing is found where nothing changes.

use super::super::draw::Draw;
use super::*;

const S: u64 = 1_000_000_000;
const MS: f64 = 1e6;
const SEEDS: u64 = 300;

/// Seeds in which a warm-up is seen among values that start 10 ms apart.
fn seen(series: impl Fn(&mut Draw) -> Vec<f64>) -> Vec<u64> {
    let of = |seed: u64| {
        let mut warm_up = WarmUp::default();
        for (index, value) in series(&mut Draw::of(seed)).into_iter().enumerate() {
            warm_up.at(5 * S + index as u64 * 10_000_000, value as u64);
        }
        warm_up.settled_ns()
    };
    (0..SEEDS).filter_map(of).collect()
}

#[test]
fn nothing_is_cut_off_where_nothing_changes() {
    for n in [80, 200, 1000, 5000] {
        let independent = seen(|draw| draw.lognormal(n, 50.0 * MS, 0.8)).len();
        let correlated = seen(|draw| draw.autoregression(n, 50.0 * MS, 5.0 * MS, 0.5)).len();
        assert!(independent <= 6 && correlated <= 6, "{n}: {independent} and {correlated} of {SEEDS}");
    }
    let queue = seen(|draw| draw.queue(20_000, 10.0 * MS, 0.7)).len();
    assert!(queue <= 6, "{queue} of {SEEDS}");
}

#[test]
fn a_planted_change_is_found_within_one_window() {
    for (n, warm, factor) in [(2000usize, 200usize, 2.0), (2000, 600, 1.5), (640, 64, 3.0), (20_000, 1000, 1.5)] {
        let found = seen(|draw| {
            let mut values = draw.lognormal(n, 50.0 * MS, 0.5);
            values[..warm].iter_mut().for_each(|value| *value *= factor);
            values
        });
        let planted = 5 * S + warm as u64 * 10_000_000;
        let window = n as u64 * 10_000_000 / WINDOWS as u64;
        let near = found.iter().filter(|at| at.abs_diff(planted) <= window + window / 4).count() as u64;
        assert!(near * 100 >= SEEDS * 95, "{n}, {warm}: {near} of {} near, of {SEEDS}", found.len());
    }
}

#[test]
fn a_slow_start_is_cut_off_to_where_it_has_died_away() {
    let found = seen(|draw| {
        let values = draw.lognormal(4000, 50.0 * MS, 0.4);
        values.iter().enumerate().map(|(i, value)| value * (1.0 + 3.0 * (-(i as f64) / 150.0).exp())).collect()
    });
    // After three time constants of 150 requests the excess is 15 %.
    let late = found.iter().filter(|at| (5 * S + 2 * S..5 * S + 10 * S).contains(*at)).count() as u64;
    assert!(late * 100 >= SEEDS * 95, "{late} of {SEEDS}");
}

#[test]
fn a_change_that_comes_too_late_leaves_no_steady_part() {
    let found = seen(|draw| {
        let mut values = draw.lognormal(2000, 50.0 * MS, 0.3);
        values[1600..].iter_mut().for_each(|value| *value *= 4.0);
        values
    });
    assert!(found.is_empty(), "{found:?}");
}

/// A closed loop whose slots open one after the other, work, and close one after the other.
fn closed_loop(parallel: u64, ramp_ns: u64, run_ns: u64) -> FullLoad {
    let mut load = FullLoad::default();
    let mut draw = Draw::of(parallel);
    for slot in 0..parallel {
        let mut now = S + slot * ramp_ns / parallel;
        while now < S + run_ns {
            let end = now + (2e8 + 2e8 * draw.uniform()) as u64;
            load.between(now, end);
            // A slot is free for a moment before it is taken again.
            now = end + 50_000;
        }
    }
    load
}

#[test]
fn the_full_part_is_without_ramp_and_tail() -> Result<(), String> {
    let load = closed_loop(40, 8 * S, 60 * S);
    // 38 of 40 are in flight once the 38th has started, at 1 s + 37 / 40 of 8 s.
    for asked in [Some(40), None] {
        let steady = load.full(asked)?;
        assert!((steady.from_s - 8.4).abs() < 0.1, "{steady:?}");
        assert!((60.9..61.4).contains(&steady.to_s), "{steady:?}");
    }
    assert!((load.peak() - 40.0).abs() < 0.1, "{}", load.peak());
    Ok(())
}

#[test]
fn the_number_in_flight_is_exact() {
    let mut load = FullLoad::default();
    load.between(0, 4_000_000);
    load.between(500_000, 2_250_000);
    let means: Vec<f64> = load.in_flight().map(|(_, mean)| mean).collect();
    assert_eq!(means, [1.5, 2.0, 1.25, 1.0, 0.0]);
}

#[test]
fn there_is_no_full_part_without_a_reason() {
    let refused = |load: &FullLoad, asked| load.full(asked).err().unwrap_or_default();
    assert_eq!(refused(&FullLoad::default(), None), "no request was started");
    let load = closed_loop(4, 0, 30 * S);
    assert_eq!(refused(&load, Some(100)), "never were 95 requests in flight, at most 4");
    assert_eq!(
        refused(&closed_loop(4, 0, 5 * S), Some(4)),
        "the steady part is 5.11 s long, figures of it need 10.0 s"
    );
}

#[test]
fn a_warm_up_moves_the_beginning() -> Result<(), String> {
    let load = closed_loop(8, 0, 60 * S);
    let steady = Steady::of(&load, Some(8), Some(7 * S))?;
    assert_eq!(steady.from_s, 7.0);
    assert!(steady.how.contains("warm-up"));
    assert!(steady.holds(7 * S, 8 * S) && !steady.holds(7 * S - 1, 8 * S) && steady.has_end(8 * S));
    assert!(!steady.has_end(62 * S) && !steady.holds(8 * S, 62 * S));
    assert!(Steady::of(&load, Some(8), Some(55 * S)).is_err());
    Ok(())
}
