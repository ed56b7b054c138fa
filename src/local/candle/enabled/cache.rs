//! Keys and values of the tokens a sequence has been through.

use super::catalog::Shape;

/// What one layer remembers.
#[derive(Debug, Clone)]
pub struct Memory {
    /// Rotated keys, `[position][asked head][number]`.
    pub keys: Vec<f32>,
    /// Values, laid out like the keys.
    pub values: Vec<f32>,
}

/// What all layers remember of one sequence.
#[derive(Debug, Clone)]
pub struct Cache {
    /// One for each layer.
    pub layers: Vec<Memory>,
}

impl Cache {
    /// An empty cache. Its whole room is taken at once, so that no step has to move what is remembered.
    pub fn new(shape: &Shape, positions: usize) -> Self {
        let room = positions * shape.asked();
        let memory = || Memory { keys: Vec::with_capacity(room), values: Vec::with_capacity(room) };
        Cache { layers: (0..shape.layers).map(|_| memory()).collect() }
    }

    /// Bytes that it takes, those that are still empty included.
    pub fn bytes(&self) -> u64 {
        let numbers = self.layers.iter().map(|layer| layer.keys.capacity() + layer.values.capacity());
        (numbers.sum::<usize>() * size_of::<f32>()) as u64
    }
}
