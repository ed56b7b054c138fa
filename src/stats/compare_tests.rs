//! Halves of one run are alike; a change that was made is found.

use super::super::draw::Draw;
use super::*;

const MS: f64 = 1e6;
const SEEDS: u64 = 100;

/// A closed loop of `parallel` requests in flight: first tokens wait in a queue of their own, gaps drift slowly, lengths
/// differ. `slow` stretches all times.
fn run(seed: u64, parallel: usize, n: usize, slow: f64) -> Vec<Record> {
    let mut draw = Draw::of(seed);
    let mut free = vec![0u64; parallel];
    let mut drift = draw.normal();
    let mut rows: Vec<Record> = (0..n)
        .map(|index| {
            let slot = (0..parallel).min_by_key(|slot| free[*slot]).unwrap_or_default();
            let started = free[slot];
            drift = 0.9 * drift + 0.19f64.sqrt() * draw.normal();
            let ttft = slow * 80.0 * MS * (0.15 * drift + 0.35 * draw.normal()).exp();
            let tokens = 20 + (draw.uniform() * 30.0) as u64;
            let pace = slow * 10.0 * MS * (0.05 * drift).exp();
            let gaps: Vec<u64> = (1..tokens).map(|_| (pace * (0.8 + 0.4 * draw.uniform())) as u64).collect();
            let first = started + ttft as u64;
            let end = first + gaps.iter().sum::<u64>();
            free[slot] = end + 40_000;
            Record {
                started_ns: Some(started),
                first_token_ns: Some(first),
                last_token_ns: Some(end),
                last_event_ns: Some(end),
                end_ns: end,
                outcome: Outcome::Ok,
                completion_tokens: Some(tokens),
                chunks: tokens as u32,
                gaps_ns: gaps,
                stream: true,
                ..Record::due(index.to_string(), index as u64, 0, started)
            }
        })
        .collect();
    rows.sort_by_key(|row| row.end_ns);
    rows
}

fn sample(rows: &[Record]) -> Evidence {
    let mut sample = Evidence::default();
    rows.iter().for_each(|row| sample.add(row));
    sample
}

#[test]
fn two_halves_of_a_run_are_not_told_apart() {
    let mut apart = [0u64; Quantity::ALL.len()];
    for seed in 0..SEEDS {
        let rows = run(seed, 16, 2400, 1.0);
        let (first, second) = rows.split_at(rows.len() / 2);
        let (first, second) = (sample(first), sample(second));
        for (apart, quantity) in apart.iter_mut().zip(Quantity::ALL) {
            let change = Change::of(&first, &second, quantity);
            assert!(change.percent_ci.is_some() || quantity.name().starts_with("p99"), "{change:?}");
            *apart += u64::from(change.told != Told::NotApart);
        }
    }
    for (apart, quantity) in apart.into_iter().zip(Quantity::ALL) {
        assert!(apart <= 10, "{}: {apart} of {SEEDS}", quantity.name());
    }
}

#[test]
fn a_tenth_slower_is_told_apart_in_the_right_direction() {
    let (a, b) = (sample(&run(1, 16, 3000, 1.0)), sample(&run(2, 16, 3000, 1.1)));
    for quantity in Quantity::ALL {
        let (there, back) = (Change::of(&a, &b, quantity), Change::of(&b, &a, quantity));
        if quantity.name().starts_with("p99") && quantity.name() != "p99 itl" {
            // A tail takes more requests than that.
            continue;
        }
        assert_eq!((there.told, back.told), (Told::Worse, Told::Better), "{there:?}");
        let truth = if quantity.less_is_better() { 10.0 } else { -100.0 / 11.0 };
        let ci = there.percent_ci.unwrap_or(Interval { low: 0.0, high: 0.0 });
        assert!(ci.low - 1.0 < truth && truth < ci.high + 1.0, "{truth} {there:?}");
    }
}

#[test]
fn the_interval_of_a_change_holds_the_truth() {
    let mut held = [(0u64, 0u64); Quantity::ALL.len()];
    for seed in 0..SEEDS {
        let (a, b) = (sample(&run(2 * seed, 8, 1500, 1.0)), sample(&run(2 * seed + 1, 8, 1500, 1.25)));
        for (held, quantity) in held.iter_mut().zip(Quantity::ALL) {
            let truth = if quantity.less_is_better() { 25.0 } else { -20.0 };
            let Some(ci) = Change::of(&a, &b, quantity).percent_ci else { continue };
            held.0 += u64::from(ci.low <= truth && truth <= ci.high);
            held.1 += 1;
        }
    }
    for ((held, of), quantity) in held.into_iter().zip(Quantity::ALL) {
        // Of a strongly correlated latency, 1,500 requests tell no p99.
        assert!(
            held * 100 >= of * 89 && (of > 50 || quantity.name() == "p99 tpot"),
            "{}: {held} of {of}",
            quantity.name()
        );
    }
}

#[test]
fn what_is_missing_stays_missing() {
    let few = sample(&run(1, 4, 20, 1.0));
    let change = Change::of(&few, &Evidence::default(), Quantity::Latency(Stat::Quantile(0.99), Latency::Ttft));
    assert_eq!((change.b, change.percent, change.percent_ci, change.told), (None, None, None, Told::NotApart));
    assert!(change.a.is_some());
    assert_eq!(few.interval(Quantity::Tokens), None);
    let rows: Vec<Record> =
        run(1, 4, 200, 1.0).into_iter().map(|row| Record { completion_tokens: None, ..row }).collect();
    assert_eq!(sample(&rows).estimate(Quantity::Tokens), None);
    assert!(sample(&rows).interval(Quantity::Requests).is_some());
}
