//! RefCOCO: the box of what a phrase refers to (`eval_mode` `bbox_rec`).

use serde::Serialize;

use super::{Region, Size};
use crate::eval::forms::pattern::{Pattern, group};

static BOX: Pattern =
    Pattern::new(r"\[\s*(-?\d+(?:\.\d+)?),\s*(-?\d+(?:\.\d+)?),\s*(-?\d+(?:\.\d+)?),\s*(-?\d+(?:\.\d+)?)\s*\]");

/// The overlaps from which on a box counts, with the names of their metrics.
pub const THRESHOLDS: [(&str, f64); 5] =
    [("ACC@0.1", 0.1), ("ACC@0.3", 0.3), ("ACC@0.5", 0.5), ("ACC@0.7", 0.7), ("ACC@0.9", 0.9)];

/// What came out for one phrase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Verdict {
    /// Intersection over union.
    pub iou: f64,
    /// 1 for every threshold that is reached, in the order of [`THRESHOLDS`].
    pub reached: [f64; 5],
    /// 1 where the middle of the true box lies in the given one.
    pub center: f64,
}

/// The first `[x1, y1, x2, y2]` of the reply, in parts of the sides: numbers are pixels as soon as one of them exceeds
/// 1. `None` where there is none.
pub fn extract(reply: &str, size: Size) -> Option<Region> {
    let found = BOX.first(reply)?;
    let mut numbers = [0.0; 4];
    for (place, number) in numbers.iter_mut().enumerate() {
        *number = group(&found, place + 1).parse().ok()?;
    }
    let pixels = numbers.iter().any(|number| *number > 1.0) && size.0 > 0.0 && size.1 > 0.0;
    Some(if pixels { Region::of_pixels(numbers, size) } else { Region(numbers) })
}

/// Compares a box with the true one, both in parts of the sides. No box is an empty one at the left upper corner.
///
/// The area of a given box whose corners are turned round counts as EvalScope counts it: by the product of the signed
/// sides, and the result is kept within 0 and 1.
pub fn score(answer: Option<Region>, truth: Region) -> Verdict {
    let given = answer.unwrap_or(Region([0.0; 4]));
    let signed = |Region([left, upper, right, lower]): Region| (right - left) * (lower - upper);
    let ([a, b, c, d], [e, f, g, h]) = (given.0, truth.0);
    let shared = Region([a.max(e), b.max(f), c.min(g), d.min(h)]).area();
    let either = signed(given) + signed(truth) - shared;
    let iou = if either > 0.0 { (shared / either).clamp(0.0, 1.0) } else { 0.0 };
    let reached = THRESHOLDS.map(|(_, least)| f64::from(u8::from(iou >= least)));
    Verdict { iou, reached, center: f64::from(u8::from(given.holds(truth.center()))) }
}
