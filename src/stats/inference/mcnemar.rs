//! Two verdicts on the same items: only those decide where they differ.

use super::Test;
use super::distribution::{binomial_pmf, chi_square_sf, even_split};

/// How often two verdicts agree and differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Both right.
    pub both: u64,
    /// Only the first right.
    pub first: u64,
    /// Only the second right.
    pub second: u64,
    /// Neither right.
    pub neither: u64,
}

impl Table {
    /// Counts pairs of verdicts.
    pub fn of(pairs: impl IntoIterator<Item = (bool, bool)>) -> Self {
        let mut table = Table { both: 0, first: 0, second: 0, neither: 0 };
        for pair in pairs {
            match pair {
                (true, true) => table.both += 1,
                (true, false) => table.first += 1,
                (false, true) => table.second += 1,
                (false, false) => table.neither += 1,
            }
        }
        table
    }

    fn discordant(self) -> u64 {
        self.first + self.second
    }

    /// The exact test: a fair coin for each item that they differ on; 1 where there is none.
    pub fn exact(self) -> f64 {
        even_split(self.first, self.discordant())
    }

    /// The exact test that counts half of what is as extreme (Lancaster's mid-p; Fagerland and others, 2013); `None` where
    /// they do not differ.
    pub fn mid_p(self) -> Option<f64> {
        let (less, n) = (self.first.min(self.second), self.discordant());
        let tails = 2.0 * super::distribution::binomial_cdf(less, n, 0.5) - binomial_pmf(less, n, 0.5);
        (n > 0).then(|| tails.min(1.0))
    }

    /// The chi-square test; `None` where they do not differ.
    pub fn chi_square(self) -> Option<Test> {
        self.test(0.0)
    }

    /// The chi-square test with Edwards' correction for continuity; `None` where they do not differ.
    pub fn chi_square_corrected(self) -> Option<Test> {
        self.test(1.0)
    }

    fn test(self, correction: f64) -> Option<Test> {
        let distance = (self.first.abs_diff(self.second) as f64 - correction).max(-1.0);
        let statistic = distance * distance / self.discordant() as f64;
        (self.discordant() > 0).then(|| Test { statistic, p: chi_square_sf(statistic, 1.0) })
    }

    /// The difference of the shares that are right, first less second; `None` without items.
    pub fn difference(self) -> Option<f64> {
        let n = self.both + self.discordant() + self.neither;
        (n > 0).then(|| (self.first as f64 - self.second as f64) / n as f64)
    }

    /// Its standard error, the items being the same; `None` without items.
    pub fn standard_error(self) -> Option<f64> {
        let n = (self.both + self.discordant() + self.neither) as f64;
        let difference = self.first as f64 - self.second as f64;
        (n > 0.0).then(|| (self.discordant() as f64 - difference * difference / n).max(0.0).sqrt() / n)
    }
}
