//! CPython's `random`: a Mersenne twister seeded by key, integers by rejection of bits.
//!
//! The draws are those of CPython 3.11 and later, which did not change since 3.2 but for what is refused.

use std::collections::HashSet;

use super::mt19937::Mt19937;

/// `random.Random(seed)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python(Mt19937);

impl Python {
    /// `random.seed(seed)` of an integer that is not negative. CPython takes the magnitude of a negative one.
    pub fn new(seed: u64) -> Self {
        Self::from_integer(&seed.to_be_bytes())
    }

    /// `random.seed(int.from_bytes(bytes, "big"))`: an integer of any size, its highest byte first.
    pub fn from_integer(big_endian: &[u8]) -> Self {
        let word = |chunk: &[u8]| chunk.iter().fold(0_u32, |word, byte| (word << 8) | u32::from(*byte));
        let mut key: Vec<u32> = big_endian.rchunks(4).map(word).collect();
        while key.last() == Some(&0) {
            key.pop();
        }
        Python(Mt19937::from_key(&key))
    }

    /// `random.seed(bytes)` of version 2: the bytes and their SHA-512 after them as one integer.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA512, bytes);
        Self::from_integer(&[bytes, digest.as_ref()].concat())
    }

    /// `random.seed(text)` of version 2, which takes the UTF-8 bytes.
    pub fn from_text(text: &str) -> Self {
        Self::from_bytes(text.as_bytes())
    }

    /// `random()`: uniform in [0, 1).
    pub fn double(&mut self) -> f64 {
        self.0.double()
    }

    /// `uniform(from, to)`.
    pub fn uniform(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.double()
    }

    /// `getrandbits(count)`, for at most 64 bits; a larger count gives 64. The lower 32 bits are drawn first, and the
    /// last draw gives its upper bits.
    pub fn bits(&mut self, count: u32) -> u64 {
        let count = count.min(64);
        let mut part = |bits: u32| if bits == 0 { 0 } else { u64::from(self.0.next_u32() >> (32 - bits)) };
        let low = part(count.min(32));
        low | (part(count.saturating_sub(32)) << 32)
    }

    /// `randrange(bound)`: as many bits as `bound` has, drawn until they are below it. 0 where the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let bits = u64::BITS - bound.leading_zeros();
        loop {
            let value = self.bits(bits);
            if value < bound || bound == 0 {
                return value;
            }
        }
    }

    fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// `randrange(start, stop, step)`; `None` where the range is empty or the step is 0.
    pub fn range(&mut self, start: i64, stop: i64, step: i64) -> Option<i64> {
        let (from, to, by) = (i128::from(start), i128::from(stop), i128::from(step));
        let width = if step < 0 { from - to } else { to - from };
        if step == 0 || width <= 0 {
            return None;
        }
        let steps = u64::try_from((width - 1) / by.abs() + 1).ok()?;
        i64::try_from(from + by * i128::from(self.below(steps))).ok()
    }

    /// `randint(min, max)`, both included; the lower one where they are crossed.
    pub fn within(&mut self, min: u32, max: u32) -> u32 {
        match max.checked_sub(min) {
            None => min,
            Some(span) => min + self.below(u64::from(span) + 1) as u32,
        }
    }

    /// `choice(list)`; `None` where the list is empty.
    pub fn choice<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        if list.is_empty() {
            return None;
        }
        list.get(self.index(list.len()))
    }

    /// `choices(list, k=count)`: drawn with replacement; nothing from an empty list.
    pub fn choices<'a, T>(&mut self, list: &'a [T], count: usize) -> Vec<&'a T> {
        let length = list.len() as f64;
        let count = if list.is_empty() { 0 } else { count };
        (0..count).filter_map(|_| list.get((self.double() * length) as usize)).collect()
    }

    /// `choices(list, weights, k=count)`. `None` where there is not one weight for each member, or they do not sum to
    /// a finite number above 0, which CPython refuses.
    pub fn weighted_choices<'a, T>(&mut self, list: &'a [T], weights: &[f64], count: usize) -> Option<Vec<&'a T>> {
        let mut total = 0.0;
        let mut sums = Vec::with_capacity(weights.len());
        for weight in weights {
            sums.push(total);
            total += weight;
        }
        if list.is_empty() || weights.len() != list.len() || !total.is_finite() || total <= 0.0 {
            return None;
        }
        let inner = sums.get(1..)?;
        let mut draw = || {
            let at = self.double() * total;
            list.get(inner.partition_point(|sum| *sum <= at))
        };
        (0..count).map(|_| draw()).collect()
    }

    /// `sample(range(length), count)`: so many different places in the order drawn; `None` where there are too few.
    pub fn sample(&mut self, length: usize, count: usize) -> Option<Vec<usize>> {
        if count > length {
            return None;
        }
        if length <= largest_pool(count) {
            let mut pool: Vec<usize> = (0..length).collect();
            return Some(
                (0..count)
                    .map(|drawn| {
                        let last = length - drawn - 1;
                        let place = self.index(length - drawn);
                        pool.swap(place, last);
                        pool[last]
                    })
                    .collect(),
            );
        }
        let mut taken = HashSet::new();
        let mut places = Vec::with_capacity(count);
        while places.len() < count {
            let place = self.index(length);
            if taken.insert(place) {
                places.push(place);
            }
        }
        Some(places)
    }

    /// `shuffle(list)`.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for index in (1..list.len()).rev() {
            list.swap(index, self.index(index + 1));
        }
    }
}

/// The longest list that `sample` copies rather than keeping a set of what it took: 21 places, and for more than five
/// draws the room that a set of them takes, the power of 4 that is not below three times their number.
fn largest_pool(count: usize) -> usize {
    let mut set = 1_usize;
    while count > 5 && set < count.saturating_mul(3) {
        set = set.saturating_mul(4);
    }
    if count > 5 { set.saturating_add(21) } else { 21 }
}
