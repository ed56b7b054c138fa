//! Attention of each row to the past of its sequence, with rotary positions and grouped heads.

#![expect(clippy::needless_range_loop, reason = "see `kernel::vectorized` for why the loops count indices")]

use std::cell::RefCell;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape as Dims, Tensor};

use super::cache::{Cache, Memory};
use super::catalog::Shape;
use super::kernel;

/// Cosines and sines of all positions.
pub struct Rotations {
    half: usize,
    /// For each position the cosines, then the sines.
    table: Vec<f32>,
}

impl Rotations {
    /// The table of a shape, with the usual base of 10000.
    pub fn of(shape: &Shape) -> Self {
        let half = shape.head / 2;
        let angles =
            |position: usize| (0..half).map(move |i| position as f64 * 10_000f64.powf(-(i as f64) / half as f64));
        let row = |position| angles(position).map(f64::cos).chain(angles(position).map(f64::sin)).map(|x| x as f32);
        Rotations { half, table: (0..shape.context).flat_map(row).collect() }
    }

    /// Rotates each head in a vector of heads.
    fn rotate(&self, position: usize, heads: &mut [f32]) {
        let (cosines, sines) = self.table[position * 2 * self.half..][..2 * self.half].split_at(self.half);
        for head in heads.chunks_exact_mut(2 * self.half) {
            let (a, b) = head.split_at_mut(self.half);
            for (((a, b), cos), sin) in a.iter_mut().zip(b).zip(cosines).zip(sines) {
                (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
            }
        }
    }
}

/// One layer's attention over a batch of rows.
pub struct Attention<'a> {
    /// Sizes of the model.
    pub shape: &'a Shape,
    /// Its rotations.
    pub rotations: &'a Rotations,
    /// Which layer it is.
    pub layer: usize,
    /// For each row the index of its cache. Rows of one sequence stand in the order of their positions.
    pub slots: &'a [usize],
    /// The caches; each row adds one position to its own. In a cell because candle hands out operations shared.
    pub caches: RefCell<&'a mut [Cache]>,
}

impl Attention<'_> {
    /// Takes rows `[queries, keys, values]`, gives the mixed values of all heads.
    ///
    /// # Errors
    /// When the rows are not contiguous.
    pub fn apply(&self, rows: &Tensor) -> Result<Tensor> {
        rows.apply_op1_no_bwd(self)
    }

    #[inline(always)]
    fn row(&self, memory: &mut Memory, row: &mut [f32], scores: &mut Vec<f32>, out: &mut [f32]) {
        let (shape, width) = (self.shape, self.shape.head);
        let asked = shape.asked();
        let position = memory.keys.len() / asked;
        let (turning, values) = row.split_at_mut(shape.asking() + asked);
        self.rotations.rotate(position, turning);
        let (queries, keys) = turning.split_at(shape.asking());
        memory.keys.extend_from_slice(keys);
        memory.values.extend_from_slice(values);
        scores.resize(position + 1, 0.0);
        let scores = scores.as_mut_slice();
        let scale = 1.0 / (width as f32).sqrt();
        for head in 0..shape.heads {
            let query = &queries[head * width..(head + 1) * width];
            let out = &mut out[head * width..(head + 1) * width];
            let at = head / (shape.heads / shape.kv_heads) * width;
            for past in 0..=position {
                let from = past * asked + at;
                scores[past] = scale * kernel::dot(query, &memory.keys[from..from + width]);
            }
            let mut most = f32::NEG_INFINITY;
            for past in 0..=position {
                most = if scores[past] > most { scores[past] } else { most };
            }
            for past in 0..=position {
                scores[past] = kernel::exp(scores[past] - most);
            }
            let mut total = 0.0;
            for past in 0..=position {
                let from = past * asked + at;
                let values = &memory.values[from..from + width];
                total += scores[past];
                for i in 0..width {
                    out[i] += scores[past] * values[i];
                }
            }
            for i in 0..width {
                out[i] /= total;
            }
        }
    }
}

impl CustomOp1 for Attention<'_> {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, rows: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Dims)> {
        let (count, width) = layout.shape().dims2()?;
        let mut rows = kernel::numbers(rows, layout)?.to_vec();
        let asking = self.shape.asking();
        let mut out = vec![0.0f32; count * asking];
        let mut caches = self.caches.borrow_mut();
        let mut scores = Vec::new();
        kernel::vectorized(
            #[inline(always)]
            || {
                for index in 0..count {
                    let memory = &mut caches[self.slots[index]].layers[self.layer];
                    let row = &mut rows[index * width..(index + 1) * width];
                    let out = &mut out[index * asking..(index + 1) * asking];
                    self.row(memory, row, &mut scores, out);
                }
            },
        );
        Ok((CpuStorage::F32(out), (count, asking).into()))
    }
}
