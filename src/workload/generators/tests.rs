//! Our generators held against numpy's and CPython's, draw by draw.

use serde_json::Value;

use super::{Legacy, Pcg64, Python};

type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// What `tests/golden/make_rng.py` wrote.
const GOLDEN: &str = include_str!("../../../tests/golden/rng.jsonl");

/// Draws as doubles with the bits that count for the fold.
fn draw(generator: &str, seed: u64, calls: &[(String, f64, usize)]) -> TestResult<Vec<(f64, u64)>> {
    let mut all = Vec::new();
    let (mut pcg64, mut legacy, mut python) = (Pcg64::new(seed), Legacy::new(seed), Python::new(seed));
    for (kind, argument, count) in calls {
        let bound = *argument as u32;
        if kind == "shuffle" {
            let mut list: Vec<u32> = (0..bound).collect();
            (0..*count).for_each(|_| match generator {
                "python" => python.shuffle(&mut list),
                _ => pcg64.shuffle(&mut list),
            });
            all.extend(list.into_iter().map(|value| (f64::from(value), u64::from(value))));
            continue;
        }
        let range: Vec<u32> = (0..bound.min(1000)).collect();
        for _ in 0..*count {
            let (real, whole) = match (generator, kind.as_str()) {
                ("pcg64", "below") => (None, pcg64.below(bound)),
                ("legacy", "below") => (None, legacy.below(bound)),
                ("python", "below") => (None, python.below(bound.into()) as u32),
                ("python", "within") => (None, python.within(7, bound)),
                ("python", "choice") => (None, *python.choice(&range).ok_or("nothing chosen")?),
                ("legacy", "double") => (Some(legacy.double()), 0),
                ("legacy", "exponential") => (Some(legacy.exponential()), 0),
                ("legacy", "gamma") => (Some(legacy.gamma(*argument)), 0),
                ("legacy", "normal") => (Some(legacy.normal()), 0),
                ("python", "double") => (Some(python.double()), 0),
                other => return Err(format!("{other:?}: not known").into()),
            };
            all.push(real.map_or((f64::from(whole), u64::from(whole)), |real| (real, real.to_bits())));
        }
    }
    Ok(all)
}

#[test]
fn thousands_of_draws_are_those_of_numpy_and_cpython() -> TestResult {
    let mut cases = 0;
    for line in GOLDEN.lines() {
        let case: Value = serde_json::from_str(line)?;
        let (generator, seed) = (case["generator"].as_str().ok_or("no generator")?, &case["seed"]);
        let calls: Vec<(String, f64, usize)> = serde_json::from_value(case["calls"].clone())?;
        let drawn = draw(generator, seed.as_u64().ok_or("no seed")?, &calls)?;
        for (place, shown) in case["shown"].as_array().ok_or("no values")?.iter().enumerate() {
            let shown: f64 = shown.as_str().ok_or("not text")?.parse()?;
            assert_eq!(drawn[place].0, shown, "{generator} {seed}: draw {place}");
        }
        let fold = drawn.iter().fold(0_u64, |fold, (_, bits)| fold.wrapping_mul(31).wrapping_add(*bits));
        assert_eq!(case["fold"], fold.to_string(), "{generator} {seed}");
        cases += 1;
    }
    assert_eq!(cases, 19);
    Ok(())
}

#[test]
fn the_smallest_and_the_largest_bounds_hold() {
    let (mut pcg64, mut legacy, mut python) = (Pcg64::new(3), Legacy::new(3), Python::new(3));
    assert_eq!([pcg64.below(0), legacy.below(0), python.below(0) as u32, python.within(5, 4)], [0, 0, 0, 5]);
    // Nothing was drawn for those.
    assert_eq!((&pcg64, &legacy, &python), (&Pcg64::new(3), &Legacy::new(3), &Python::new(3)));
    assert_eq!(python.choice::<u8>(&[]), None);
    assert!(pcg64.below(u32::MAX) < u32::MAX && legacy.below(u32::MAX) < u32::MAX);
    // random.seed(3); random.randint(0, 2**32 - 1)
    assert_eq!(Python::new(3).within(0, u32::MAX), 2337446730);
}

#[test]
fn vectors_follow_each_other_as_vllm_draws_them() {
    // Lengths of 5..15, replies of 2..8, offsets below 1000: `vllm bench serve` with seed 0 and four prompts.
    let mut rng = Pcg64::new(0);
    let mut draw = |least: u32, bound| rng.vector(bound, 4).into_iter().map(|above| least + above).collect::<Vec<_>>();
    assert_eq!(draw(5, 11), [14, 12, 10, 7]);
    assert_eq!(draw(2, 7), [4, 2, 2, 2]);
    assert_eq!(draw(0, 1000), [175, 813, 649, 912]);
    // A vector of one value draws nothing.
    let mut rng = Pcg64::new(0);
    assert_eq!([rng.vector(1, 4), rng.vector(128_256, 4)], [vec![0; 4], vec![109_097, 81_694, 65_556, 34_601]]);
}
