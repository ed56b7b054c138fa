//! Pooled figures are those of all values together.

use super::super::draw::Draw;
use super::*;
use crate::record::{FailureKind, Outcome};

const MS: u64 = 1_000_000;

/// A run of replies one after the other, `n` of them, with first tokens that scatter around `ttft_ms`.
fn run(seed: u64, n: u64, ttft_ms: f64) -> Vec<Record> {
    let mut now = 3 * MS;
    let values = Draw::of(seed).lognormal(n as usize, ttft_ms * MS as f64, 0.5);
    values
        .into_iter()
        .enumerate()
        .map(|(index, ttft)| {
            let first = now + ttft as u64;
            let last = first + 20 * MS;
            let record = Record {
                started_ns: Some(now),
                first_event_ns: Some(first),
                first_token_ns: Some(first),
                last_token_ns: Some(last),
                last_event_ns: Some(last),
                end_ns: last,
                outcome: if index % 10 == 9 { Outcome::Failed(FailureKind::Status) } else { Outcome::Ok },
                completion_tokens: Some(3),
                chunks: 3,
                gaps_ns: vec![9 * MS, 11 * MS],
                stream: true,
                ..Record::due(format!("r-{index}"), index as u64, 0, now)
            };
            now = last;
            record
        })
        .collect()
}

/// The runs pooled, each beginning so many ns after the first.
fn pooled(runs: &[(u64, Vec<Record>)]) -> Pool {
    let mut pool = Pool::new(Slo::parse(["ttft:50"]).ok());
    for (epoch, records) in runs {
        records.iter().for_each(|record| pool.add(record));
        pool.end_run(*epoch, 2);
    }
    pool
}

fn close(a: Option<f64>, b: f64) {
    let a = a.unwrap_or(f64::NAN);
    assert!((a - b).abs() <= 1e-9 * b.abs(), "{a} is not {b}");
}

#[test]
fn percentiles_are_those_of_all_values_and_not_averages() {
    let runs = [(0, run(1, 200, 30.0)), (1 << 40, run(2, 100, 90.0)), (2 << 40, run(3, 50, 300.0))];
    let figures = pooled(&runs).figures();
    let mut all: Vec<u64> =
        runs.iter().flat_map(|(_, run)| run).filter(|r| r.is_ok()).filter_map(Record::ttft_ns).collect();
    all.sort_unstable();
    let ttft = figures.ttft_ms.as_ref().map_or((0, 0.0, 0.0), |ttft| (ttft.n, ttft.p99, ttft.mean));
    let exact = all[(0.99 * all.len() as f64).ceil() as usize - 1] as f64 / MS as f64;
    assert_eq!(ttft.0, all.len() as u64);
    assert!((ttft.1 / exact - 1.0).abs() < 1e-3, "{} for {exact}", ttft.1);
    close(Some(ttft.2), all.iter().sum::<u64>() as f64 / all.len() as f64 / MS as f64);
    assert_eq!((figures.counts.total, figures.counts.failed, figures.counts.unsent), (350, 35, 6));
    assert!(figures.steady.is_none() && figures.steady_none.is_some());
}

#[test]
fn runs_after_each_other_add_up_their_lengths() {
    let runs = [(0, run(1, 60, 30.0)), (1 << 40, run(2, 60, 30.0)), (2 << 40, run(3, 60, 40.0))];
    let lengths: Vec<f64> = runs
        .iter()
        .map(|(_, run)| seconds(run.last().map_or(0, |r| r.end_ns) - run[0].started_ns.unwrap_or(0)))
        .collect();
    let pool = pooled(&runs);
    let figures = pool.figures();
    let wall: f64 = lengths.iter().sum();
    close(figures.wall_s, wall);
    close(figures.request_throughput, 3.0 * 54.0 / wall);
    close(figures.output_throughput, 3.0 * 3.0 * 54.0 / wall);
    assert_eq!(pool.at_once_s(), 0.0);
    // Student's t with two degrees of freedom.
    let rates: Vec<f64> = lengths.iter().map(|length| 54.0 / length).collect();
    let mean = rates.iter().sum::<f64>() / 3.0;
    let half = 4.302_652_73 * (rates.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / 2.0 / 3.0).sqrt();
    let ci = figures.request_throughput_ci.map_or((0.0, 0.0), |ci| (ci.low, ci.high));
    assert!((ci.1 - ci.0 - 2.0 * half).abs() < 1e-6, "{ci:?} is not {half} to each side");
    // Two runs say nothing of how runs scatter.
    assert_eq!(pooled(&runs[..2]).figures().request_throughput_ci, None);
}

#[test]
fn runs_at_the_same_time_add_up_their_rates() {
    let one = run(1, 60, 30.0);
    let alone = pooled(&[(7, one.clone())]).figures();
    let pool = pooled(&[(7, one.clone()), (7, one.clone()), (7, one)]);
    let figures = pool.figures();
    close(figures.wall_s, alone.wall_s.unwrap_or(0.0));
    close(figures.request_throughput, 3.0 * alone.request_throughput.unwrap_or(0.0));
    close(Some(pool.at_once_s()), alone.wall_s.unwrap_or(0.0));
    assert_eq!(figures.request_throughput_ci, None);
}

#[test]
fn goodput_counts_the_requests_of_all() {
    let runs = [(0, run(1, 100, 30.0)), (1 << 40, run(2, 100, 90.0))];
    let figures = pooled(&runs).figures();
    let good = |run: &[Record]| run.iter().filter(|r| r.is_ok() && r.ttft_ns() <= Some(50 * MS)).count() as u64;
    let goodput = figures.goodput.map_or((0, 0), |goodput| (goodput.n, goodput.attainment.met));
    assert_eq!(goodput, (200, good(&runs[0].1) + good(&runs[1].1)));
}

#[test]
fn what_differs_between_runs_widens_the_interval() {
    let half = |runs: &[(u64, Vec<Record>)]| {
        let ci = pooled(runs).figures().ttft_ms.and_then(|ttft| ttft.mean_ci);
        ci.map_or(0.0, |ci| ci.high - ci.low)
    };
    let alike = [(0, run(1, 300, 40.0)), (1 << 40, run(2, 300, 40.0)), (2 << 40, run(3, 300, 40.0))];
    let apart = [(0, run(1, 300, 30.0)), (1 << 40, run(2, 300, 40.0)), (2 << 40, run(3, 300, 50.0))];
    assert!(half(&apart) > 2.5 * half(&alike), "{} and {}", half(&apart), half(&alike));
}

#[test]
fn the_spread_between_runs_is_that_of_their_own_figures() {
    let runs: Vec<Figures> =
        [(1, 30.0), (2, 60.0)].map(|(seed, ms)| pooled(&[(0, run(seed, 50, ms))]).figures()).to_vec();
    let mut refs: Vec<&Figures> = runs.iter().collect();
    let none = Figures::default();
    refs.push(&none);
    let between = Between::of(&refs);
    let p99 = between.iter().find(|between| between.figure == "ttft_ms.p99");
    let of = |figures: &Figures| figures.ttft_ms.as_ref().map(|ttft| ttft.p99);
    assert_eq!(p99.map(|p99| p99.values.clone()), Some(vec![of(&runs[0]), of(&runs[1]), None]));
    assert_eq!(p99.map(|p99| (Some(p99.lowest), Some(p99.highest))), Some((of(&runs[0]), of(&runs[1]))));
    assert!(Between::of(&[&none]).is_empty());
}
