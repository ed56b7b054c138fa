//! Ctrl-C and SIGTERM.

use std::thread;

use super::console::Console;
use crate::engine::Stop;
use crate::error::{Exit, Failure, Result};

/// Listens on a thread of its own: the first signal drains, the second cuts, a third leaves at once. Rows are on disk
/// before they are counted, so even then nothing that was measured is lost.
pub(super) fn listen(stop: &Stop, console: Console) -> Result<()> {
    let stop = stop.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::bug("no runtime can be made").because(error))?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                for signal in 1.. {
                    if next().await.is_err() {
                        return;
                    }
                    match signal {
                        1 => {
                            console.say("stopping: requests in flight are being drained, Ctrl-C again to cut them");
                            stop.drain();
                        }
                        2 => {
                            console.say("cutting requests in flight; saving what was measured");
                            stop.cut();
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
async fn next() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn next() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

#[expect(clippy::exit, reason = "the third Ctrl-C must not wait for anything")]
fn leave() {
    std::process::exit(i32::from(Exit::Interrupted as u8));
}
