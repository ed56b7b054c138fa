//! Intervals hold the truth as often as they say, whatever the series.

use super::super::draw::Draw;
use super::*;
use crate::hist::Hist;

const SEEDS: u64 = 1000;
const MS: f64 = 1e6;
/// Quantiles of the standard normal distribution.
const NORMALS: [(f64, f64); 3] = [(0.5, 0.0), (0.9, 1.281_551_565_544_600_4), (0.99, 2.326_347_874_040_840_8)];

fn of(values: &[f64]) -> Intervals {
    let mut intervals = Intervals::default();
    values.iter().for_each(|value| intervals.add(value.round() as u64));
    intervals
}

/// The share of series whose interval holds the mean and each quantile. A thousand series tell such a share of 0.95 to
/// ±0.014; the rest of the band is what a few dozen batches cannot do better.
#[track_caller]
fn holds(name: &str, mean: f64, quantiles: &[(f64, f64)], series: impl Fn(&mut Draw) -> Vec<f64>) {
    let mut held = vec![(0u64, 0u64); quantiles.len() + 1];
    for seed in 0..SEEDS {
        let all = of(&series(&mut Draw::of(seed)));
        let found = quantiles.iter().map(|(q, truth)| (all.quantile(*q), *truth));
        for (held, (interval, truth)) in held.iter_mut().zip(std::iter::once((all.mean(), mean)).chain(found)) {
            let Some(Interval { low, high }) = interval else { continue };
            held.0 += u64::from(low <= truth && truth <= high);
            held.1 += 1;
        }
    }
    for (index, (held, of)) in held.into_iter().enumerate() {
        let share = held as f64 / of as f64;
        assert!((0.92..=0.98).contains(&share), "{name}: figure {index} is held by {share} of {of}");
        assert!(of >= 900, "{name}: figure {index} has an interval in {of} only");
    }
}

#[test]
fn of_independent_values() {
    let sigma = 0.7;
    let truth = NORMALS.map(|(q, z)| (q, 100.0 * MS * (sigma * z).exp()));
    let mean = 100.0 * MS * (sigma * sigma / 2.0).exp();
    holds("lognormal", mean, &truth, |draw| draw.lognormal(1000, 100.0 * MS, sigma));
    holds("lognormal, few", mean, &truth[..1], |draw| draw.lognormal(100, 100.0 * MS, sigma));
}

#[test]
fn of_an_autoregression() {
    let truth = NORMALS.map(|(q, z)| (q, 100.0 * MS + 10.0 * MS * z));
    holds("weak", 100.0 * MS, &truth, |draw| draw.autoregression(3000, 100.0 * MS, 10.0 * MS, 0.5));
    holds("strong", 100.0 * MS, &truth, |draw| draw.autoregression(20_000, 100.0 * MS, 10.0 * MS, 0.9));
}

#[test]
fn of_a_queue() {
    let truth = |mean: f64| [0.5, 0.9, 0.99].map(|q: f64| (q, -mean * (1.0 - q).ln()));
    holds("half loaded", 20.0 * MS, &truth(20.0 * MS), |draw| draw.queue(20_000, 10.0 * MS, 0.5));
    // At this load neighbours a hundred apart are still alike: p99 has often no interval, which is the point.
    holds("loaded", 50.0 * MS, &truth(50.0 * MS)[..2], |draw| draw.queue(20_000, 10.0 * MS, 0.8));
}

#[test]
fn estimates_are_those_of_the_histogram_and_within_their_interval() {
    for seed in 0..20 {
        let values = Draw::of(seed).lognormal(5000 + seed as usize, 30.0 * MS, 1.5);
        let all = of(&values);
        let mut hist = Hist::new();
        values.iter().for_each(|value| hist.record(value.round() as u64));
        assert_eq!(all.estimated_mean(), hist.mean());
        for q in [0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0] {
            assert_eq!(all.estimated_quantile(q), hist.quantile(q).map(|value| value as f64), "{seed} {q}");
        }
        for q in [0.5, 0.9, 0.99] {
            let (estimate, interval) = (all.estimated_quantile(q).unwrap_or_default(), all.quantile(q));
            assert!(interval.is_some_and(|i| i.low <= estimate && estimate <= i.high), "{seed} {q} {interval:?}");
        }
    }
}

#[test]
fn there_is_no_interval_from_too_few_values() {
    let all = of(&Draw::of(1).lognormal(360, 1e8, 0.5));
    assert!(all.mean().is_some() && all.quantile(0.95).is_some());
    assert_eq!((all.quantile(0.99), all.quantile(0.999)), (None, None));
    assert_eq!(of(&[5.0; 9]).mean(), None);
    assert_eq!((of(&[]).estimated_mean(), of(&[]).quantile(0.5)), (None, None));
}

#[test]
fn equal_values_have_an_interval_without_width() {
    let all = of(&[1000.0; 500]);
    assert_eq!(all.mean(), Some(Interval { low: 1000.0, high: 1000.0 }));
    assert_eq!(all.quantile(0.99), Some(Interval { low: 1000.0, high: 1000.0 }));
}

#[test]
fn memory_stays_flat() {
    let mut all = Intervals::default();
    let mut draw = Draw::of(3);
    for count in 1..=300_000u64 {
        all.add((1e8 * (0.3 * draw.normal()).exp()) as u64);
        assert!(all.full.len() < MOST && all.waiting.len() < WAITING, "{count}");
    }
    assert!(all.full.len() >= MOST / 2);
    assert!(all.full.iter().all(|batch| batch.buckets.len() < 5000));
}
