//! Random numbers and series with known figures, for the tests of this module.

/// SplitMix64: small, and the same for ever.
pub(super) struct Draw(pub(super) u64);

impl Draw {
    /// A generator of its own for each seed.
    pub(super) fn of(seed: u64) -> Self {
        Draw(seed.wrapping_mul(0xD134_2543_DE82_EF95))
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform between 0 and 1.
    pub(super) fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Exponential with mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    /// Standard normal, by Box and Muller.
    pub(super) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (2.0 * std::f64::consts::PI * self.uniform()).cos()
    }

    /// Independent values whose logarithm is normal: median `median`, spread `sigma`.
    pub(super) fn lognormal(&mut self, n: usize, median: f64, sigma: f64) -> Vec<f64> {
        (0..n).map(|_| median * (sigma * self.normal()).exp()).collect()
    }

    /// A first-order autoregression around `mean` with standard deviation `std`.
    pub(super) fn autoregression(&mut self, n: usize, mean: f64, std: f64, phi: f64) -> Vec<f64> {
        let mut x = self.normal();
        let fresh = (1.0 - phi * phi).sqrt();
        (0..n)
            .map(|_| {
                x = phi * x + fresh * self.normal();
                mean + std * x
            })
            .collect()
    }

    /// Times in system of successive customers of a queue with one server, Poisson arrivals and exponential service of
    /// mean `service`, from the stationary state on: exponential with mean `service / (1 - load)`. By Lindley's recursion.
    pub(super) fn queue(&mut self, n: usize, service: f64, load: f64) -> Vec<f64> {
        let mut sojourn = self.exponential() * service / (1.0 - load);
        (0..n)
            .map(|_| {
                let now = sojourn;
                let wait = (sojourn - self.exponential() * service / load).max(0.0);
                sojourn = wait + self.exponential() * service;
                now
            })
            .collect()
    }
}
