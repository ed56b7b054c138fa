//! What the tests are written with: the program under expectations, and servers that do as they are told.

mod http2;
mod hub;
mod page;
mod program;
mod quiet;
mod reply;
mod run;
mod server;

pub use http2::Http2Server;
pub use hub::{COMMIT, Files, Hub};
pub use page::{command, each, everything, words};
pub use program::{Perf, Running, calibrate, collect, eval, perf, report, serve};
pub use quiet::alone;
pub use reply::{Gate, Reply};
pub use run::{Point, Run, outcome, same_keys};
pub use server::{Seen, Server, closed_port};

use std::time::Duration;

/// The longest any test waits for something that must happen. Reaching it fails the test; nothing else depends on it.
pub const PATIENCE: Duration = Duration::from_secs(60);
