//! Ref-Adv-s: the box of what a phrase refers to among things that look alike. A reply without a box is asked again
//! once.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Coordinates, Region, Size};
use crate::eval::forms::{fences, json};

/// Most boxes that are looked at.
const BOXES: usize = 100;
/// Deepest nesting that is looked at.
const DEPTH: usize = 64;
/// Keys whose values are searched first, in this order.
const KEYS: [&str; 8] = ["bboxes", "boxes", "bbox", "bbox_2d", "predictions", "results", "objects", "coordinates"];

/// How a reply is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How the model writes boxes.
    pub pred_box_format: Coordinates,
}

/// What came out for one phrase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Verdict {
    /// Intersection over union.
    pub iou: f64,
    /// 1 where the overlap is at least one half.
    #[serde(rename = "ACC@0.5")]
    pub half: f64,
    /// 1 where it is at least three quarters.
    #[serde(rename = "ACC@0.75")]
    pub three_quarters: f64,
    /// 1 where it is at least nine tenths.
    #[serde(rename = "ACC@0.9")]
    pub nine_tenths: f64,
}

/// The boxes of a reply without repetitions, in parts of the sides: those in the last fenced block that is JSON, else
/// in the JSON that the reply ends with.
pub fn boxes(reply: &str, size: Size, options: Options) -> Vec<Region> {
    let mut raw = Vec::new();
    if let Some(value) = value(reply) {
        collect(&value, &mut raw, DEPTH);
    }
    let mut found: Vec<Region> = Vec::new();
    for numbers in raw {
        let region = Region::read(numbers, size, options.pred_box_format);
        let same = |other: &Region| region.0.iter().zip(other.0).all(|(one, other)| rounded(*one) == rounded(other));
        if !found.iter().any(same) {
            found.push(region);
        }
    }
    found
}

/// The first of them, which is the answer. Where a reply has none, the benchmark asks once more.
pub fn extract(reply: &str, size: Size, options: Options) -> Option<Region> {
    boxes(reply, size, options).into_iter().next()
}

fn rounded(number: f64) -> i64 {
    (number * 1e6).round_ties_even() as i64
}

fn value(reply: &str) -> Option<Value> {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    if let Some(fenced) = fences::blocks(reply).iter().rev().find_map(|block| read(block.body)) {
        return Some(fenced);
    }
    // The value that ends the reply: of the pieces between brackets that stand in no other, the last one, if nothing
    // follows it.
    let reply = reply.trim_end();
    let ends = [json::Kind::Object, json::Kind::Array].map(|kind| json::pieces(reply, kind).pop());
    let mut ends: Vec<&str> = ends.into_iter().flatten().filter(|piece| reply.ends_with(piece)).collect();
    ends.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    ends.into_iter().find_map(read)
}

fn collect(value: &Value, into: &mut Vec<[f64; 4]>, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else { return };
    if into.len() >= BOXES {
        return;
    }
    match value {
        Value::Array(items) => {
            let numbers: Option<Vec<f64>> = items.iter().map(Value::as_f64).collect();
            match numbers.map(<[f64; 4]>::try_from) {
                Some(Ok(numbers)) => into.push(numbers),
                _ => items.iter().for_each(|item| collect(item, into, depth)),
            }
        }
        Value::Object(members) => {
            KEYS.iter().filter_map(|key| members.get(*key)).for_each(|item| collect(item, into, depth));
            let rest = members.iter().filter(|(key, _)| !KEYS.contains(&key.as_str()));
            rest.for_each(|(_, item)| collect(item, into, depth));
        }
        _ => {}
    }
}

/// Compares a box with the true one, both in parts of the sides.
pub fn score(answer: Option<Region>, truth: Region) -> Verdict {
    let iou = answer.map_or(0.0, |answer| answer.overlap(truth));
    let at = |least| f64::from(u8::from(iou >= least));
    Verdict { iou, half: at(0.5), three_quarters: at(0.75), nine_tenths: at(0.9) }
}

/// The group of a sample by the number of things that look alike, which has an accuracy of its own.
pub fn group(distractors: u64) -> Option<&'static str> {
    match distractors {
        0..2 => None,
        2..=3 => Some("2-3"),
        4..=6 => Some("4-6"),
        _ => Some(">=7"),
    }
}
