//! Kolmogorov and Smirnov's test that two samples come from one distribution.

use super::Test;

/// Values that the exact distribution is computed for, at most.
const EXACT: f64 = 400.0;

/// The greatest distance of the two distribution functions, with the p value of one sample of the harmonic size
/// nm / (n + m), rounded. `None` where a sample is empty.
pub fn two_sample(first: &[f64], second: &[f64]) -> Option<Test> {
    let (n, m) = (first.len() as f64, second.len() as f64);
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    let (first, second) = (sorted(first), sorted(second));
    let distance = |at: &f64| {
        let below = |values: &[f64]| values.partition_point(|value| value <= at) as f64 / values.len() as f64;
        (below(&first) - below(&second)).abs()
    };
    let statistic = first.iter().chain(&second).map(distance).fold(0.0, f64::max);
    (n * m > 0.0).then(|| Test { statistic, p: tail(statistic, round_half_even(n * m / (n + m))) })
}

fn round_half_even(x: f64) -> f64 {
    x.round_ties_even()
}

/// The chance of a distance of more than d for n values.
fn tail(d: f64, n: f64) -> f64 {
    if d <= 0.0 || n < 1.0 {
        return 1.0;
    }
    if d >= 1.0 {
        return 0.0;
    }
    if d >= 0.5 {
        // Only one side can be so far off, so that both add up.
        return (2.0 * one_sided(d, n)).min(1.0);
    }
    if n <= EXACT { (1.0 - durbin(d, n)).clamp(0.0, 1.0) } else { limit((n.sqrt() + 0.12 + 0.11 / n.sqrt()) * d) }
}

/// The chance of a one-sided distance of d and more (Birnbaum and Tingey, 1951).
fn one_sided(d: f64, n: f64) -> f64 {
    let most = (n * (1.0 - d)).floor();
    let mut sum = 0.0;
    let mut j = 0.0;
    while j <= most {
        let share = d + j / n;
        let choose = super::special::ln_gamma(n + 1.0)
            - super::special::ln_gamma(j + 1.0)
            - super::special::ln_gamma(n - j + 1.0);
        let rest = 1.0 - share;
        if rest > 0.0 || n == j {
            let ln = choose + (n - j) * if n == j { 0.0 } else { rest.ln() } + (j - 1.0) * share.ln();
            sum += ln.exp();
        }
        j += 1.0;
    }
    d * sum
}

/// Kolmogorov's limit of the tail, with Stephens' argument (1970).
fn limit(x: f64) -> f64 {
    let terms = (1..101).map(|k| {
        let term = (-2.0 * f64::from(k * k) * x * x).exp();
        if k % 2 == 1 { term } else { -term }
    });
    (2.0 * terms.sum::<f64>()).clamp(0.0, 1.0)
}

/// A square matrix with a power of ten beside it.
struct Matrix {
    side: usize,
    cells: Vec<f64>,
    exponent: i32,
}

impl Matrix {
    fn times(&self, other: &Matrix) -> Matrix {
        let side = self.side;
        let mut cells = vec![0.0; side * side];
        for (row, out) in self.cells.chunks(side).zip(cells.chunks_mut(side)) {
            for (left, other_row) in row.iter().zip(other.cells.chunks(side)) {
                out.iter_mut().zip(other_row).for_each(|(cell, right)| *cell += left * right);
            }
        }
        let mut exponent = self.exponent + other.exponent;
        if cells.iter().any(|cell| *cell > 1e140) {
            cells.iter_mut().for_each(|cell| *cell *= 1e-140);
            exponent += 140;
        }
        Matrix { side, cells, exponent }
    }

    fn power(self, mut n: u64) -> Matrix {
        let side = self.side;
        let one = (0..side * side).map(|at| if at % (side + 1) == 0 { 1.0 } else { 0.0 }).collect();
        let (mut result, mut base) = (Matrix { side, cells: one, exponent: 0 }, self);
        while n > 0 {
            if n % 2 == 1 {
                result = result.times(&base);
            }
            base = base.times(&base);
            n /= 2;
        }
        result
    }
}

/// The chance of a distance below d for n values, by Durbin's matrix (Marsaglia, Tsang and Wang, 2003,
/// <https://doi.org/10.18637/jss.v008.i18>).
fn durbin(d: f64, n: f64) -> f64 {
    let k = (n * d).floor() as usize + 1;
    let side = 2 * k - 1;
    let h = k as f64 - n * d;
    let mut cells: Vec<f64> = (0..side * side).map(|at| if at / side + 1 >= at % side { 1.0 } else { 0.0 }).collect();
    for index in 0..side {
        let down = side - index;
        if let Some(cell) = cells.get_mut(index * side) {
            *cell -= h.powi(index as i32 + 1);
        }
        if let Some(cell) = cells.get_mut((side - 1) * side + index) {
            *cell -= h.powi(down as i32);
        }
    }
    if let Some(cell) = cells.get_mut((side - 1) * side) {
        *cell += if 2.0 * h > 1.0 { (2.0 * h - 1.0).powi(side as i32) } else { 0.0 };
    }
    let mut factorial = 1.0;
    let factorials: Vec<f64> = (1..=side + 1)
        .map(|i| {
            factorial *= i as f64;
            factorial
        })
        .collect();
    for (at, cell) in cells.iter_mut().enumerate() {
        let (row, column) = (at / side, at % side);
        if let Some(factorial) =
            (row + 1).checked_sub(column).and_then(|steps| steps.checked_sub(1)).and_then(|i| factorials.get(i))
        {
            *cell /= factorial;
        }
    }
    let power = Matrix { side, cells, exponent: 0 }.power(n as u64);
    let middle = power.cells.get((k - 1) * side + k - 1).copied().unwrap_or(0.0);
    // n! / n^n, a factor at a time beside the power of ten.
    let (mut value, mut exponent) = (middle, power.exponent);
    for i in 1..=n as u64 {
        value *= i as f64 / n;
        if value < 1e-140 {
            value *= 1e140;
            exponent -= 140;
        }
    }
    value * 10f64.powi(exponent)
}
