//! Attention of rows to the past of their sequences, whose keys and values lie in blocks of positions.
//!
//! A row takes the blocks of its past one after the other and keeps the largest score so far, the sum of the
//! exponentials and the mixed values, all rescaled when a larger score comes. Where a block begins depends on the
//! position only, so the order of additions is the same however a prompt is cut and whatever else is computed.

#![expect(clippy::needless_range_loop, reason = "see `vector::vectorized` for why the loops count indices")]

use half::f16;
use half::vec::HalfBitsVecExt;

use super::dispatch;
use super::team::{Team, columns};
use super::vector::{exp, widen};

/// Positions of a block.
pub const POSITIONS: usize = 16;

/// Rows of one sequence that share the reading of a block.
const TILE: usize = 16;

/// The numbers of blocks, of keys or of values of one layer.
#[derive(Clone, Debug)]
pub enum Store {
    /// 32 bits a number.
    F32(Vec<f32>),
    /// 16 bits a number.
    F16(Vec<f16>),
}

/// How many heads there are, and how long they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Heads of a query, a multiple of those of keys.
    pub queries: usize,
    /// Heads of keys and of values.
    pub keys: usize,
    /// Numbers of a head.
    pub width: usize,
}

/// Consecutive rows of one sequence.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    /// How many rows.
    pub rows: usize,
    /// The position of the first.
    pub position: usize,
    /// The blocks of the sequence in the order of positions, up to that of the last row.
    pub blocks: &'a [u32],
}

/// Keys and values of one layer.
///
/// A block holds its heads one after the other. A head of keys is `[number][position]`, so that the scores of a block
/// are computed side by side, a head of values `[position][number]`.
#[derive(Clone, Debug)]
pub struct Memory {
    heads: Heads,
    keys: Store,
    values: Store,
}

/// How the scores are made of products.
#[derive(Clone, Copy, Debug)]
pub struct Scores {
    /// What each product is multiplied by.
    pub scale: f32,
    /// How many positions a row sees, itself included; all of them if `None`.
    pub window: Option<usize>,
}

impl Store {
    /// Zeros, which take no memory before something else is written: the system hands out pages of zeros when they are
    /// first touched, as long as nobody writes them beforehand.
    fn new(half: bool, count: usize) -> Self {
        if half { Store::F16(vec![0u16; count].reinterpret_into()) } else { Store::F32(vec![0.0; count]) }
    }

    /// Writes numbers at a distance of `step` from each other.
    fn put(&mut self, at: usize, step: usize, numbers: &[f32]) {
        match self {
            Store::F32(store) => {
                for i in 0..numbers.len() {
                    store[at + i * step] = numbers[i];
                }
            }
            Store::F16(store) => {
                for i in 0..numbers.len() {
                    store[at + i * step] = f16::from_f32(numbers[i]);
                }
            }
        }
    }

    /// Reads rows of `width` numbers into rows of a greater or equal length.
    #[inline(always)]
    pub fn read(&self, at: usize, width: usize, out: &mut [f32], length: usize) {
        for row in 0..out.len() / length {
            let (at, out) = (at + row * width, &mut out[row * length..row * length + width]);
            match self {
                Store::F32(store) => out.copy_from_slice(&store[at..at + width]),
                Store::F16(store) => {
                    let store = &store[at..at + width];
                    for i in 0..width {
                        out[i] = widen(store[i].to_bits());
                    }
                }
            }
        }
    }
}

impl Memory {
    /// Room for a number of blocks, with `half` in 16 bits a number.
    pub fn new(heads: Heads, blocks: usize, half: bool) -> Self {
        let count = blocks * POSITIONS * heads.keys * heads.width;
        Memory { heads, keys: Store::new(half, count), values: Store::new(half, count) }
    }

    /// Writes the key and the value of a position, all heads one after the other, into `slot` of a block, the position
    /// modulo [`POSITIONS`].
    pub fn append(&mut self, block: u32, slot: usize, key: &[f32], value: &[f32]) {
        let width = self.heads.width;
        for head in 0..self.heads.keys {
            let at = self.at(block, head);
            let numbers = head * width..(head + 1) * width;
            self.keys.put(at + slot, POSITIONS, &key[numbers.clone()]);
            self.values.put(at + slot * width, 1, &value[numbers]);
        }
    }

    /// Mixes the values of the past for each row of queries, whose positions must have been
    /// [appended](Memory::append). The rows are those of the spans in their order; a row of `queries` and of `out` has
    /// all heads one after the other.
    pub fn attend(&self, queries: &[f32], spans: &[Span<'_>], scores: Scores, out: &mut [f32], team: &Team) {
        self.mix(queries, spans, scores, false, out, team);
    }

    /// As [`Memory::attend`], but each row sees all positions up to the last of its span, those behind it too.
    pub fn attend_whole(&self, queries: &[f32], spans: &[Span<'_>], scale: f32, out: &mut [f32], team: &Team) {
        self.mix(queries, spans, Scores { scale, window: None }, true, out, team);
    }

    fn mix(&self, queries: &[f32], spans: &[Span<'_>], how: Scores, whole: bool, out: &mut [f32], team: &Team) {
        let Heads { queries: count, keys, width } = self.heads;
        let (stride, group) = (count * width, count / keys);
        let mut tiles = Vec::new();
        let mut rest = out;
        let mut row = 0;
        for span in spans {
            for start in (0..span.rows).step_by(TILE) {
                let rows = TILE.min(span.rows - start);
                let (rows_out, after) = rest.split_at_mut(rows * stride);
                rest = after;
                let queries = &queries[row * stride..(row + rows) * stride];
                row += rows;
                let outs = columns(rows_out, stride, 0, &vec![group * width; keys]);
                let (position, end) = (span.position + start, whole.then_some(span.position + span.rows));
                for (head, out) in outs.into_iter().enumerate() {
                    tiles.push(Tile { queries, position, end, blocks: span.blocks, head, out });
                }
            }
        }
        let level = team.level();
        team.share(tiles, |mut tile| dispatch::attend(level, self, &mut tile, how));
    }

    /// Where a head of a block begins.
    #[inline(always)]
    fn at(&self, block: u32, head: usize) -> usize {
        (block as usize * self.heads.keys + head) * POSITIONS * self.heads.width
    }

    /// Mixes the values for a tile. `read` gets rows of numbers out of a store, from a position on, each as long as its
    /// third argument, into rows as long as its last; `mix` adds a block to the queries of a row, as many as there are
    /// states.
    #[inline(always)]
    pub fn tile(
        &self,
        tile: &mut Tile<'_>,
        how: Scores,
        read: impl Fn(&Store, usize, usize, &mut [f32], usize),
        mix: impl Fn(&Seen<'_>, &[f32], &mut [State], &mut [f32]),
    ) {
        let Heads { queries: count, keys: key_heads, width } = self.heads;
        let group = count / key_heads;
        let length = width.next_multiple_of(16);
        let rows = tile.out.len();
        let window = how.window.unwrap_or(usize::MAX).max(1);
        let mut keys = vec![0.0; width * POSITIONS];
        let mut values = vec![0.0; POSITIONS * length];
        let mut states = vec![State { most: f32::NEG_INFINITY, total: 0.0 }; rows * group];
        let mut mixed = vec![0.0; rows * group * length];
        let last = tile.end.unwrap_or(tile.position + rows) - 1;
        let seen = (tile.position + 1).saturating_sub(window);
        for block in seen / POSITIONS..=last / POSITIONS {
            let at = self.at(tile.blocks[block], tile.head);
            read(&self.keys, at, POSITIONS, &mut keys, POSITIONS);
            read(&self.values, at, width, &mut values, length);
            let start = block * POSITIONS;
            for row in 0..rows {
                let position = tile.position + row;
                let low = (position + 1).saturating_sub(window).saturating_sub(start);
                let high = POSITIONS.min(tile.end.unwrap_or(position + 1).saturating_sub(start));
                if low >= high {
                    continue;
                }
                let query = &tile.queries[row * count * width + tile.head * group * width..][..group * width];
                let states = &mut states[row * group..(row + 1) * group];
                let mixed = &mut mixed[row * group * length..(row + 1) * group * length];
                let seen = Seen { keys: &keys, values: &values, low, high, scale: how.scale };
                mix(&seen, query, states, mixed);
            }
        }
        for row in 0..rows {
            for head in 0..group {
                let index = row * group + head;
                let mixed = &mixed[index * length..index * length + width];
                let out = &mut tile.out[row][head * width..(head + 1) * width];
                for i in 0..width {
                    out[i] = mixed[i] / states[index].total;
                }
            }
        }
    }
}

/// Rows of one sequence and the query heads of one head of keys.
pub struct Tile<'a> {
    queries: &'a [f32],
    position: usize,
    /// Where the positions end that all rows see; those of a row end with itself where there is none.
    end: Option<usize>,
    blocks: &'a [u32],
    head: usize,
    out: Vec<&'a mut [f32]>,
}

/// What a query has come to so far.
#[derive(Clone, Copy)]
pub struct State {
    /// The largest score.
    pub most: f32,
    /// The sum of the exponentials of the scores less the largest.
    pub total: f32,
}

/// The positions of a block that a row sees.
pub struct Seen<'a> {
    /// For each number of a key the numbers of all positions.
    pub keys: &'a [f32],
    /// The values of the positions, each filled up to whole vectors of 16.
    pub values: &'a [f32],
    /// The first position.
    pub low: usize,
    /// The position behind the last.
    pub high: usize,
    /// What products are multiplied by.
    pub scale: f32,
}

impl Seen<'_> {
    /// Adds the block to the queries of a row.
    #[inline(always)]
    pub fn mix(&self, query: &[f32], states: &mut [State], mixed: &mut [f32]) {
        let (width, length) = (self.keys.len() / POSITIONS, self.values.len() / POSITIONS);
        let mut at = 0;
        while at < states.len() {
            let (query, mixed) = (&query[at * width..], &mut mixed[at * length..]);
            at += match states.len() - at {
                1..4 => self.some::<1>(query, &mut states[at..], mixed),
                _ => self.some::<4>(query, &mut states[at..], mixed),
            };
        }
    }

    /// Adds the block to `N` queries; returns `N`. More than one are taken at once for speed only.
    #[inline(always)]
    fn some<const N: usize>(&self, query: &[f32], states: &mut [State], mixed: &mut [f32]) -> usize {
        let keys = self.keys.as_chunks::<POSITIONS>().0;
        let width = keys.len();
        let mut scores = [[0.0f32; POSITIONS]; N];
        for i in 0..width {
            for n in 0..N {
                for lane in 0..POSITIONS {
                    scores[n][lane] += query[n * width + i] * keys[i][lane];
                }
            }
        }
        let mut old = [0.0; N];
        for n in 0..N {
            for lane in 0..POSITIONS {
                let score = scores[n][lane] * self.scale;
                scores[n][lane] = if lane >= self.low && lane < self.high { score } else { f32::NEG_INFINITY };
            }
            let mut most = scores[n];
            for half in [8, 4, 2, 1] {
                for lane in 0..half {
                    most[lane] = if most[lane] > most[lane + half] { most[lane] } else { most[lane + half] };
                }
            }
            let most = if states[n].most > most[0] { states[n].most } else { most[0] };
            for lane in 0..POSITIONS {
                let e = exp(scores[n][lane] - most);
                scores[n][lane] = if lane >= self.low && lane < self.high { e } else { 0.0 };
            }
            let mut total = scores[n];
            for half in [8, 4, 2, 1] {
                for lane in 0..half {
                    total[lane] += total[lane + half];
                }
            }
            old[n] = if states[n].total > 0.0 { exp(states[n].most - most) } else { 0.0 };
            states[n] = State { most, total: states[n].total * old[n] + total[0] };
        }
        let values = self.values.as_chunks::<16>().0;
        let mixed = mixed.as_chunks_mut::<16>().0;
        let chunks = values.len() / POSITIONS;
        for chunk in 0..chunks {
            let mut sums = [[0.0; 16]; N];
            for n in 0..N {
                for lane in 0..16 {
                    sums[n][lane] = mixed[n * chunks + chunk][lane] * old[n];
                }
            }
            for position in self.low..self.high {
                let values = &values[position * chunks + chunk];
                for n in 0..N {
                    for lane in 0..16 {
                        sums[n][lane] += scores[n][position] * values[lane];
                    }
                }
            }
            for n in 0..N {
                mixed[n * chunks + chunk] = sums[n];
            }
        }
        N
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::dispatch::Level;
    use super::*;

    /// A sequence with all that its rows are made of.
    struct Sequence {
        queries: Vec<f32>,
        keys: Vec<f32>,
        values: Vec<f32>,
        blocks: Vec<u32>,
    }

    fn draw(heads: Heads, positions: usize, blocks: &mut Vec<u32>, random: &mut ChaCha8Rng) -> Sequence {
        let mut rows = |count: usize| -> Vec<f32> {
            (0..positions * count * heads.width).map(|_| random.random_range(-2.0..2.0f32)).collect()
        };
        let (queries, keys, values) = (rows(heads.queries), rows(heads.keys), rows(heads.keys));
        let taken = blocks.split_off(blocks.len() - positions.div_ceil(POSITIONS));
        Sequence { queries, keys, values, blocks: taken }
    }

    fn fill(heads: Heads, half: bool, blocks: usize, sequences: &[Sequence]) -> Memory {
        let mut memory = Memory::new(heads, blocks, half);
        let width = heads.keys * heads.width;
        for sequence in sequences {
            for (position, (key, value)) in sequence.keys.chunks(width).zip(sequence.values.chunks(width)).enumerate() {
                if let Some(block) = sequence.blocks.get(position / POSITIONS) {
                    memory.append(*block, position % POSITIONS, key, value);
                }
            }
        }
        memory
    }

    /// The mixed values of one row, by the definition.
    fn exact(heads: Heads, sequence: &Sequence, position: usize, how: Scores, half: bool) -> Vec<f64> {
        let Heads { queries, keys, width } = heads;
        let round = |x: &f32| f64::from(if half { f16::from_f32(*x).to_f32() } else { *x });
        let low = how.window.map_or(0, |window| (position + 1).saturating_sub(window));
        let mut out = Vec::new();
        for head in 0..queries {
            let query = &sequence.queries[(position * queries + head) * width..][..width];
            let at = |past: usize| (past * keys + head / (queries / keys)) * width;
            let scores: Vec<f64> = (low..=position)
                .map(|past| {
                    let key = &sequence.keys[at(past)..][..width];
                    query.iter().zip(key).map(|(q, k)| f64::from(*q) * round(k)).sum::<f64>() * f64::from(how.scale)
                })
                .collect();
            let most = scores.iter().fold(f64::MIN, |most, score| most.max(*score));
            let shares: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
            let total: f64 = shares.iter().sum();
            let value = |past: usize, i: usize| round(&sequence.values[at(past) + i]);
            out.extend((0..width).map(|i| {
                (low..=position).zip(&shares).map(|(past, share)| share * value(past, i)).sum::<f64>() / total
            }));
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn rows_see_their_past_and_have_the_same_bits_alone(
            seed: u64, key_heads in 1..4usize, group in 1..9usize, wide in 1..9usize, half: bool, threads in 1..4usize,
            lengths in proptest::collection::vec(1..70usize, 1..4), window in proptest::option::of(1..40usize),
            level in 0..4usize,
        ) {
            let heads = Heads { queries: key_heads * group, keys: key_heads, width: 8 * wide };
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut blocks: Vec<u32> = (0..16).rev().collect();
            blocks.rotate_left(5);
            let sequences: Vec<Sequence> =
                lengths.iter().map(|length| draw(heads, *length, &mut blocks, &mut random)).collect();
            let memory = fill(heads, half, 16, &sequences);
            let how = Scores { scale: 0.2, window };
            let levels = Level::all();
            let level = levels[level % levels.len()];
            let stride = heads.queries * heads.width;
            // The rows of all sequences from a random position on, all at once.
            let starts: Vec<usize> = lengths.iter().map(|length| random.random_range(0..*length)).collect();
            let mut queries = Vec::new();
            let mut spans = Vec::new();
            for (sequence, (start, length)) in sequences.iter().zip(starts.iter().zip(&lengths)) {
                queries.extend_from_slice(&sequence.queries[start * stride..]);
                spans.push(Span { rows: length - start, position: *start, blocks: &sequence.blocks });
            }
            let mut out = vec![0.0; queries.len()];
            memory.attend(&queries, &spans, how, &mut out, &Team::at(level, threads).unwrap());
            let mut out = out.chunks(stride);
            let single = Team::at(level, 1).unwrap();
            for (sequence, span) in sequences.iter().zip(&spans) {
                for position in span.position..span.position + span.rows {
                    let row = out.next().unwrap();
                    for (ours, exact) in row.iter().zip(exact(heads, sequence, position, how, half)) {
                        prop_assert!((f64::from(*ours) - exact).abs() < 1e-4, "{ours} is not {exact}");
                    }
                    let mut alone = vec![0.0; stride];
                    let query = &sequence.queries[position * stride..][..stride];
                    let alone_span = Span { rows: 1, position, blocks: &sequence.blocks[..position / POSITIONS + 1] };
                    memory.attend(query, &[alone_span], how, &mut alone, &single);
                    prop_assert_eq!(row, alone);
                }
            }
        }
    }
}
