//! The user's wish to end a run, in two steps.

use std::sync::Arc;

use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Run,
    Drain,
    Cut,
}

/// Tells every worker to end: first to start nothing new, then to drop what is in flight. It never goes back.
#[derive(Debug, Clone)]
pub struct Stop {
    level: Arc<watch::Sender<Level>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// A run that nobody wants to end.
    pub fn new() -> Self {
        Stop { level: Arc::new(watch::channel(Level::Run).0) }
    }

    /// Start nothing new; what is in flight ends in its own time.
    pub fn drain(&self) {
        self.raise(Level::Drain);
    }

    /// Drop what is in flight as well.
    pub fn cut(&self) {
        self.raise(Level::Cut);
    }

    fn raise(&self, to: Level) {
        self.level.send_if_modified(|level| {
            let raised = *level < to;
            *level = (*level).max(to);
            raised
        });
    }

    /// Whether nothing new may start.
    pub fn is_draining(&self) -> bool {
        *self.level.borrow() >= Level::Drain
    }

    /// Ready once what is in flight must be dropped. Dropping the future is safe at any time.
    pub async fn until_cut(&self) {
        self.until(Level::Cut).await;
    }

    /// Ready once nothing new may start. Dropping the future is safe at any time.
    pub async fn until_draining(&self) {
        self.until(Level::Drain).await;
    }

    async fn until(&self, wanted: Level) {
        let mut level = self.level.subscribe();
        // The sender lives in self, so waiting cannot fail.
        let _ = level.wait_for(|level| *level >= wanted).await;
    }
}
