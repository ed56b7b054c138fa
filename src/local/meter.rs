//! Memory of the embedded model over time: a level that is noted whenever it changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Bytes in use, as their owner tells them. Clones tell of the same bytes.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Level>>);

#[derive(Debug, Default)]
struct Level {
    bytes: u64,
    /// Every level since somebody began to watch; `None` while nobody does, so that a long run takes no memory.
    seen: Option<Vec<(Instant, u64)>>,
}

impl Meter {
    /// So many bytes came into use.
    pub fn take(&self, bytes: u64) {
        self.change(|level| level.saturating_add(bytes));
    }

    /// So many bytes are no longer in use.
    pub fn give(&self, bytes: u64) {
        self.change(|level| level.saturating_sub(bytes));
    }

    /// Notes every level from now on, the present one first.
    pub fn watch(&self) {
        let mut level = self.level();
        level.seen = Some(vec![(Instant::now(), level.bytes)]);
    }

    /// Every level since [`Meter::watch`], with the instant it was reached; no more are noted.
    pub fn seen(&self) -> Vec<(Instant, u64)> {
        self.level().seen.take().unwrap_or_default()
    }

    fn change(&self, to: impl Fn(u64) -> u64) {
        let mut level = self.level();
        level.bytes = to(level.bytes);
        let now = level.bytes;
        level.seen.iter_mut().for_each(|seen| seen.push((Instant::now(), now)));
    }

    fn level(&self) -> MutexGuard<'_, Level> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_noted_while_somebody_watches() {
        let meter = Meter::default();
        meter.take(100);
        assert!(meter.seen().is_empty());
        meter.watch();
        let other = meter.clone();
        other.take(20);
        other.give(50);
        let levels: Vec<u64> = meter.seen().into_iter().map(|(_, bytes)| bytes).collect();
        assert_eq!(levels, [100, 120, 70]);
        assert!(meter.seen().is_empty());
    }
}
