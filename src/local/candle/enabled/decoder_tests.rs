//! The network on the kernels against the same network in candle's operations, which share no loop with them.

use candle_core::Device;

use super::catalog;
use super::config::{Rotation, Scaling, Shape};
use super::decoder::Decoder;
use super::kernel::{Kind, POSITIONS, Team};
use super::load::decoder;
use super::machine::Machine;
use super::network::{Cache, Run};
use super::weights::Drawn;

pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// The kernels on some threads.
pub fn kernels(threads: usize) -> Outcome<Machine> {
    Ok(Machine::Kernels(std::sync::Arc::new(Team::new(threads)?)))
}

/// A decoder of drawn weights.
pub fn drawn(shape: &Shape, kind: Kind, machine: Machine) -> Outcome<Decoder> {
    Ok(decoder(shape.clone(), &Drawn::new("m", shape, 7, kind)?, None, machine)?)
}

/// Logits after each of the tokens, fed in chunks of this length. The blocks lie in an order of their own.
pub fn logits(decoder: &Decoder, tokens: &[u32], chunk: usize) -> Outcome<Vec<Vec<f32>>> {
    let count = tokens.len().div_ceil(POSITIONS);
    let blocks: Vec<u32> = (0..count as u32).rev().collect();
    let mut cache = Cache::new(&decoder.shape, decoder.kind, count, &decoder.machine)?;
    let mut all = Vec::new();
    for (index, tokens) in tokens.chunks(chunk).enumerate() {
        let run = Run { tokens, position: index * chunk, blocks: &blocks, wanted: tokens.len() };
        if let Some(logits) = decoder.forward(&[run], &mut cache)? {
            all.extend(logits.to_vec2::<f32>()?);
        }
    }
    Ok(all)
}

/// The greatest difference of two tables, against the spread of the first.
pub fn far(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
    assert_eq!((a.len(), a[0].len()), (b.len(), b[0].len()));
    let most = |x: &[Vec<f32>]| x.iter().flatten().fold(0.0f32, |most, x| most.max(x.abs()));
    let differences: Vec<Vec<f32>> =
        a.iter().zip(b).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a - b).collect()).collect();
    most(&differences) / most(a)
}

/// Shapes that differ in every rule.
fn shapes() -> Outcome<Vec<(&'static str, Shape)>> {
    let (tiny, _) = catalog::find("random:tiny", 300)?;
    let base = Shape { hidden: 64, layers: 2, ..tiny };
    let rotation = |width, interleaved, scaling| Rotation { width, base: 5000.0, interleaved, scaling };
    Ok(vec![
        ("plain", base.clone()),
        ("tied, with norms of heads", Shape { tied: true, head_norms: true, ..base.clone() }),
        ("windowed", Shape { window: Some(20), windowed_from: 1, ..base.clone() }),
        ("partly rotated", Shape { rotation: rotation(8, false, Scaling::None), ..base.clone() }),
        (
            "neighbours rotated",
            Shape { rotation: rotation(16, true, Scaling::Linear { factor: 2.0 }), kv_heads: 4, ..base },
        ),
    ])
}

#[test]
fn the_kernels_and_candle_agree() -> Outcome {
    let tokens: Vec<u32> = (0..90).map(|i| i * 37 % 300).collect();
    for (name, shape) in shapes()? {
        for (kind, bound) in [(Kind::F32, 1e-4), (Kind::F16, 5e-3), (Kind::Q8_0, 5e-2)] {
            let ours = logits(&drawn(&shape, kind, kernels(1)?)?, &tokens, 90)?;
            let theirs = logits(&drawn(&shape, kind, Machine::Candle(Device::Cpu))?, &tokens, 90)?;
            let far = far(&theirs, &ours);
            assert!(far < bound, "{name}, {kind:?}: {far}");
        }
    }
    Ok(())
}

#[test]
fn chunks_and_threads_change_not_a_bit() -> Outcome {
    let tokens: Vec<u32> = (0..90).map(|i| i * 37 % 300).collect();
    for (name, shape) in shapes()? {
        for kind in [Kind::F32, Kind::F16, Kind::BF16, Kind::Q8_0] {
            let whole = logits(&drawn(&shape, kind, kernels(1)?)?, &tokens, 90)?;
            for (threads, chunk) in [(1, 1), (1, 13), (3, 13), (2, 90)] {
                let other = logits(&drawn(&shape, kind, kernels(threads)?)?, &tokens, chunk)?;
                assert_eq!(whole, other, "{name}, {kind:?}, {threads} threads, chunks of {chunk}");
            }
        }
    }
    Ok(())
}
