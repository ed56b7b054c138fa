//! Whether two programs are the same formula.
//!
//! Every number and every row operation of the gold program is a symbol; a program that names anything else is another
//! one. The two formulas are quotients of polynomials in these symbols, and those are equal where they are equal at a
//! random point of a large prime field (Schwartz 1980, Zippel 1979). Powers and comparisons are no quotients: they
//! count as a function of which nothing is known but that equal arguments give equal values.

use std::collections::HashMap;

use super::program::{Operation, Program, Step};

/// A Mersenne prime.
const PRIME: u64 = (1 << 61) - 1;

/// Points at which the formulas are compared.
const POINTS: u64 = 3;

/// Whether the predicted program is the gold one up to algebra.
pub fn equal(gold: &Program, predicted: &Program) -> bool {
    let (Some(gold), Some(predicted)) = (&gold.0, &predicted.0) else { return false };
    let symbols = symbols(gold);
    if gold.is_empty() || !predicted.iter().enumerate().all(|(place, step)| names_known(step, place, &symbols)) {
        return false;
    }
    gold == predicted
        || (0..POINTS).all(|point| {
            let value = value(gold, &symbols, point);
            value.is_some() && value == self::value(predicted, &symbols, point)
        })
}

/// A step that works on a row is named by how it is written, and by whether it is the first one: the benchmark's own
/// scorer takes the separator before a later step to its name, so that a row operation at the beginning is another one
/// than the same later on.
fn row_name(step: &Step, place: usize) -> String {
    format!("{}{}", if place == 0 { "" } else { "|" }, step.written)
}

fn symbols(gold: &[Step]) -> HashMap<String, u64> {
    let mut symbols = HashMap::new();
    let mut add = |name: String| {
        let next = symbols.len() as u64;
        symbols.entry(name).or_insert(next);
    };
    for (place, step) in gold.iter().enumerate() {
        if step.operation.is_of_row() {
            add(row_name(step, place));
        } else {
            step.arguments.iter().filter(|argument| !argument.contains('#')).for_each(|argument| add(argument.clone()));
        }
    }
    symbols
}

fn names_known(step: &Step, place: usize, symbols: &HashMap<String, u64>) -> bool {
    if step.operation.is_of_row() {
        return symbols.contains_key(&row_name(step, place));
    }
    step.arguments.iter().all(|argument| match argument.contains('#') {
        true => argument.trim_matches('#').trim().parse::<usize>().is_ok_and(|earlier| earlier < place),
        false => symbols.contains_key(argument),
    })
}

/// The value of the last step at a point; `None` where it divides by zero there or names a later step.
fn value(steps: &[Step], symbols: &HashMap<String, u64>, point: u64) -> Option<u64> {
    let symbol = |name: &str| symbols.get(name).map(|number| mixed(point << 32 | number, 0));
    let mut values: Vec<Option<u64>> = Vec::with_capacity(steps.len());
    for (place, step) in steps.iter().enumerate() {
        let argument = |argument: &String| match argument.contains('#') {
            true => values.get(argument.replace('#', "").trim().parse::<usize>().ok()?).copied()?,
            false => symbol(argument),
        };
        let [one, other] = &step.arguments;
        let value = if step.operation.is_of_row() {
            symbol(&row_name(step, place))
        } else {
            argument(one).zip(argument(other)).and_then(|(one, other)| applied(step.operation, one, other))
        };
        values.push(value);
    }
    *values.last()?
}

fn applied(operation: Operation, one: u64, other: u64) -> Option<u64> {
    let difference = (one + PRIME - other) % PRIME;
    match operation {
        Operation::Add => Some((one + other) % PRIME),
        Operation::Subtract => Some(difference),
        Operation::Multiply => Some(product(one, other)),
        Operation::Divide => (other != 0).then(|| product(one, raised(other, PRIME - 2))),
        Operation::Power => Some(mixed(one, other.wrapping_add(1 << 62))),
        _ => Some(mixed(one, other.wrapping_add(1 << 63))),
    }
}

fn product(one: u64, other: u64) -> u64 {
    (u128::from(one) * u128::from(other) % u128::from(PRIME)) as u64
}

fn raised(mut base: u64, mut exponent: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = product(result, base);
        }
        base = product(base, base);
        exponent >>= 1;
    }
    result
}

/// A number of the field that hangs on both arguments without any pattern (the finaliser of SplitMix64, twice).
fn mixed(one: u64, other: u64) -> u64 {
    let scramble = |mut bits: u64| {
        bits = bits.wrapping_add(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    };
    scramble(scramble(one) ^ other) % PRIME
}
