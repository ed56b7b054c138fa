//! What is done to the numbers of a row between two products.

#![expect(clippy::needless_range_loop, reason = "see `vector::vectorized` for why the loops count indices")]

use super::dispatch::{self, Level};
use super::vector::{exp, vectorized};

/// Which numbers of a head are turned together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairs {
    /// Number `i` with number `i + n / 2` of the `n` that are turned.
    Halves,
    /// Number `2 * i` with number `2 * i + 1`.
    Adjacent,
}

/// Divides each row of `x`, as long as `weight`, by its root mean square and multiplies it by the weights.
/// `eps` is added to the mean of the squares.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    let width = weight.len();
    vectorized(
        #[inline(always)]
        || {
            for row in 0..x.len() / width {
                let (x, out) = (&x[row * width..(row + 1) * width], &mut out[row * width..(row + 1) * width]);
                let scale = 1.0 / (squares(x) / width as f32 + eps).sqrt();
                for i in 0..width {
                    out[i] = x[i] * scale * weight[i];
                }
            }
        },
    );
}

/// The sum of the squares, in 16 lanes.
#[inline(always)]
fn squares(x: &[f32]) -> f32 {
    let mut sums = [0.0; 16];
    let (blocks, rest) = x.as_chunks::<16>();
    for block in 0..blocks.len() {
        for lane in 0..16 {
            sums[lane] += blocks[block][lane] * blocks[block][lane];
        }
    }
    for lane in 0..rest.len() {
        sums[lane] += rest[lane] * rest[lane];
    }
    folded(sums)
}

/// The sum of the lanes.
#[inline(always)]
fn folded(mut sums: [f32; 16]) -> f32 {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
    }
    sums[0]
}

/// Brings each row of `x`, as long as `weight`, to the mean 0 and the deviation 1, multiplies it by the weights and adds
/// the bias (Ba et al., arXiv:1607.06450). `eps` is added to the variance.
pub fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], eps: f32, out: &mut [f32]) {
    let width = weight.len();
    let bias = &bias[..width];
    vectorized(
        #[inline(always)]
        || {
            for row in 0..x.len() / width {
                let (x, out) = (&x[row * width..(row + 1) * width], &mut out[row * width..(row + 1) * width]);
                let mean = total(x) / width as f32;
                for i in 0..width {
                    out[i] = x[i] - mean;
                }
                let scale = 1.0 / (squares(out) / width as f32 + eps).sqrt();
                for i in 0..width {
                    out[i] = out[i] * scale * weight[i] + bias[i];
                }
            }
        },
    );
}

/// The sum of the numbers, in 16 lanes.
#[inline(always)]
fn total(x: &[f32]) -> f32 {
    let mut sums = [0.0; 16];
    let (blocks, rest) = x.as_chunks::<16>();
    for block in 0..blocks.len() {
        for lane in 0..16 {
            sums[lane] += blocks[block][lane];
        }
    }
    for lane in 0..rest.len() {
        sums[lane] += rest[lane];
    }
    folded(sums)
}

/// Turns the first numbers of each head by the angles of a position, twice as many as there are cosines: rotary
/// position embedding. `heads` are vectors of `head` numbers, one after the other.
pub fn rotate(heads: &mut [f32], head: usize, cosines: &[f32], sines: &[f32], pairs: Pairs) {
    let count = cosines.len();
    vectorized(
        #[inline(always)]
        || {
            for at in (0..heads.len()).step_by(head) {
                let turned = &mut heads[at..at + 2 * count];
                match pairs {
                    Pairs::Halves => {
                        let (first, second) = turned.split_at_mut(count);
                        for i in 0..count {
                            let (a, b) = (first[i], second[i]);
                            first[i] = a * cosines[i] - b * sines[i];
                            second[i] = b * cosines[i] + a * sines[i];
                        }
                    }
                    Pairs::Adjacent => {
                        let turned = turned.as_chunks_mut::<2>().0;
                        for i in 0..count {
                            let [a, b] = turned[i];
                            turned[i] = [a * cosines[i] - b * sines[i], b * cosines[i] + a * sines[i]];
                        }
                    }
                }
            }
        },
    );
}

/// SwiGLU: the product of `up` with the SiLU of `gate`.
pub fn silu_gate(gate: &[f32], up: &[f32], out: &mut [f32]) {
    let count = out.len();
    dispatch::gate(Level::best(), &gate[..count], &up[..count], out);
}

/// The loop of [`silu_gate`].
#[inline(always)]
pub fn gate_loop(gate: &[f32], up: &[f32], out: &mut [f32]) {
    for i in 0..out.len() {
        // The exponential is taken of a negative number only, where it cannot overflow.
        let e = exp(-gate[i].abs());
        let share = if gate[i] >= 0.0 { 1.0 } else { e } / (1.0 + e);
        out[i] = gate[i] * share * up[i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f32, b: f64) -> bool {
        (f64::from(a) - b).abs() <= 1e-5 * b.abs().max(1.0)
    }

    #[test]
    fn a_row_is_divided_by_its_root_mean_square() {
        let x: Vec<f32> = (0..66).map(|i| (i as f32 * 0.7).sin()).collect();
        let weight: Vec<f32> = (0..33).map(|i| 1.0 + i as f32 / 10.0).collect();
        let mut out = vec![0.0; 66];
        rms_norm(&x, &weight, 1e-5, &mut out);
        for (i, out) in out.iter().enumerate() {
            let row = &x[i / 33 * 33..][..33];
            let mean = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / 33.0;
            assert!(close(*out, f64::from(x[i]) / (mean + 1e-5).sqrt() * f64::from(weight[i % 33])), "{i}");
        }
    }

    #[test]
    fn a_row_is_brought_to_mean_and_deviation() {
        let x: Vec<f32> = (0..66).map(|i| (i as f32 * 0.7).sin() + 3.0).collect();
        let weight: Vec<f32> = (0..33).map(|i| 1.0 + i as f32 / 10.0).collect();
        let bias: Vec<f32> = (0..33).map(|i| i as f32 - 16.0).collect();
        let mut out = vec![0.0; 66];
        layer_norm(&x, &weight, &bias, 1e-5, &mut out);
        for (i, out) in out.iter().enumerate() {
            let row = &x[i / 33 * 33..][..33];
            let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / 33.0;
            let variance = row.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / 33.0;
            let normed = (f64::from(x[i]) - mean) / (variance + 1e-5).sqrt();
            assert!(close(*out, normed * f64::from(weight[i % 33]) + f64::from(bias[i % 33])), "{i}");
        }
    }

    #[test]
    fn pairs_turn_by_their_angle_and_the_rest_stays() {
        let angles = [0.3f64, 2.0, -1.0];
        let (cosines, sines) = (angles.map(|a| a.cos() as f32), angles.map(|a| a.sin() as f32));
        let x: Vec<f32> = (0..16).map(|i| i as f32 - 5.0).collect();
        for (pairs, at) in [(Pairs::Halves, [[0, 3], [1, 4], [2, 5]]), (Pairs::Adjacent, [[0, 1], [2, 3], [4, 5]])] {
            let mut turned = x.clone();
            rotate(&mut turned, 8, &cosines, &sines, pairs);
            for head in [0, 8] {
                for (angle, [a, b]) in angles.iter().zip(at) {
                    let (x, y) = (f64::from(x[head + a]), f64::from(x[head + b]));
                    assert!(close(turned[head + a], x * angle.cos() - y * angle.sin()));
                    assert!(close(turned[head + b], y * angle.cos() + x * angle.sin()));
                }
                assert_eq!(turned[head + 6..head + 8], x[head + 6..head + 8]);
            }
        }
    }

    #[test]
    fn a_gate_is_silu_times_up() {
        let gate: Vec<f32> = (-201..=201).map(|i| i as f32 / 2.0).collect();
        let up: Vec<f32> = (0..403).map(|i| (i as f32).cos()).collect();
        for level in Level::all() {
            let mut out = vec![0.0; 403];
            dispatch::gate(level, &gate, &up, &mut out);
            for i in 0..403 {
                let x = f64::from(gate[i]);
                assert!(close(out[i], x / (1.0 + (-x).exp()) * f64::from(up[i])), "{level:?} {i}");
            }
            // A number is the same wherever it stands.
            let mut later = vec![0.0; 402];
            dispatch::gate(level, &gate[1..], &up[1..], &mut later);
            assert_eq!(later, out[1..]);
        }
    }
}
