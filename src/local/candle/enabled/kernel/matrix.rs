//! A matrix of weights, in the form that its file has.

use bytes::Bytes;

use super::block::{Block, Q4K, Q5K, Q6K, Q8_0};
use super::dispatch;
use super::float::{self, BF16, F16, F32, Numbers};
use super::input::Input;
use super::panel::{self, Blocks, LANES};
use super::team::{Team, columns};

/// How the weights are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 32 bits.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of 32 bits.
    BF16,
    /// Blocks of 32 weights of 8 bits, 34 bytes.
    Q8_0,
    /// Blocks of 256 weights of 4 bits, 144 bytes.
    Q4K,
    /// Blocks of 256 weights of 5 bits, 176 bytes.
    Q5K,
    /// Blocks of 256 weights of 6 bits, 210 bytes.
    Q6K,
}

impl Kind {
    /// Weights and bytes of a block.
    pub fn block(self) -> (usize, usize) {
        match self {
            Kind::F32 => (1, 4),
            Kind::F16 | Kind::BF16 => (1, 2),
            Kind::Q8_0 => (Q8_0::WEIGHTS, Q8_0::BYTES),
            Kind::Q4K => (Q4K::WEIGHTS, Q4K::BYTES),
            Kind::Q5K => (Q5K::WEIGHTS, Q5K::BYTES),
            Kind::Q6K => (Q6K::WEIGHTS, Q6K::BYTES),
        }
    }
}

/// `outer` rows of `inner` weights: a product has `outer` numbers.
#[derive(Clone, Debug)]
pub struct Matrix {
    kind: Kind,
    outer: usize,
    inner: usize,
    data: Bytes,
}

impl Matrix {
    /// A matrix of the weights in `data`, row after row. The bytes are used where they are and need no alignment, so
    /// they may be part of a file in memory.
    ///
    /// # Errors
    /// When a row is not made of whole blocks or `data` has another length than the sizes ask for.
    pub fn new(kind: Kind, outer: usize, inner: usize, data: Bytes) -> Result<Self, String> {
        let (weights, bytes) = kind.block();
        if outer == 0 || inner == 0 || !inner.is_multiple_of(weights) {
            return Err(format!(
                "a {kind:?} matrix of {outer} rows of {inner} weights: rows are made of whole blocks of {weights}"
            ));
        }
        let expected = (inner / weights * bytes).checked_mul(outer);
        if expected != Some(data.len()) {
            return Err(format!(
                "a {kind:?} matrix of {outer} rows of {inner} weights takes {} bytes, not {}",
                expected.map_or_else(|| "too many".to_owned(), |bytes| bytes.to_string()),
                data.len()
            ));
        }
        Ok(Matrix { kind, outer, inner, data })
    }

    /// The bytes that the weights take.
    pub fn bytes(&self) -> usize {
        self.data.len()
    }

    /// The weights of one output as numbers, as the embedding of a token wants them. `out` is as long as a row.
    pub fn row(&self, index: usize, out: &mut [f32]) {
        let stride = self.stride();
        let bytes = &self.data[index * stride..(index + 1) * stride];
        let out = &mut out[..self.inner];
        match self.kind {
            Kind::F32 => float::row::<F32>(bytes, out),
            Kind::F16 => float::row::<F16>(bytes, out),
            Kind::BF16 => float::row::<BF16>(bytes, out),
            Kind::Q8_0 => panel::row::<Q8_0>(bytes, out),
            Kind::Q4K => panel::row::<Q4K>(bytes, out),
            Kind::Q5K => panel::row::<Q5K>(bytes, out),
            Kind::Q6K => panel::row::<Q6K>(bytes, out),
        }
    }

    /// Multiplies the rows of `x`: `out[row * stride + offset + o]` becomes the product of a row with the weights of
    /// output `o`. An output is summed in the same order for any number of rows and threads, so it has the same bits.
    ///
    /// The sizes must fit: rows of `x` have [`inner`](Matrix::inner) numbers, a row of `out` has room for
    /// [`outer`](Matrix::outer) numbers from `offset` on.
    pub fn multiply(&self, x: &Input<'_>, out: &mut [f32], stride: usize, offset: usize, team: &Team) {
        debug_assert_eq!(x.inner(), self.inner);
        if x.rows() == 0 {
            return;
        }
        let widths = self.widths(team);
        let mut first = 0;
        let parts = columns(&mut out[..(x.rows() - 1) * stride + offset + self.outer], stride, offset, &widths)
            .into_iter()
            .map(|rows| {
                let start = first;
                first += rows.first().map_or(0, |row| row.len());
                (start, rows)
            })
            .collect();
        let (bytes, outer, level) = (&self.data[..], self.outer, team.level());
        let blocks = || (Blocks { bytes, stride: self.stride(), outer }, x.quantised(team));
        let numbers = || Numbers { bytes, inner: self.inner, outer, x: x.padded(), width: x.width() };
        match self.kind {
            Kind::F32 => {
                let job = numbers();
                team.share(parts, |(first, mut rows)| dispatch::numbers_of::<F32>(level, job, first, &mut rows));
            }
            Kind::F16 => {
                let job = numbers();
                team.share(parts, |(first, mut rows)| dispatch::numbers_of::<F16>(level, job, first, &mut rows));
            }
            Kind::BF16 if level.tiles() => {
                let job = Numbers { bytes, inner: self.inner, outer, x: x.tiles(team), width: x.width() };
                team.share(parts, |(first, mut rows)| dispatch::tiles(level, job, first, &mut rows));
            }
            Kind::BF16 if level.brains() => {
                let job = Numbers { bytes, inner: self.inner, outer, x: x.brains(level), width: x.width() };
                team.share(parts, |(first, mut rows)| dispatch::pairs(level, job, first, &mut rows));
            }
            Kind::BF16 => {
                let job = numbers();
                team.share(parts, |(first, mut rows)| dispatch::numbers_of::<BF16>(level, job, first, &mut rows));
            }
            Kind::Q8_0 => {
                let (matrix, x) = blocks();
                team.share(parts, |(first, mut rows)| dispatch::blocks::<Q8_0>(level, matrix, x, first, &mut rows));
            }
            Kind::Q4K => {
                let (matrix, x) = blocks();
                team.share(parts, |(first, mut rows)| dispatch::blocks::<Q4K>(level, matrix, x, first, &mut rows));
            }
            Kind::Q5K => {
                let (matrix, x) = blocks();
                team.share(parts, |(first, mut rows)| dispatch::blocks::<Q5K>(level, matrix, x, first, &mut rows));
            }
            Kind::Q6K => {
                let (matrix, x) = blocks();
                team.share(parts, |(first, mut rows)| dispatch::blocks::<Q6K>(level, matrix, x, first, &mut rows));
            }
        }
    }

    /// Bytes of a row.
    fn stride(&self) -> usize {
        let (weights, bytes) = self.kind.block();
        self.inner / weights * bytes
    }

    /// How many outputs go into each part of the work: whole panels but for the last.
    fn widths(&self, team: &Team) -> Vec<usize> {
        let panels = self.outer.div_ceil(LANES);
        let width = panels.div_ceil(team.parts(panels)) * LANES;
        (0..self.outer).step_by(width).map(|start| width.min(self.outer - start)).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use std::borrow::Cow;

    use candle_core::Device;
    use candle_core::quantized::{GgmlDType, QStorage, QTensor};
    use half::{bf16, f16};
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::dispatch::Level;
    use super::*;

    const KINDS: [Kind; 7] = [Kind::F32, Kind::F16, Kind::BF16, Kind::Q8_0, Kind::Q4K, Kind::Q5K, Kind::Q6K];

    /// A matrix of random bits, but for scales and numbers that would be too large.
    fn draw(kind: Kind, outer: usize, inner: usize, random: &mut ChaCha8Rng) -> Matrix {
        let mut number = || random.random_range(-1.0..1.0f32);
        let count = outer * inner;
        let data: Vec<u8> = match kind {
            Kind::F32 => (0..count).flat_map(|_| number().to_le_bytes()).collect(),
            Kind::F16 => (0..count).flat_map(|_| f16::from_f32(number()).to_le_bytes()).collect(),
            Kind::BF16 => (0..count).flat_map(|_| bf16::from_f32(number()).to_le_bytes()).collect(),
            _ => {
                let (weights, bytes) = kind.block();
                let halves: &[usize] = match kind {
                    Kind::Q8_0 => &[0],
                    Kind::Q6K => &[208],
                    _ => &[0, 2],
                };
                let mut data: Vec<u8> = (0..count / weights * bytes).map(|_| random.random()).collect();
                for block in data.chunks_mut(bytes) {
                    for at in halves {
                        let scale = f16::from_f32(random.random_range(-0.01..0.01));
                        block[*at..at + 2].copy_from_slice(&scale.to_le_bytes());
                    }
                }
                data
            }
        };
        Matrix::new(kind, outer, inner, data.into()).unwrap()
    }

    fn rows(count: usize, inner: usize, random: &mut ChaCha8Rng) -> Vec<f32> {
        (0..count * inner).map(|_| random.random_range(-2.0..2.0f32)).collect()
    }

    /// What candle makes of the weights.
    fn dequantised(matrix: &Matrix) -> Vec<f32> {
        let dtype = match matrix.kind {
            Kind::F32 => GgmlDType::F32,
            Kind::F16 => GgmlDType::F16,
            Kind::BF16 => GgmlDType::BF16,
            Kind::Q8_0 => GgmlDType::Q8_0,
            Kind::Q4K => GgmlDType::Q4K,
            Kind::Q5K => GgmlDType::Q5K,
            Kind::Q6K => GgmlDType::Q6K,
        };
        let storage = QStorage::from_data(Cow::Borrowed(&matrix.data), &Device::Cpu, dtype).unwrap();
        let tensor = QTensor::new(storage, (matrix.outer, matrix.inner)).unwrap();
        tensor.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn rows_are_those_of_candle() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for kind in KINDS {
            let matrix = draw(kind, 5, 768, &mut random);
            let exact = dequantised(&matrix);
            let mut row = vec![0.0; 768];
            for (index, exact) in exact.chunks(768).enumerate() {
                matrix.row(index, &mut row);
                assert_eq!(row, exact, "{kind:?}");
            }
        }
    }

    /// The rows as the kernels of a kind see them.
    fn seen(kind: Kind, x: &Input<'_>, team: &Team) -> Vec<f32> {
        let level = team.level();
        let brains = || {
            let rows = x.brains(level).chunks(x.width());
            rows.flat_map(|row| row[..x.inner()].iter().map(|bits| bf16::from_bits(*bits).to_f32())).collect()
        };
        let quantised = || {
            let x = x.quantised(team);
            let parts = x.quants.iter().zip(&x.scales);
            parts.flat_map(|(quants, scale)| quants.map(|quant| f32::from(quant as i8) * scale)).collect()
        };
        match kind {
            Kind::BF16 if level.brains() || level.tiles() => brains(),
            Kind::F32 | Kind::F16 | Kind::BF16 => {
                x.padded().chunks(x.width()).flat_map(|row| row[..x.inner()].to_vec()).collect()
            }
            _ => quantised(),
        }
    }

    #[test]
    fn products_are_those_of_the_dequantised_weights() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        for (kind, level) in KINDS.into_iter().flat_map(|kind| Level::all().into_iter().map(move |level| (kind, level)))
        {
            // More than one panel of 1024 numbers and more rows than a tile sees; floating-point rows also end within a vector.
            let inner = if kind.block().0 == 1 { 1099 } else { 1536 };
            let matrix = draw(kind, 37, inner, &mut random);
            let x = rows(67, inner, &mut random);
            let input = Input::new(&x, 67, inner);
            let mut out = vec![f32::NAN; 67 * 37];
            let team = Team::at(level, 1).unwrap();
            matrix.multiply(&input, &mut out, 37, 0, &team);
            let (weights, seen) = (dequantised(&matrix), seen(kind, &input, &team));
            for (index, out) in out.iter().enumerate() {
                let (x, w) = (&seen[index / 37 * inner..][..inner], &weights[index % 37 * inner..][..inner]);
                let products = || x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w));
                let (exact, size) = (products().sum::<f64>(), products().map(f64::abs).sum::<f64>());
                assert!((f64::from(*out) - exact).abs() <= 2e-6 * size, "{kind:?} {level:?}: {out} is not {exact}");
            }
        }
    }

    #[test]
    fn prepared_rows_are_close_to_the_rows() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for level in Level::all() {
            let mut x = rows(3, 96, &mut random);
            x[32..64].fill(0.0);
            x[64] = 1e-38;
            let (input, team) = (Input::new(&x, 3, 96), Team::at(level, 1).unwrap());
            for (part, (seen, x)) in seen(Kind::Q8_0, &input, &team).chunks(32).zip(x.chunks(32)).enumerate() {
                let most = x.iter().fold(0.0f32, |most, x| most.max(x.abs()));
                assert!(seen.iter().zip(x).all(|(seen, x)| (seen - x).abs() <= most / 253.9), "{part}");
                let quantised = input.quantised(&team);
                let sum: i32 = quantised.quants[part].iter().map(|quant| i32::from(*quant as i8)).sum();
                assert_eq!(-sum, quantised.less[part].iter().sum::<i32>());
            }
            let rounded: Vec<u16> = x.iter().map(|x| bf16::from_f32(*x).to_bits()).collect();
            assert_eq!(input.brains(level), rounded);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_row_has_the_same_bits_alone(
            seed: u64, outer in 1..90usize, blocks in 1..20usize, rest in 0..40usize, count in 1..70usize,
            threads in 1..4usize, kind in 0..7usize, level in 0..5usize,
        ) {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let (kind, levels) = (KINDS[kind], Level::all());
            let level = levels[level % levels.len()];
            let inner = if kind.block().0 == 1 { blocks * 32 + rest } else { (blocks % 5 + 1) * 256 };
            let matrix = draw(kind, outer, inner, &mut random);
            let x = rows(count, inner, &mut random);
            let (stride, offset) = (outer + 7, 3);
            let mut out = vec![0.0; count * stride];
            let team = Team::at(level, threads).unwrap();
            matrix.multiply(&Input::new(&x, count, inner), &mut out, stride, offset, &team);
            let single = Team::at(level, 1).unwrap();
            for (out, x) in out.chunks(stride).zip(x.chunks(inner)) {
                let mut alone = vec![0.0; outer];
                matrix.multiply(&Input::new(x, 1, inner), &mut alone, outer, 0, &single);
                let bits = |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(&out[offset..offset + outer]), bits(&alone));
                prop_assert!(out[..offset].iter().chain(&out[offset + outer..]).all(|x| *x == 0.0));
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let new = |kind, outer, inner, bytes| Matrix::new(kind, outer, inner, Bytes::from(vec![0; bytes])).unwrap_err();
        assert!(new(Kind::Q4K, 2, 128, 144).contains("whole blocks of 256"));
        assert!(new(Kind::Q8_0, 2, 64, 100).contains("takes 136 bytes, not 100"));
        assert!(new(Kind::F16, usize::MAX, 64, 100).contains("too many"));
        assert!(new(Kind::F32, 0, 64, 0).contains("0 rows"));
    }

    #[test]
    fn bytes_need_no_alignment() {
        let mut random = ChaCha8Rng::seed_from_u64(4);
        for kind in KINDS {
            let matrix = draw(kind, 9, 256, &mut random);
            let mut shifted = vec![0];
            shifted.extend_from_slice(&matrix.data);
            let shifted = Matrix::new(kind, 9, 256, Bytes::from(shifted).slice(1..)).unwrap();
            let x = rows(2, 256, &mut random);
            let product = |matrix: &Matrix| {
                let mut out = vec![0.0; 18];
                matrix.multiply(&Input::new(&x, 2, 256), &mut out, 9, 0, &Team::new(1).unwrap());
                out
            };
            assert_eq!(product(&matrix), product(&shifted), "{kind:?}");
        }
    }
}
