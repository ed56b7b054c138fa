//! `vllm bench serve --dataset-name random`, as of late 2026 (`vllm/benchmarks/datasets/datasets.py`, commit 003cf02).
//!
//! Everything comes from `default_rng(seed)`: prompt lengths, reply lengths, offsets; the shared prefix; then, prompt
//! by prompt, whatever a repair needs. Arrivals come from `numpy.random`, which no prompt touches.

use super::coder::Coder;
use super::{Around, Compat, Drawn, Filler};
use crate::error::{Failure, Result};
use crate::workload::generators::{Legacy, Pcg64};

/// All ids of the vocabulary that are not special, without added tokens.
pub(super) fn allowed(coder: &Coder) -> Vec<u32> {
    (0..coder.base()).filter(|id| !coder.is_special(*id)).collect()
}

/// Refuses what the tool refuses: prompts that may be empty.
pub(super) fn check(around: Around, prefix: u32, coder: &Coder) -> Result<()> {
    let (least, _) = bounds(around.input_len.saturating_sub(coder.around()), around.range_ratio);
    if least == 0 && prefix == 0 {
        return Err(Failure::usage(format!(
            "--random-input-len {}: with a ratio of {} and {} special tokens a prompt may be empty",
            around.input_len,
            around.range_ratio,
            coder.around()
        ))
        .hint("give longer prompts or a smaller --random-range-ratio"));
    }
    Ok(())
}

/// Least and greatest length around a mean, both included.
fn bounds(mean: u32, ratio: f64) -> (u32, u32) {
    let mean = f64::from(mean);
    ((mean * (1.0 - ratio)).floor() as u32, (mean * (1.0 + ratio)).ceil() as u32)
}

/// A vector of lengths; where there is but one, nothing is drawn.
fn lengths(rng: &mut Pcg64, (least, greatest): (u32, u32), count: usize) -> Vec<u32> {
    let span = (greatest - least).saturating_add(1);
    rng.vector(span, count).into_iter().map(|above| least + above).collect()
}

pub(super) fn draw(compat: &Compat, count: usize) -> Result<Drawn> {
    let (coder, Around { input_len, output_len, range_ratio }) = (&compat.coder, compat.around);
    let mut rng = Pcg64::new(compat.seed.into());
    let inputs = lengths(&mut rng, bounds(input_len.saturating_sub(coder.around()), range_ratio), count);
    let (least, greatest) = bounds(output_len, range_ratio);
    let outputs = lengths(&mut rng, (least.max(1), greatest.max(1)), count);
    let offsets = rng.vector(coder.base(), count);
    let mut prefix = Vec::new();
    if compat.prefix > 0 {
        let places = rng.vector(u32::try_from(compat.allowed.len()).unwrap_or(u32::MAX), compat.prefix as usize);
        let ids = places.into_iter().map(|place| compat.allowed[place as usize]).collect();
        let fill = &mut |missing| rng.vector(coder.base(), missing);
        (_, prefix) = compat.repair(ids, compat.prefix as usize, fill)?;
    }
    let filler = Filler::Shared(rng, coder.base());
    Ok(Drawn { prefix, inputs, outputs, offsets, filler, arrivals: Legacy::new(compat.seed.into()) })
}
