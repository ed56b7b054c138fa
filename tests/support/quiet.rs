//! Tests whose subject is time or memory run alone: on a small machine the others would be what they measure.

use std::cell::Cell;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static QUIET: RwLock<()> = RwLock::new(());

thread_local! {
    /// Whether this thread holds the lock in either way, for it must not wait for itself.
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// Lets no other test run the program until it is dropped; waits for those that do.
pub fn alone() -> Alone {
    let guard = QUIET.write().unwrap_or_else(PoisonError::into_inner);
    HELD.set(true);
    Alone { _guard: guard }
}

/// See [`alone`].
pub struct Alone {
    _guard: RwLockWriteGuard<'static, ()>,
}

impl Drop for Alone {
    fn drop(&mut self) {
        HELD.set(false);
    }
}

/// Held while a test runs the program.
pub struct Beside {
    guard: Option<RwLockReadGuard<'static, ()>>,
}

impl Beside {
    pub fn others() -> Self {
        let guard = (!HELD.replace(true)).then(|| QUIET.read().unwrap_or_else(PoisonError::into_inner));
        Beside { guard }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if self.guard.is_some() {
            HELD.set(false);
        }
    }
}
