//! SGLang's `bench_serving --dataset-name random-ids`, as of 0.5.23 (`sglang/benchmark/datasets/random.py`).
//!
//! Everything comes from `numpy.random`: prompt lengths, reply lengths, offsets, and after them the gaps between
//! arrivals. Ids may be special ones, and what the text has after encoding is not looked at: the stated length is the
//! drawn one.

use super::{Around, Compat, Drawn, Filler};
use crate::error::{Failure, Result};
use crate::workload::generators::Legacy;

/// Refuses a shared prefix, which the tool does not have.
pub(super) fn check(prefix: u32) -> Result<()> {
    if prefix > 0 {
        return Err(Failure::usage("--prefix-length: the random prompts of sglang share none")
            .hint("leave it out, or use --compat vllm"));
    }
    Ok(())
}

/// A vector of lengths from the ratio's share of the longest on; of length zero without any draw.
fn lengths(rng: &mut Legacy, longest: u32, ratio: f64, count: usize) -> Vec<u32> {
    if longest == 0 {
        return vec![0; count];
    }
    let least = ((f64::from(longest) * ratio) as u32).max(1);
    let span = (longest - least).saturating_add(1);
    rng.vector(span, count).into_iter().map(|above| least + above).collect()
}

pub(super) fn draw(compat: &Compat, count: usize) -> Drawn {
    let Around { input_len, output_len, range_ratio } = compat.around;
    let mut arrivals = Legacy::new(compat.seed.into());
    let inputs = lengths(&mut arrivals, input_len, range_ratio, count);
    let outputs = lengths(&mut arrivals, output_len, range_ratio, count);
    let offsets = arrivals.vector(compat.coder.base(), count);
    let around = compat.coder.around();
    let inputs = inputs.into_iter().map(|length| length.saturating_sub(around).max(1)).collect();
    Drawn { prefix: Vec::new(), inputs, outputs, offsets, filler: Filler::Unrepaired, arrivals }
}
