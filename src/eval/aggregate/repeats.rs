//! Several attempts at one sample: what k of them would bring.
//!
//! Attempts at a sample are a group, each at a planned position in it. An attempt may lack a score, because the request
//! or the scoring failed. A figure for k uses a group only where its first k positions are scored; the others are
//! counted as excluded. k runs up to the length of the shortest group.

use std::collections::BTreeMap;

use super::{Aggregate, Coverage, means};

/// One attempt at a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt<'a> {
    /// The sample it belongs to.
    pub group: u64,
    /// Its planned position, from 0; `None` in files that do not tell, where the order of the rows decides.
    pub position: Option<usize>,
    /// What was extracted from the reply, for votes.
    pub prediction: Option<&'a str>,
    /// 1 for right, 0 for wrong, anything between for part; `None` where it could not be scored.
    pub score: Option<f64>,
}

/// The chance that one of k attempts is right, of n of which c were: 1 - C(n - c, k) / C(n, k) (Chen and others, 2021,
/// <https://arxiv.org/abs/2107.03374>).
pub fn pass_at_k(n: u64, c: u64, k: u64) -> f64 {
    if n.saturating_sub(c) < k {
        return 1.0;
    }
    1.0 - (n - c + 1..=n).map(|i| 1.0 - k as f64 / i as f64).product::<f64>()
}

/// The chance that all of k attempts are right, of n of which c were: C(c, k) / C(n, k) (Yao and others, 2024,
/// <https://arxiv.org/abs/2406.12045>).
pub fn pass_hat_k(n: u64, c: u64, k: u64) -> f64 {
    if c < k || n < k {
        return 0.0;
    }
    (0..k).map(|i| (c - i) as f64 / (n - i) as f64).product()
}

/// The attempts at one sample in the order of their positions.
struct Group<'a> {
    attempts: Vec<&'a Attempt<'a>>,
}

impl Group<'_> {
    /// Whether the first k positions are scored.
    fn is_scored(&self, k: usize) -> bool {
        let first = self.attempts.iter().take(k);
        // Where positions are told, one may be missing altogether.
        let in_place = first.enumerate().filter(|(index, attempt)| {
            attempt.score.is_some() && attempt.position.is_none_or(|position| position == *index)
        });
        in_place.count() == k
    }

    /// Scored attempts and the right ones among them.
    fn counts(&self) -> (u64, u64) {
        let scored = self.attempts.iter().filter_map(|attempt| attempt.score);
        scored.fold((0, 0), |(n, c), score| (n + 1, c + u64::from(is_right(score))))
    }

    /// Whether the prediction that most of the first k agree on was counted right in any of them. Blank ones do not vote;
    /// of equal numbers the one that came first wins.
    fn vote(&self, k: usize) -> bool {
        let mut votes: Vec<(&str, u64, bool)> = Vec::new();
        for attempt in self.attempts.iter().take(k) {
            let Some(prediction) = attempt.prediction.filter(|text| !text.trim().is_empty()) else { continue };
            let right = attempt.score.is_some_and(is_right);
            match votes.iter_mut().find(|(text, ..)| *text == prediction) {
                Some(vote) => (vote.1, vote.2) = (vote.1 + 1, vote.2 || right),
                None => votes.push((prediction, 1, right)),
            }
        }
        // The first of equals is kept.
        votes.into_iter().reduce(|best, other| if other.1 > best.1 { other } else { best }).is_some_and(|best| best.2)
    }
}

/// A score that counts as a right answer.
fn is_right(score: f64) -> bool {
    score >= 1.0 - 1e-9
}

fn grouped<'a>(attempts: &'a [Attempt<'a>]) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<u64, Vec<&Attempt<'_>>> = BTreeMap::new();
    for attempt in attempts {
        groups.entry(attempt.group).or_default().push(attempt);
    }
    let in_order = |mut attempts: Vec<&'a Attempt<'a>>| {
        // Those without a position keep the order of their rows.
        attempts.sort_by_key(|attempt| attempt.position);
        Group { attempts }
    };
    groups.into_values().map(in_order).collect()
}

/// The mean, and behind it one figure for each k.
fn for_each_k(
    metric: &str,
    name: &str,
    attempts: &[Attempt<'_>],
    of: impl Fn(&Group<'_>, usize) -> f64,
) -> Vec<Aggregate> {
    let groups = grouped(attempts);
    let shortest = groups.iter().map(|group| group.attempts.len()).min().unwrap_or(0);
    let figures = (1..=shortest).filter_map(|k| {
        let values: Vec<f64> = groups.iter().filter(|group| group.is_scored(k)).map(|group| of(group, k)).collect();
        let num = values.len() as u64;
        let figure = Aggregate::new(metric, name, means::mean(&values)?, num).at("k", k as u64);
        Some(Aggregate { coverage: Some(Coverage::new(num, groups.len() as u64)), ..figure })
    });
    let scores: Vec<f64> = attempts.iter().filter_map(|attempt| attempt.score).collect();
    means::plain(metric, &scores).into_iter().chain(figures).collect()
}

/// The mean and pass@k for every k.
pub fn mean_and_pass_at_k(metric: &str, attempts: &[Attempt<'_>]) -> Vec<Aggregate> {
    for_each_k(metric, "pass_at_k", attempts, |group, k| {
        let (n, c) = group.counts();
        pass_at_k(n, c, k as u64)
    })
}

/// The mean and pass^k for every k.
pub fn mean_and_pass_hat_k(metric: &str, attempts: &[Attempt<'_>]) -> Vec<Aggregate> {
    for_each_k(metric, "pass_hat_k", attempts, |group, k| {
        let (n, c) = group.counts();
        pass_hat_k(n, c, k as u64)
    })
}

/// The mean and the share of samples that a vote of the first k gets right, for every k.
pub fn mean_and_vote_at_k(metric: &str, attempts: &[Attempt<'_>]) -> Vec<Aggregate> {
    for_each_k(metric, "vote_at_k", attempts, |group, k| f64::from(u8::from(group.vote(k))))
}

/// Why a posterior could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPosterior {
    /// There are no samples, or no attempts were planned.
    #[error("Bayes@N needs samples and attempts")]
    Empty,
    /// A group lacks attempts or scores, or has too many.
    #[error("Bayes@N needs {planned} scored attempts at every sample, and sample {group} is not so")]
    Incomplete {
        /// The sample.
        group: u64,
        /// Attempts that were planned for each.
        planned: usize,
    },
    /// A score is neither right nor wrong.
    #[error("Bayes@N needs scores of 0 or 1, and sample {group} has {score}")]
    Partial {
        /// The sample.
        group: u64,
        /// Its score, as text.
        score: String,
    },
}

/// Mean and standard deviation of the posterior of the success rate, averaged over samples: Beta(1 + c, 1 + N - c) each
/// (Hariri and others, 2025, <https://arxiv.org/abs/2510.04265>).
///
/// # Errors
///
/// Where not every sample has exactly `planned` attempts with a score of 0 or 1.
pub fn bayes_at_n(metric: &str, attempts: &[Attempt<'_>], planned: usize) -> Result<Vec<Aggregate>, NoPosterior> {
    let (mut sum, mut variance, mut samples) = (0.0, 0.0, 0u64);
    for group in grouped(attempts) {
        let id = group.attempts.first().map_or(0, |attempt| attempt.group);
        let is_in_place = group
            .attempts
            .iter()
            .enumerate()
            .all(|(index, attempt)| attempt.position == Some(index) && attempt.score.is_some());
        if group.attempts.len() != planned || !is_in_place {
            return Err(NoPosterior::Incomplete { group: id, planned });
        }
        let partial =
            group.attempts.iter().filter_map(|attempt| attempt.score).find(|score| *score != 0.0 && *score != 1.0);
        if let Some(score) = partial {
            return Err(NoPosterior::Partial { group: id, score: score.to_string() });
        }
        let (n, c) = group.counts();
        let (right, wrong) = (c as f64 + 1.0, (n - c) as f64 + 1.0);
        let all = right + wrong;
        sum += right / all;
        variance += right * wrong / (all * all * (all + 1.0));
        samples += 1;
    }
    if samples == 0 || planned == 0 {
        return Err(NoPosterior::Empty);
    }
    let figure = |name: &str, score: f64| Aggregate::new(metric, name, score, samples).at("n", planned as u64);
    let count = samples as f64;
    Ok(vec![figure("bayes_at_n", sum / count), figure("bayes_at_n_sd", variance.sqrt() / count)])
}
