//! Shares: bounds of one, tests of one and of two.

use super::distribution::{beta_quantile, binomial_sf, even_split, normal_quantile, normal_sf};
use super::special::ln_gamma;
use super::{Bounds, Test};

/// How the bounds of a share are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Wald's: by the normal distribution at the estimate.
    Normal,
    /// Wilson's: all shares that a normal test does not refuse. <https://doi.org/10.1080/01621459.1927.10502953>
    Wilson,
    /// Wilson's with a correction for continuity (Newcombe, 1998, method 4).
    WilsonCorrected,
    /// All shares that the exact tests of both sides do not refuse; too wide rather than too narrow.
    ClopperPearson,
    /// Wald's after z^2 / 2 more successes and failures.
    AgrestiCoull,
    /// Quantiles of the posterior of Jeffreys' prior.
    Jeffreys,
}

/// Bounds of the share of `k` among `n`; `None` where there are none.
pub fn bounds(method: Method, k: u64, n: u64, confidence: f64) -> Option<Bounds> {
    if n == 0 || k > n {
        return None;
    }
    let tail = 0.5 * (1.0 - confidence);
    let z = normal_quantile(1.0 - tail);
    let (good, all) = (k as f64, n as f64);
    let share = good / all;
    let wald = |share: f64, all: f64| Bounds::around(share, z * (share * (1.0 - share) / all).sqrt());
    Some(match method {
        Method::Normal => wald(share, all).within_unit(),
        Method::Wilson => wilson(share, all, z),
        Method::WilsonCorrected => {
            let root = |step: f64, more: f64| {
                z * (z * z - step * 2.0 - 1.0 / all + 4.0 * share * (all * (1.0 - share) + more)).max(0.0).sqrt()
            };
            let middle = 2.0 * all * share + z * z;
            let low = (middle - 1.0 - root(1.0, 1.0)) / (2.0 * (all + z * z));
            let high = (middle + 1.0 + root(-1.0, -1.0)) / (2.0 * (all + z * z));
            let both = Bounds { low: if k == 0 { 0.0 } else { low }, high: if k == n { 1.0 } else { high } };
            both.within_unit()
        }
        Method::ClopperPearson => Bounds {
            low: if k == 0 { 0.0 } else { beta_quantile(tail, good, all - good + 1.0) },
            high: if k == n { 1.0 } else { beta_quantile(1.0 - tail, good + 1.0, all - good) },
        },
        Method::AgrestiCoull => {
            let more = all + z * z;
            wald((good + 0.5 * z * z) / more, more).within_unit()
        }
        Method::Jeffreys => Bounds {
            low: beta_quantile(tail, good + 0.5, all - good + 0.5),
            high: beta_quantile(1.0 - tail, good + 0.5, all - good + 0.5),
        },
    })
}

fn wilson(share: f64, all: f64, z: f64) -> Bounds {
    let square = z * z;
    let middle = (share + square / (2.0 * all)) / (1.0 + square / all);
    let half = z / (1.0 + square / all) * (share * (1.0 - share) / all + square / (4.0 * all * all)).sqrt();
    Bounds::around(middle, half).within_unit()
}

/// The exact two-sided test of the share 1/2.
pub fn test_half(k: u64, n: u64) -> f64 {
    even_split(k, n)
}

/// The exact one-sided test against a greater share than `p`.
pub fn test_greater(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 { 1.0 } else { binomial_sf(k - 1, n, p) }
}

/// Successes among trials of two groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwoShares {
    /// Successes of the first.
    pub k1: u64,
    /// Trials of the first.
    pub n1: u64,
    /// Successes of the second.
    pub k2: u64,
    /// Trials of the second.
    pub n2: u64,
}

impl TwoShares {
    fn shares(self) -> Option<(f64, f64)> {
        (self.n1 > 0 && self.n2 > 0).then(|| (self.k1 as f64 / self.n1 as f64, self.k2 as f64 / self.n2 as f64))
    }

    /// Bounds of the difference from Wilson's of both (Newcombe, 1998, method 10).
    pub fn difference(self, confidence: f64) -> Option<Bounds> {
        let (first, second) = self.shares()?;
        let one = bounds(Method::Wilson, self.k1, self.n1, confidence)?;
        let two = bounds(Method::Wilson, self.k2, self.n2, confidence)?;
        let difference = first - second;
        Some(Bounds {
            low: difference - ((first - one.low).powi(2) + (two.high - second).powi(2)).sqrt(),
            high: difference + ((one.high - first).powi(2) + (second - two.low).powi(2)).sqrt(),
        })
    }

    /// Cohen's h: the difference of the angles 2 asin(sqrt(share)).
    pub fn cohen_h(self) -> Option<f64> {
        let (first, second) = self.shares()?;
        Some(2.0 * (first.sqrt().asin() - second.sqrt().asin()))
    }

    /// The normal test with the pooled share; `None` where it is 0 or 1.
    pub fn pooled_test(self) -> Option<Test> {
        let (first, second) = self.shares()?;
        let pooled = (self.k1 + self.k2) as f64 / (self.n1 + self.n2) as f64;
        let variance = pooled * (1.0 - pooled) * (1.0 / self.n1 as f64 + 1.0 / self.n2 as f64);
        let z = (first - second) / variance.sqrt();
        (variance > 0.0).then(|| Test { statistic: z, p: 2.0 * normal_sf(z.abs()) })
    }

    /// Fisher's exact test: the chance of all tables with the same margins that are no likelier than this one.
    pub fn fisher(self) -> Option<f64> {
        let (successes, all) = (self.k1 + self.k2, self.n1 + self.n2);
        if self.k1 > self.n1 || self.k2 > self.n2 || all == 0 {
            return None;
        }
        let choose =
            |n: u64, k: u64| ln_gamma(n as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((n - k) as f64 + 1.0);
        let mass = |k: u64| (choose(self.n1, k) + choose(self.n2, successes - k) - choose(all, successes)).exp();
        let (least, most) = (successes.saturating_sub(self.n2), successes.min(self.n1));
        // Tables as likely as this one count, though their chances are rounded.
        let limit = mass(self.k1) * (1.0 + 1e-7);
        Some((least..=most).map(mass).filter(|mass| *mass <= limit).sum::<f64>().min(1.0))
    }
}
