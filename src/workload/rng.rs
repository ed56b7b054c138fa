//! Random streams: one for each purpose and item, so that an item never depends on what was drawn before it.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What is drawn. Each purpose has streams of its own, so a new one never moves the draws of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Purpose {
    /// The prefix that all prompts share.
    Prefix = 1,
    /// Length and text of a random prompt.
    Prompt = 2,
    /// Most tokens to generate.
    MaxTokens = 3,
    /// The check of a vocabulary.
    Probe = 4,
    /// The text behind a prefix hash.
    Block = 5,
    /// What `--cache-bust` puts before a conversation.
    Salt = 6,
    /// Number and lengths of the turns of a conversation.
    Turns = 7,
    /// A random image.
    Image = 8,
    /// Which group a prompt belongs to.
    Group = 9,
    /// Lengths drawn from a spread.
    Length = 10,
    /// Instants drawn from a description.
    Arrival = 11,
}

/// The stream of one item.
pub(super) fn stream(seed: u64, purpose: Purpose, item: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8] = purpose as u8;
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(item);
    rng
}

/// A uniform draw with both bounds included; the lower one where they are equal or crossed.
pub(super) fn within(rng: &mut ChaCha8Rng, min: u32, max: u32) -> u32 {
    if min < max { rng.random_range(min..=max) } else { min }
}

/// A uniform draw from a list; `None` only where it is empty.
pub(super) fn pick(rng: &mut ChaCha8Rng, from: &[u32]) -> Option<u32> {
    if from.is_empty() { None } else { from.get(rng.random_range(0..from.len())).copied() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_seed_purpose_and_item_alone() {
        let draw = |seed, purpose, item| {
            let mut rng = stream(seed, purpose, item);
            (0..4).map(|_| within(&mut rng, 0, u32::MAX)).collect::<Vec<_>>()
        };
        let base = draw(7, Purpose::Prompt, 3);
        assert_eq!(base, draw(7, Purpose::Prompt, 3));
        assert_ne!(base, draw(8, Purpose::Prompt, 3));
        assert_ne!(base, draw(7, Purpose::MaxTokens, 3));
        assert_ne!(base, draw(7, Purpose::Prompt, 4));
    }

    #[test]
    fn draws_reach_both_bounds_and_nothing_beyond() {
        let mut rng = stream(1, Purpose::MaxTokens, 0);
        let seen: Vec<u32> = (0..400).map(|_| within(&mut rng, 5, 8)).collect();
        assert_eq!(seen.iter().min(), Some(&5));
        assert_eq!(seen.iter().max(), Some(&8));
        assert_eq!(within(&mut rng, 9, 9), 9);
        assert_eq!(pick(&mut rng, &[]), None);
    }

    #[test]
    fn the_draws_stay_the_same_from_release_to_release() {
        let mut rng = stream(42, Purpose::Prompt, 0);
        assert_eq!([0; 4].map(|_| within(&mut rng, 0, 999)), [15, 498, 2, 328]);
    }
}
