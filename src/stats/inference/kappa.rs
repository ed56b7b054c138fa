//! How well raters agree beyond chance.

use std::collections::BTreeSet;

/// What a disagreement of ordered categories weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// Each the same.
    Equal,
    /// By distance.
    Linear,
    /// By squared distance.
    Quadratic,
}

/// Share of items on which two raters agree; `None` without items.
pub fn agreement(pairs: &[(usize, usize)]) -> Option<f64> {
    (!pairs.is_empty()).then(|| pairs.iter().filter(|(a, b)| a == b).count() as f64 / pairs.len() as f64)
}

/// Cohen's kappa of two raters: 1 less the weighted disagreement over the one by chance. Distances are steps between the
/// categories that occur, as in scikit-learn. `None` where chance alone leaves no disagreement.
pub fn cohen(pairs: &[(usize, usize)], weights: Weights) -> Option<f64> {
    let seen: BTreeSet<usize> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
    let seen: Vec<usize> = seen.into_iter().collect();
    let step = |category: usize| seen.partition_point(|other| *other < category);
    let pairs: Vec<(usize, usize)> = pairs.iter().map(|(a, b)| (step(*a), step(*b))).collect();
    let categories = seen.len();
    let n = pairs.len() as f64;
    let weight = |a: usize, b: usize| match weights {
        Weights::Equal => f64::from(u8::from(a != b)),
        Weights::Linear => a.abs_diff(b) as f64,
        Weights::Quadratic => (a.abs_diff(b) as f64).powi(2),
    };
    let count = |of: &dyn Fn(&(usize, usize)) -> usize| {
        let mut counts = vec![0.0; categories];
        pairs.iter().for_each(|pair| counts.get_mut(of(pair)).into_iter().for_each(|count| *count += 1.0));
        counts
    };
    let (first, second) = (count(&|pair| pair.0), count(&|pair| pair.1));
    let observed: f64 = pairs.iter().map(|(a, b)| weight(*a, *b)).sum();
    let rows = first.iter().enumerate();
    let row = |(a, left): (usize, &f64)| {
        second.iter().enumerate().map(|(b, right)| weight(a, b) * left * right / n).sum::<f64>()
    };
    let by_chance: f64 = rows.map(row).sum();
    (by_chance > 0.0).then(|| 1.0 - observed / by_chance)
}

/// Fleiss' kappa of any number of raters, the same for each item. `None` where chance alone explains all, where an item has
/// fewer than two ratings, or where the numbers differ.
pub fn fleiss(ratings: &[Vec<usize>]) -> Option<f64> {
    let raters = ratings.first()?.len();
    if raters < 2 || ratings.iter().any(|item| item.len() != raters) {
        return None;
    }
    let categories = ratings.iter().flatten().max()? + 1;
    let (items, per_item) = (ratings.len() as f64, raters as f64);
    let mut totals = vec![0.0; categories];
    let mut agreed = 0.0;
    for item in ratings {
        let mut counts = vec![0.0; categories];
        item.iter().for_each(|rating| counts.get_mut(*rating).into_iter().for_each(|count| *count += 1.0));
        let squares: f64 = counts.iter().map(|count| count * count).sum();
        agreed += (squares - per_item) / (per_item * (per_item - 1.0));
        totals.iter_mut().zip(&counts).for_each(|(total, count)| *total += count);
    }
    let by_chance: f64 = totals.iter().map(|total| (total / (items * per_item)).powi(2)).sum();
    (by_chance < 1.0).then(|| (agreed / items - by_chance) / (1.0 - by_chance))
}
