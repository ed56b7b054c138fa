//! Ctrl-C and SIGTERM.

use std::thread;

use super::console::Console;
use crate::engine::Stop;
use crate::error::{Exit, Failure, Result};

/// Listens on a thread of its own: the first signal drains, the second cuts, a third leaves at once; `cutting` is said of the second. Rows are on disk
/// before they are counted, so even then nothing that was measured is lost.
pub(super) fn listen(stop: &Stop, console: Console, cutting: &'static str) -> Result<()> {
    let stop = stop.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::bug("no runtime can be made").because(error))?;
    // Registered before the run begins, and once for its whole length: a signal is never met by the default action, and
    // none is lost between two waits.
    let mut signals = {
        let _inside = runtime.enter();
        Signals::new().map_err(|error| Failure::bug("signals cannot be listened to").because(error))?
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                for signal in 1.. {
                    signals.next().await;
                    match signal {
                        1 => {
                            stop.drain();
                            console.say("stopping: requests in flight are being drained, Ctrl-C again to cut them");
                        }
                        2 => {
                            stop.cut();
                            console.say(cutting);
                        }
                        _ => leave(),
                    }
                }
            });
        })
        .map(drop)
        .map_err(|error| Failure::bug("signals cannot be listened to").because(error))
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Signals)
    }

    async fn next(&mut self) {
        // It ends with the process only.
        let _ = self.0.recv().await;
    }
}

#[expect(clippy::exit, reason = "the third Ctrl-C must not wait for anything")]
fn leave() {
    crate::run::abandon();
    std::process::exit(i32::from(Exit::Interrupted as u8));
}
