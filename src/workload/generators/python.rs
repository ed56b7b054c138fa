//! CPython's `random`: a Mersenne twister seeded by key, integers by rejection of bits.

use super::mt19937::Mt19937;

/// `random.Random(seed)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python(Mt19937);

impl Python {
    /// `random.seed(seed)` of an integer.
    pub fn new(seed: u64) -> Self {
        let words = [seed as u32, (seed >> 32) as u32];
        Python(Mt19937::from_key(if words[1] == 0 { &words[..1] } else { &words }))
    }

    /// `random()`: uniform in [0, 1).
    pub fn double(&mut self) -> f64 {
        self.0.double()
    }

    /// `randrange(bound)`: as many bits as `bound` has, drawn until they are below it. 0 where the bound is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        if bound == 0 {
            return 0;
        }
        loop {
            let value = self.0.next_u32() >> bound.leading_zeros();
            if value < bound {
                return value;
            }
        }
    }

    /// `randint(min, max)`, both included; the lower one where they are crossed.
    pub fn within(&mut self, min: u32, max: u32) -> u32 {
        match max.checked_sub(min) {
            None => min,
            // The whole range of 32 bits takes 33 of them, which come as one output and one bit of the next.
            Some(u32::MAX) => loop {
                let low = self.0.next_u32();
                if self.0.next_u32() >> 31 == 0 {
                    return low;
                }
            },
            Some(span) => min + self.below(span + 1),
        }
    }

    /// `choice(list)`; `None` where the list is empty.
    pub fn choice<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let bound = u32::try_from(list.len()).ok().filter(|bound| *bound > 0)?;
        list.get(self.below(bound) as usize)
    }

    /// `shuffle(list)`.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for index in (1..list.len()).rev() {
            let other = self.below(u32::try_from(index + 1).unwrap_or(u32::MAX)) as usize;
            list.swap(index, other);
        }
    }
}
