//! Attention of rows to the past of their sequences, with rotary positions and grouped heads.

use candle_core::{D, DType, Device, Result, Tensor, bail};
use candle_nn::ops;

use super::cache::{Cache, Layer};
use super::norm::Norm;
use crate::local::candle::chosen::config::{Angles, Shape};
use crate::local::candle::chosen::kernel::{POSITIONS, Pairs, Scores, Span, Team, rotate};
use crate::local::candle::chosen::machine::{Machine, on_rows};

/// Consecutive tokens of one sequence on their way through the network.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The tokens, at least one.
    pub tokens: &'a [u32],
    /// The position of the first.
    pub position: usize,
    /// The blocks of the sequence, up to that of the last token.
    pub blocks: &'a [u32],
    /// Of how many of the last tokens the logits are wanted.
    pub wanted: usize,
}

impl Run<'_> {
    fn positions(&self) -> std::ops::Range<usize> {
        self.position..self.position + self.tokens.len()
    }

    /// Where a position lies among all positions of all blocks.
    fn place(&self, position: usize) -> usize {
        self.blocks[position / POSITIONS] as usize * POSITIONS + position % POSITIONS
    }
}

/// What all layers of a step have in common.
pub struct Step<'a> {
    /// Its rows.
    pub runs: &'a [Run<'a>],
    /// The angles of their positions.
    pub angles: Angles,
}

/// The attention of one layer, without its linear layers.
#[derive(Clone)]
pub struct Attention {
    /// Norms of queries and of keys, where they are normed head by head.
    pub norms: Option<[Norm; 2]>,
    /// Which layer it is.
    pub layer: usize,
}

impl Attention {
    /// Takes rows `[queries, keys, values]`, adds their keys and values to the cache, and gives the mixed values of all
    /// heads: `[rows, heads * head]`.
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward(
        &self,
        rows: &Tensor,
        shape: &Shape,
        step: &Step<'_>,
        cache: &mut Cache,
        machine: &Machine,
    ) -> Result<Tensor> {
        match (machine, &mut cache.layers[self.layer]) {
            (Machine::Kernels(team), Layer::Kernels(memory)) => {
                let width = shape.asking() + 2 * shape.asked();
                on_rows(rows, shape.asking(), |rows, count, out| {
                    let mut rows = rows.to_vec();
                    self.turn(&mut rows, shape, step, team);
                    let mut queries = vec![0.0; count * shape.asking()];
                    let mut places = step.runs.iter().flat_map(|run| run.positions().map(|at| run.place(at)));
                    for (row, query) in rows.chunks_exact(width).zip(queries.chunks_exact_mut(shape.asking())) {
                        let (asking, rest) = row.split_at(shape.asking());
                        let (key, value) = rest.split_at(shape.asked());
                        query.copy_from_slice(asking);
                        if let Some(place) = places.next() {
                            memory.append((place / POSITIONS) as u32, place % POSITIONS, key, value);
                        }
                    }
                    let spans: Vec<Span<'_>> = step.runs.iter().map(span).collect();
                    let scores = Scores { scale: scale(shape) as f32, window: shape.window(self.layer) };
                    memory.attend(&queries, &spans, scores, out, team);
                })
            }
            (Machine::Candle(device), Layer::Candle { keys, values }) => {
                self.on_device(rows, shape, step, [keys, values], device)
            }
            _ => bail!("the cache is not where the network is computed"),
        }
    }

    /// Norms and rotates queries and keys.
    fn turn(&self, rows: &mut [f32], shape: &Shape, step: &Step<'_>, team: &Team) {
        let width = shape.asking() + 2 * shape.asked();
        let half = shape.rotation.width / 2;
        let pairs = if shape.rotation.interleaved { Pairs::Adjacent } else { Pairs::Halves };
        let parts = rows.chunks_exact_mut(width).zip(step.angles.table.chunks_exact(2 * half)).collect();
        team.share(parts, |(row, angles): (&mut [f32], &[f32])| {
            let turning = &mut row[..shape.asking() + shape.asked()];
            if let Some(norms) = &self.norms {
                let (queries, keys) = turning.split_at_mut(shape.asking());
                for (norm, heads) in norms.iter().zip([queries, keys]) {
                    let before = heads.to_vec();
                    norm.rows(&before, heads);
                }
            }
            let (cosines, sines) = angles.split_at(half);
            rotate(turning, shape.head, cosines, sines, pairs);
        });
    }

    /// The same in candle's operations, sequence by sequence.
    fn on_device(
        &self,
        rows: &Tensor,
        shape: &Shape,
        step: &Step<'_>,
        [keys, values]: [&mut Tensor; 2],
        device: &Device,
    ) -> Result<Tensor> {
        let type_ = rows.dtype();
        let count = rows.dim(0)?;
        let half = shape.rotation.width / 2;
        let angles = Tensor::from_slice(&step.angles.table, (count, 1, 2, half), device)?.to_dtype(type_)?;
        let (cosines, sines) = (angles.narrow(2, 0, 1)?.squeeze(2)?, angles.narrow(2, 1, 1)?.squeeze(2)?);
        let heads = |from: usize, heads: usize| {
            rows.narrow(1, from, heads * shape.head)?.reshape((count, heads, shape.head))?.contiguous()
        };
        let turned = |x: Tensor, norm: usize| {
            let x = match &self.norms {
                Some(norms) => norms[norm].forward(&x, &Machine::Candle(device.clone()))?,
                None => x,
            };
            turn(&x, &cosines, &sines, shape)
        };
        let queries = turned(heads(0, shape.heads)?, 0)?;
        let new_keys = turned(heads(shape.asking(), shape.kv_heads)?, 1)?.to_dtype(keys.dtype())?;
        let new_values = heads(shape.asking() + shape.asked(), shape.kv_heads)?.to_dtype(values.dtype())?;
        let mut mixed = Vec::with_capacity(step.runs.len());
        let mut row = 0;
        for run in step.runs {
            let rows = run.tokens.len();
            for (index, position) in run.positions().enumerate() {
                keys.slice_set(&new_keys.narrow(0, row + index, 1)?, 0, run.place(position))?;
                values.slice_set(&new_values.narrow(0, row + index, 1)?, 0, run.place(position))?;
            }
            let length = run.position + rows;
            let places: Vec<u32> = (0..length).map(|at| run.place(at) as u32).collect();
            let places = Tensor::from_vec(places, length, device)?;
            let past = |store: &Tensor| store.index_select(&places, 0)?.transpose(0, 1)?.contiguous()?.to_dtype(type_);
            let (keys, values) = (past(keys)?, past(values)?);
            let group = shape.heads / shape.kv_heads;
            let asked = queries.narrow(0, row, rows)?.transpose(0, 1)?.contiguous()?;
            let asked = asked.reshape((shape.kv_heads, group * rows, shape.head))?;
            let scores = (asked.matmul(&keys.transpose(1, 2)?.contiguous()?)? * scale(shape))?;
            let scores = scores.to_dtype(DType::F32)?.reshape((shape.kv_heads, group, rows, length))?;
            let scores = scores.broadcast_add(&mask(run, shape.window(self.layer), device)?)?;
            let shares = ops::softmax(&scores, D::Minus1)?.to_dtype(type_)?;
            let out = shares.reshape((shape.kv_heads, group * rows, length))?.matmul(&values)?;
            mixed.push(out.reshape((shape.heads, rows, shape.head))?.transpose(0, 1)?.reshape((rows, shape.asking()))?);
            row += rows;
        }
        Tensor::cat(&mixed, 0)
    }
}

fn span<'a>(run: &Run<'a>) -> Span<'a> {
    Span { rows: run.tokens.len(), position: run.position, blocks: run.blocks }
}

/// What scores are multiplied by.
fn scale(shape: &Shape) -> f64 {
    1.0 / (shape.head as f64).sqrt()
}

/// Rotates `[rows, heads, head]` by `[rows, 1, width / 2]`.
fn turn(x: &Tensor, cosines: &Tensor, sines: &Tensor, shape: &Shape) -> Result<Tensor> {
    let (rows, heads, head) = x.dims3()?;
    let width = shape.rotation.width;
    let half = width / 2;
    let turning = x.narrow(2, 0, width)?;
    let (a, b, last) = if shape.rotation.interleaved {
        let pairs = turning.reshape((rows, heads, half, 2))?;
        (pairs.narrow(3, 0, 1)?.squeeze(3)?, pairs.narrow(3, 1, 1)?.squeeze(3)?, true)
    } else {
        (turning.narrow(2, 0, half)?, turning.narrow(2, half, half)?, false)
    };
    let first = (a.broadcast_mul(cosines)? - b.broadcast_mul(sines)?)?;
    let second = (b.broadcast_mul(cosines)? + a.broadcast_mul(sines)?)?;
    let turned = if last {
        Tensor::stack(&[first, second], 3)?.reshape((rows, heads, width))?
    } else {
        Tensor::cat(&[first, second], 2)?
    };
    if width == head { Ok(turned) } else { Tensor::cat(&[turned, x.narrow(2, width, head - width)?], 2) }
}

/// What each row of a run does not see: `[rows, positions]`.
fn mask(run: &Run<'_>, window: Option<usize>, device: &Device) -> Result<Tensor> {
    let length = run.position + run.tokens.len();
    let row = |position: usize| {
        let first = window.map_or(0, |window| (position + 1).saturating_sub(window));
        (0..length).map(move |past| if (first..=position).contains(&past) { 0.0 } else { f32::NEG_INFINITY })
    };
    Tensor::from_vec(run.positions().flat_map(row).collect(), (run.tokens.len(), length), device)
}
