//! Probabilities over options: how often the likeliest is right, and how honest the probabilities are.

/// One decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision<'a> {
    /// The probability of each option; they sum to 1. Where options have an order, they are in it.
    pub probabilities: &'a [f64],
    /// The index of the right option.
    pub right: usize,
}

/// Least probability that a logarithm is taken of.
const LEAST: f64 = 1e-12;
/// Bins of the calibration error.
const BINS: usize = 10;

impl Decision<'_> {
    /// The likeliest option and its probability; the first of equals.
    fn choice(&self) -> Option<(usize, f64)> {
        let options = self.probabilities.iter().copied().enumerate();
        options.reduce(|best, other| if other.1 > best.1 { other } else { best })
    }

    fn is_right(&self) -> bool {
        self.choice().is_some_and(|(index, _)| index == self.right)
    }

    fn confidence(&self) -> f64 {
        self.choice().map_or(0.0, |(_, probability)| probability)
    }
}

fn mean(decisions: &[Decision<'_>], of: impl Fn(&Decision<'_>) -> f64) -> Option<f64> {
    (!decisions.is_empty()).then(|| decisions.iter().map(of).sum::<f64>() / decisions.len() as f64)
}

/// Share of decisions whose likeliest option is right.
pub fn accuracy(decisions: &[Decision<'_>]) -> Option<f64> {
    mean(decisions, |decision| f64::from(u8::from(decision.is_right())))
}

/// Mean negative logarithm of the probability of the right option, in nats.
pub fn nll(decisions: &[Decision<'_>]) -> Option<f64> {
    mean(decisions, |decision| -decision.probabilities.get(decision.right).copied().unwrap_or(0.0).max(LEAST).ln())
}

/// Brier's score over all options: sum of squared distances to 1 for the right one and 0 for the others; 0 to 2.
pub fn brier(decisions: &[Decision<'_>]) -> Option<f64> {
    mean(decisions, |decision| {
        let options = decision.probabilities.iter().enumerate();
        options.map(|(index, p)| (p - f64::from(u8::from(index == decision.right))).powi(2)).sum()
    })
}

/// Expected calibration error (Naeini and others, 2015): over ten bins of equal width, the distance between confidence and
/// accuracy, weighted by their decisions.
pub fn ece(decisions: &[Decision<'_>]) -> Option<f64> {
    let mut bins = [(0.0, 0.0); BINS];
    for decision in decisions {
        let confidence = decision.confidence();
        // A bin has its upper bound.
        let index = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        if let Some(bin) = bins.get_mut(index) {
            bin.0 += confidence;
            bin.1 += f64::from(u8::from(decision.is_right()));
        }
    }
    (!decisions.is_empty()).then(|| {
        bins.iter().map(|(confidence, right): &(f64, f64)| (confidence - right).abs()).sum::<f64>()
            / decisions.len() as f64
    })
}

/// Ranked probability score of options in order (Epstein, 1969): mean squared distance of the cumulative probabilities,
/// over the steps between options; 0 to 1.
pub fn rps(decisions: &[Decision<'_>]) -> Option<f64> {
    mean(decisions, |decision| {
        let mut sum = 0.0;
        let steps = decision.probabilities.len().saturating_sub(1);
        let distances = decision.probabilities.iter().take(steps).enumerate().map(|(index, p)| {
            sum += p;
            (sum - f64::from(u8::from(index >= decision.right))).powi(2)
        });
        distances.sum::<f64>() / steps.max(1) as f64
    })
}

/// Whether decisions are right, the most confident first; equals in their order.
fn by_confidence(decisions: &[Decision<'_>]) -> Vec<bool> {
    let mut order: Vec<(f64, bool)> =
        decisions.iter().map(|decision| (decision.confidence(), decision.is_right())).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    order.into_iter().map(|(_, right)| right).collect()
}

/// Area under the curve of risk over coverage (Geifman and El-Yaniv, 2017): the mean, over all numbers of most confident
/// decisions, of the share of wrong ones among them.
pub fn aurc(decisions: &[Decision<'_>]) -> Option<f64> {
    let mut wrong = 0.0;
    let risks = by_confidence(decisions).into_iter().enumerate().map(|(index, right)| {
        wrong += f64::from(u8::from(!right));
        wrong / (index + 1) as f64
    });
    let sum: f64 = risks.sum();
    (!decisions.is_empty()).then(|| sum / decisions.len() as f64)
}

/// Accuracy of the most confident share of decisions, at least one.
pub fn selective_accuracy(decisions: &[Decision<'_>], coverage: f64) -> Option<f64> {
    let order = by_confidence(decisions);
    let kept = ((coverage.clamp(0.0, 1.0) * order.len() as f64).ceil() as usize).max(1);
    let right = order.iter().take(kept).filter(|right| **right).count();
    (!order.is_empty()).then(|| right as f64 / kept.min(order.len()) as f64)
}

/// The score expected from probabilities over options that are worth something: sum of probability times worth.
pub fn expected(probabilities: &[f64], worth: &[f64]) -> f64 {
    probabilities.iter().zip(worth).map(|(p, worth)| p * worth).sum()
}

/// Mean absolute distance of pairs of an expected and a true score.
pub fn mean_absolute_error(pairs: &[(f64, f64)]) -> Option<f64> {
    (!pairs.is_empty())
        .then(|| pairs.iter().map(|(ours, truth)| (ours - truth).abs()).sum::<f64>() / pairs.len() as f64)
}
