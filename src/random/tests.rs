//! Our draws held against CPython's, call by call.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests say what they need and stop there")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Python;

/// What `tests/golden/make_python_random.py` wrote.
const GOLDEN: &str = include_str!("../../tests/golden/python_random.jsonl");

const WEIGHTS: [f64; 6] = [0.5, 0.0, 3.25, 1.0, 0.125, 7.0];

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let even = format!("{}{hexadecimal}", "0".repeat(hexadecimal.len() % 2));
    (0..even.len()).step_by(2).map(|at| u8::from_str_radix(&even[at..at + 2], 16).unwrap()).collect()
}

fn seeded(line: &Value) -> Python {
    match (line["integer"].as_str(), line["bytes"].as_str(), line["text"].as_str()) {
        (Some(integer), _, _) => Python::from_integer(&bytes(integer)),
        (_, Some(data), _) => Python::from_bytes(&bytes(data)),
        (_, _, Some(text)) => Python::from_text(text),
        _ => panic!("no seed: {line}"),
    }
}

fn call(python: &mut Python, name: &str, arguments: &[i128]) -> Value {
    let first = arguments[0] as usize;
    let second = arguments.get(1).copied().unwrap_or(0) as usize;
    let all: Vec<usize> =
        if matches!(name, "choice" | "choices" | "shuffle") { (0..first).collect() } else { Vec::new() };
    match name {
        "random" => {
            let values: Vec<f64> = (0..first).map(|_| python.double()).collect();
            values[values.len() - 3..].iter().map(|value| json!(format!("{value:?}"))).collect()
        }
        "uniform" => json!(format!("{:?}", python.uniform(arguments[0] as f64, arguments[1] as f64))),
        "bits" => json!(python.bits(arguments[0] as u32).to_string()),
        "below" => json!(python.below(arguments[0] as u64).to_string()),
        "range" => json!(python.range(arguments[0] as i64, arguments[1] as i64, arguments[2] as i64).unwrap()),
        "within" => json!(python.within(arguments[0] as u32, arguments[1] as u32)),
        "choice" => json!(python.choice(&all).unwrap()),
        "choices" => json!(python.choices(&all, second)),
        "weighted" => json!(python.weighted_choices(&[0, 1, 2, 3, 4, 5], &WEIGHTS, first).unwrap()),
        "sample" => json!(python.sample(first, second).unwrap()),
        "shuffle" => {
            let mut list = all;
            python.shuffle(&mut list);
            json!(list)
        }
        other => panic!("{other}: not known"),
    }
}

#[test]
fn every_call_gives_what_cpython_gives() {
    let mut seen = 0;
    for line in GOLDEN.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let mut python = seeded(&line);
        for made in line["calls"].as_array().unwrap() {
            let arguments: Vec<i128> =
                made[1].as_array().unwrap().iter().map(|value| value.to_string().parse().unwrap()).collect();
            let name = made[0].as_str().unwrap();
            assert_eq!(call(&mut python, name, &arguments), made[2], "{name}{arguments:?}");
            seen += 1;
        }
    }
    assert_eq!(seen, 19 * 51);
}

#[test]
fn what_cpython_refuses_is_none() {
    let mut python = Python::new(1);
    assert_eq!(python.range(3, 3, 1), None);
    assert_eq!(python.range(3, 1, 1), None);
    assert_eq!(python.range(1, 3, 0), None);
    assert_eq!(python.choice::<u8>(&[]), None);
    assert_eq!(python.choices::<u8>(&[], 3), Vec::<&u8>::new());
    assert_eq!(python.weighted_choices(&[1, 2], &[1.0], 3), None);
    assert_eq!(python.weighted_choices(&[1, 2], &[0.0, 0.0], 3), None);
    assert_eq!(python.weighted_choices(&[1, 2], &[f64::NAN, 1.0], 3), None);
    assert_eq!(python.weighted_choices::<u8>(&[], &[], 3), None);
    assert_eq!(python.sample(2, 3), None);
    // Nothing was drawn for those.
    assert_eq!(python, Python::new(1));
}

proptest! {
    #[test]
    fn a_sample_has_different_places_and_a_shuffle_all(seed: u64, length in 0_usize..300, share in 0.0..=1.0_f64) {
        let mut python = Python::new(seed);
        let count = (share * length as f64) as usize;
        let mut places = python.sample(length, count).unwrap();
        places.sort_unstable();
        places.dedup();
        prop_assert_eq!(places.len(), count);
        prop_assert!(places.iter().all(|place| *place < length));
        let mut list: Vec<usize> = (0..length).collect();
        python.shuffle(&mut list);
        list.sort_unstable();
        prop_assert_eq!(list, (0..length).collect::<Vec<_>>());
    }

    #[test]
    fn a_range_is_kept(seed: u64, start: i64, stop: i64, step: i64) {
        if let Some(value) = Python::new(seed).range(start, stop, step) {
            let inside = if step > 0 { (start..stop).contains(&value) } else { value <= start && value > stop };
            prop_assert!(inside);
        }
    }
}
