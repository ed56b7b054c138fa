//! Searches over whole numbers: the highest pressure that passes, and the pressure that scores best.
//!
//! Both ask each pressure once, in steps that double until the answer is enclosed and halve from there on, so their
//! number grows with the logarithm of the bounds. Both are exact under an assumption that a measured server keeps only
//! roughly: what passes at a pressure passes at every lower one; and a score rises to its best, keeps it, and falls.

use std::collections::BTreeMap;

use crate::error::Result;

/// What may be asked, and where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Least pressure, at least 1.
    pub(super) lower: u64,
    /// Greatest pressure, not below the least.
    pub(super) upper: u64,
    /// Where to begin; within the bounds.
    pub(super) start: u64,
}

/// The highest pressure that passes, `None` when not even the lowest does.
///
/// # Errors
/// Those of `passes`.
pub(super) fn highest_passing(bounds: Bounds, mut passes: impl FnMut(u64) -> Result<bool>) -> Result<Option<u64>> {
    let Bounds { lower, upper, start } = bounds;
    let (mut good, mut bad) = (start, start);
    if passes(start)? {
        loop {
            if good == upper {
                return Ok(Some(good));
            }
            let next = good.saturating_mul(2).min(upper);
            if !passes(next)? {
                bad = next;
                break;
            }
            good = next;
        }
    } else {
        loop {
            if bad == lower {
                return Ok(None);
            }
            let next = (bad / 2).max(lower);
            if passes(next)? {
                good = next;
                break;
            }
            bad = next;
        }
    }
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        *if passes(middle)? { &mut good } else { &mut bad } = middle;
    }
    Ok(Some(good))
}

/// The pressure with the greatest score, the lowest of several; `None` when not even the lowest pressure has a score.
/// A pressure without a score has none above it either.
///
/// # Errors
/// Those of `score`.
pub(super) fn best_scoring(bounds: Bounds, score: impl FnMut(u64) -> Result<Option<f64>>) -> Result<Option<u64>> {
    let mut hill = Hill { score, seen: BTreeMap::new() };
    let Bounds { lower, mut upper, mut start } = bounds;
    if hill.at(start)? == f64::NEG_INFINITY {
        if start == lower {
            return Ok(None);
        }
        // Nothing is to be gained above a failing start: the search goes on below, from the highest that is valid.
        let below = Bounds { lower, upper: start - 1, start: lower };
        let Some(valid) = highest_passing(below, |at| Ok(hill.at(at)? > f64::NEG_INFINITY))? else { return Ok(None) };
        (start, upper) = (valid, valid);
    }
    // Up first; only where that gains nothing does the best lie at the start or below it.
    let (from, to) = match hill.rises(start, upper)? {
        Some(higher) => hill.gallop(higher - 1, upper)?,
        None => hill.gallop(start, lower)?,
    };
    let (mut low, mut high) = (from.min(to), from.max(to));
    while low < high {
        let middle = low + (high - low) / 2;
        match hill.rises(middle, high)? {
            Some(higher) => low = higher,
            None => high = middle,
        }
    }
    Ok(hill.best())
}

/// The scores that were asked for.
struct Hill<F> {
    score: F,
    seen: BTreeMap<u64, f64>,
}

impl<F: FnMut(u64) -> Result<Option<f64>>> Hill<F> {
    /// The score of a pressure; one without a score is below all others.
    fn at(&mut self, pressure: u64) -> Result<f64> {
        if let Some(score) = self.seen.get(&pressure) {
            return Ok(*score);
        }
        let score = (self.score)(pressure)?.unwrap_or(f64::NEG_INFINITY);
        self.seen.insert(pressure, score);
        Ok(score)
    }

    /// Goes from a pressure towards another in doubling steps for as long as nothing is lost. Returns the last pressure
    /// from which it rose and the last of all, which enclose the best of that side.
    fn gallop(&mut self, from: u64, to: u64) -> Result<(u64, u64)> {
        let (mut rose, mut here, mut step) = (from, from, 1);
        while here != to {
            let next = if to > here { here.saturating_add(step).min(to) } else { here.saturating_sub(step).max(to) };
            let (now, then) = (self.at(here)?, self.at(next)?);
            if then < now {
                return Ok((rose, next));
            }
            if then > now {
                rose = here;
            }
            (here, step) = (next, step * 2);
        }
        Ok((rose, here))
    }

    /// Where the ground begins to rise after this pressure, up to a bound; `None` when it does not or falls first. Level
    /// ground is crossed in doubling steps, and again in small ones where a long one went down.
    fn rises(&mut self, from: u64, mut to: u64) -> Result<Option<u64>> {
        let (mut here, mut step) = (from, 1);
        loop {
            let next = here.saturating_add(step).min(to);
            let now = self.at(here)?;
            if now == f64::NEG_INFINITY {
                return Ok(None);
            }
            let then = self.at(next)?;
            if then > now {
                return Ok(Some(here + 1));
            }
            if then < now && next - here > 1 {
                // A long step may have gone past a rise.
                (to, step) = (next, 1);
            } else if then < now || next == to {
                return Ok(None);
            } else {
                (here, step) = (next, step * 2);
            }
        }
    }

    fn best(&self) -> Option<u64> {
        let better = |best: Option<(u64, f64)>, (&at, &score): (&u64, &f64)| match best {
            Some((_, most)) if score <= most => best,
            _ => Some((at, score)),
        };
        self.seen.iter().filter(|(_, score)| score.is_finite()).fold(None, better).map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What was asked, in order.
    fn asked<T>(
        bounds: Bounds,
        search: impl FnOnce(&mut dyn FnMut(u64)) -> Result<Option<T>>,
    ) -> (Option<T>, Vec<u64>) {
        let mut asked = Vec::new();
        let found = search(&mut |at| {
            assert!((bounds.lower..=bounds.upper).contains(&at), "{at} is outside of {bounds:?}");
            asked.push(at);
        });
        assert!(found.is_ok());
        (found.unwrap_or(None), asked)
    }

    fn passing(bounds: Bounds, boundary: u64) -> (Option<u64>, Vec<u64>) {
        asked(bounds, |note| {
            highest_passing(bounds, |at| {
                note(at);
                Ok(at <= boundary)
            })
        })
    }

    fn scoring(bounds: Bounds, score: impl Fn(u64) -> Option<f64>) -> (Option<u64>, Vec<u64>) {
        asked(bounds, |note| {
            best_scoring(bounds, |at| {
                note(at);
                Ok(score(at))
            })
        })
    }

    fn bounds(lower: u64, upper: u64, start: u64) -> Bounds {
        Bounds { lower, upper, start }
    }

    #[test]
    fn doubling_then_halving() {
        assert_eq!(passing(bounds(1, 65536, 8), 22), (Some(22), vec![8, 16, 32, 24, 20, 22, 23]));
        assert_eq!(passing(bounds(1, 65536, 8), 2), (Some(2), vec![8, 4, 2, 3]));
        assert_eq!(passing(bounds(1, 20, 8), 99), (Some(20), vec![8, 16, 20]));
        assert_eq!(passing(bounds(3, 20, 8), 2), (None, vec![8, 4, 3]));
        assert_eq!(passing(bounds(5, 5, 5), 5), (Some(5), vec![5]));
    }

    #[test]
    fn a_hill_is_climbed_from_either_side() {
        let hill = |at: u64| Some(-(at as f64 - 40.0).abs());
        assert_eq!(scoring(bounds(1, 1000, 8), hill).0, Some(40));
        assert_eq!(scoring(bounds(1, 1000, 200), hill).0, Some(40));
        assert_eq!(scoring(bounds(1, 1000, 40), hill), (Some(40), vec![40, 41, 39]));
    }

    #[test]
    fn an_end_and_level_ground() {
        assert_eq!(scoring(bounds(1, 100, 8), |at| Some(at as f64)).0, Some(100));
        assert_eq!(scoring(bounds(1, 100, 8), |at| Some(-(at as f64))).0, Some(1));
        assert_eq!(scoring(bounds(1, 100, 8), |_| Some(3.0)).0, Some(1), "the lowest of several");
        assert_eq!(scoring(bounds(7, 7, 7), |_| Some(3.0)), (Some(7), vec![7]));
    }

    #[test]
    fn a_failing_start_goes_back_to_what_is_valid() {
        let (best, asked) = scoring(bounds(1, 4096, 64), |at| (at <= 21).then_some(at as f64));
        assert_eq!(best, Some(21));
        assert!(asked.iter().all(|at| *at <= 64), "{asked:?}");
        assert_eq!(scoring(bounds(2, 64, 2), |_| None).0, None);
        assert_eq!(scoring(bounds(2, 64, 9), |_| None).0, None);
    }

    #[test]
    fn a_failure_ends_the_search() {
        let bug = |_| Err(crate::error::Failure::bug("no"));
        assert!(highest_passing(bounds(1, 9, 3), bug).is_err());
        assert!(best_scoring(bounds(1, 9, 3), |_| Err(crate::error::Failure::bug("no"))).is_err());
    }

    fn any_bounds() -> impl Strategy<Value = Bounds> {
        (1u64..500, 0u64..70_000).prop_flat_map(|(lower, more)| {
            (lower..=lower + more).prop_map(move |start| Bounds { lower, upper: lower + more, start })
        })
    }

    /// Doublings that fit into the bounds.
    fn doublings(bounds: Bounds) -> usize {
        bounds.upper.ilog2() as usize + 1
    }

    proptest! {
        #[test]
        fn the_boundary_is_found_in_few_steps(bounds in any_bounds(), boundary in 0u64..80_000) {
            let (found, asked) = passing(bounds, boundary);
            let expected = (boundary >= bounds.lower).then_some(boundary.min(bounds.upper));
            prop_assert_eq!(found, expected);
            prop_assert!(asked.len() <= 2 * doublings(bounds) + 1, "{:?}", asked);
            let distinct: std::collections::BTreeSet<u64> = asked.iter().copied().collect();
            prop_assert_eq!(distinct.len(), asked.len());
        }

        #[test]
        fn the_top_of_a_hill_is_found_in_few_steps(
            bounds in any_bounds(), left in 0u64..80_000, flat in 0u64..50, end in 0u64..90_000,
        ) {
            // Strictly up to `left`, level for `flat`, strictly down, nothing beyond `end`.
            let score = |at: u64| {
                let off = if at < left { left - at } else { at.saturating_sub(left + flat) };
                (at <= end).then_some(-(off as f64))
            };
            let (found, asked) = scoring(bounds, score);
            let top = (bounds.lower..=bounds.upper.min(end))
                .max_by(|a, b| score(*a).partial_cmp(&score(*b)).unwrap_or(std::cmp::Ordering::Equal).then(b.cmp(a)));
            prop_assert_eq!(found, top);
            prop_assert!(asked.len() <= 10 * doublings(bounds) + 4, "{} {:?}", asked.len(), asked);
        }

        #[test]
        fn stairs_are_climbed_to_their_last_step(bounds in any_bounds(), width in 1u64..300, end in 0u64..90_000) {
            let score = |at: u64| (at <= end).then_some((at / width) as f64);
            let (found, _) = scoring(bounds, score);
            let last = bounds.upper.min(end);
            prop_assert_eq!(found.map(score), (last >= bounds.lower).then(|| score(last)));
        }
    }
}
