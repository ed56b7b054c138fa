//! What is seen while files of a hub are fetched.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::console::Console;
use crate::hub::Event;
use crate::units::{size, span};

/// Redraws a second.
const REDRAWS: u8 = 4;
/// Time between two lines where nobody watches live.
const LINE: Duration = Duration::from_secs(10);

/// Says what is fetched before it is, and shows how far it is.
pub(super) struct Fetching {
    console: Console,
    bar: ProgressBar,
    begun: Instant,
    told: Instant,
}

impl Fetching {
    pub(super) fn new(console: Console) -> Self {
        let now = Instant::now();
        Fetching { console, bar: ProgressBar::hidden(), begun: now, told: now }
    }

    pub(super) fn see(&mut self, event: Event<'_>) {
        match event {
            Event::Begins { files, bytes, from, endpoint, into } => {
                let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
                self.console.say(&format!(
                    "fetching {files}, {}, of {from}\n  from {endpoint}\n  into {}",
                    size(bytes),
                    into.display()
                ));
                self.begun = Instant::now();
                self.told = self.begun;
                if self.console.is_live() {
                    let target = ProgressDrawTarget::stderr_with_hz(REDRAWS);
                    let style = ProgressStyle::with_template("[{bar:40}] {msg}");
                    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
                    self.bar = ProgressBar::with_draw_target(Some(bytes), target);
                    self.bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏░"));
                }
            }
            Event::Moves { done, total } => {
                if self.bar.is_hidden() && self.told.elapsed() < LINE {
                    return;
                }
                let text = format!("{} of {}  {}", size(done), size(total), self.left(done, total));
                if self.bar.is_hidden() {
                    self.told = Instant::now();
                    self.console.say(&format!("fetched {text}"));
                } else {
                    self.bar.set_position(done);
                    self.bar.set_message(text);
                }
            }
            Event::Retries { why, after } => {
                let after =
                    if after.is_zero() { String::new() } else { format!("; again in {}", span(after.as_secs_f64())) };
                self.bar.suspend(|| self.console.warn(&format!("{why}{after}")));
            }
            Event::Waits { lock } => {
                self.console.say(&format!("another process fetches the same files; waiting for {}", lock.display()));
            }
            Event::Ends => {
                self.bar.finish_and_clear();
                self.bar = ProgressBar::hidden();
                self.console.say(&format!("fetched in {}", span(self.begun.elapsed().as_secs_f64())));
            }
        }
    }

    fn left(&self, done: u64, total: u64) -> String {
        let seconds = self.begun.elapsed().as_secs_f64();
        if done == 0 {
            return String::new();
        }
        format!("{} left", span(total.saturating_sub(done) as f64 * seconds / done as f64))
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
