//! numpy's legacy generator: what `numpy.random.seed` seeds and `numpy.random.exponential` and the like draw from.
//!
//! numpy froze its streams (NEP 19), so the algorithms below hold for every release since 1.16. Logarithms and powers
//! come from the C library in both programs, so a draw is equal to the last bit where that is the same.

use crate::random::Mt19937;

/// The state of `numpy.random.RandomState`.
#[derive(Debug, Clone, PartialEq)]
pub struct Legacy {
    twister: Mt19937,
    /// The second of two normal variates that are drawn together.
    normal: Option<f64>,
}

impl Legacy {
    /// `numpy.random.seed(seed)`. numpy refuses numbers of more than 32 bits; those become the list of their two
    /// halves, the lower first, which it takes.
    pub fn new(seed: u64) -> Self {
        let twister = match u32::try_from(seed) {
            Ok(seed) => Mt19937::from_number(seed),
            Err(_) => Mt19937::from_key(&[seed as u32, (seed >> 32) as u32]),
        };
        Legacy { twister, normal: None }
    }

    /// `random_sample()`: uniform in [0, 1).
    pub fn double(&mut self) -> f64 {
        self.twister.double()
    }

    /// `standard_exponential()`: mean 1.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.double()).ln()
    }

    /// `standard_gamma(shape)`: mean `shape`. Marsaglia and Tsang (2000) above 1, after Ahrens and Dieter (1974) below.
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape == 1.0 {
            return self.exponential();
        }
        if shape < 1.0 {
            loop {
                let uniform = self.double();
                let bound = self.exponential();
                if uniform <= 1.0 - shape {
                    let value = uniform.powf(1.0 / shape);
                    if value <= bound {
                        return value;
                    }
                } else {
                    let rest = -((1.0 - uniform) / shape).ln();
                    let value = (1.0 - shape + shape * rest).powf(1.0 / shape);
                    if value <= bound + rest {
                        return value;
                    }
                }
            }
        }
        let b = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * b).sqrt();
        loop {
            let normal = self.normal();
            let cube = 1.0 + c * normal;
            if cube <= 0.0 {
                continue;
            }
            let cube = cube * cube * cube;
            let uniform = self.double();
            let square = normal * normal;
            if uniform < 1.0 - 0.0331 * square * square || uniform.ln() < 0.5 * square + b * (1.0 - cube + cube.ln()) {
                return b * cube;
            }
        }
    }

    /// `standard_normal()`, by the polar method: of each pair the second variate comes first.
    pub fn normal(&mut self) -> f64 {
        if let Some(normal) = self.normal.take() {
            return normal;
        }
        loop {
            let first = 2.0 * self.double() - 1.0;
            let second = 2.0 * self.double() - 1.0;
            let radius = first * first + second * second;
            if radius < 1.0 && radius != 0.0 {
                let factor = (-2.0 * radius.ln() / radius).sqrt();
                self.normal = Some(factor * first);
                return factor * second;
            }
        }
    }

    /// `randint(0, bound)`: the bits that `bound - 1` needs, drawn until they are below `bound`. A bound of 0 or 1
    /// draws nothing and gives 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        if bound <= 1 {
            return 0;
        }
        let mask = u32::MAX >> (bound - 1).leading_zeros();
        loop {
            let value = self.twister.next_u32() & mask;
            if value < bound {
                return value;
            }
        }
    }

    /// `randint(0, bound, size=count)`.
    pub fn vector(&mut self, bound: u32, count: usize) -> Vec<u32> {
        (0..count).map(|_| self.below(bound)).collect()
    }
}
