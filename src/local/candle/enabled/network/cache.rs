//! Keys and values of tokens that sequences have been through, in blocks that sequences may share.

use candle_core::{DType, Result, Tensor};

use crate::local::candle::chosen::config::Shape;
use crate::local::candle::chosen::kernel::{Heads, Kind, Memory, POSITIONS};
use crate::local::candle::chosen::machine::Machine;

/// What all layers remember.
pub struct Cache {
    pub(super) layers: Vec<Layer>,
}

/// What one layer remembers.
pub(super) enum Layer {
    /// In memory of the kernels.
    Kernels(Memory),
    /// On a device: `[blocks * POSITIONS, kv_heads, head]`.
    Candle { keys: Tensor, values: Tensor },
}

/// Bytes that one block takes in all layers, for weights of a kind.
pub fn block_bytes(shape: &Shape, kind: Kind, machine: &Machine) -> usize {
    2 * shape.layers * POSITIONS * shape.asked() * number(kind, machine).size_in_bytes()
}

/// The type of a remembered number: that of the activations, but 16 bits are enough where the weights have no more.
fn number(kind: Kind, machine: &Machine) -> DType {
    match (machine, kind) {
        (Machine::Kernels(_), Kind::F32) => DType::F32,
        (Machine::Kernels(_), _) => DType::F16,
        (Machine::Candle(_), _) => machine.activations(kind),
    }
}

impl Cache {
    /// Room for so many blocks. On a processor it is taken when it is first written to.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn new(shape: &Shape, kind: Kind, blocks: usize, machine: &Machine) -> Result<Self> {
        let layer = || match machine {
            Machine::Kernels(_) => {
                let heads = Heads { queries: shape.heads, keys: shape.kv_heads, width: shape.head };
                Ok(Layer::Kernels(Memory::new(heads, blocks, number(kind, machine) == DType::F16)))
            }
            Machine::Candle(device) => {
                let dims = (blocks * POSITIONS, shape.kv_heads, shape.head);
                let zeros = || Tensor::zeros(dims, number(kind, machine), device);
                Ok(Layer::Candle { keys: zeros()?, values: zeros()? })
            }
        };
        Ok(Cache { layers: (0..shape.layers).map(|_| layer()).collect::<Result<_>>()? })
    }
}
