//! The log file of a run: what happened when, for the whole of it.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::error::{Failure, Result};

/// Local time as EvalScope's log has it.
struct Clock;

impl FormatTime for Clock {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        write!(w, "{} - evalscope -", jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S"))
    }
}

/// Opens the log of a run, which holds what is at least of the level. With `detail` every request is logged, on stderr as
/// well.
pub(super) fn open(path: &Path, level: LevelFilter, detail: bool) -> Result<()> {
    let file = File::options().create(true).append(true).open(path).map_err(|error| {
        Failure::files(format!("{} cannot be written", path.display()))
            .because(error)
            .hint("check the folder of the output")
    })?;
    let level = if detail { LevelFilter::DEBUG } else { level };
    let to_file = fmt::layer()
        .with_timer(Clock)
        .with_ansi(false)
        .with_target(false)
        .with_writer(Mutex::new(file))
        .with_filter(level);
    let to_screen = detail.then(|| {
        fmt::layer()
            .with_timer(Clock)
            .with_ansi(false)
            .with_target(false)
            .with_writer(std::io::stderr)
            .with_filter(level)
    });
    // A second subscriber can only come from a second run in one process; the first log then goes on.
    let _ = tracing_subscriber::registry().with(to_file).with(to_screen).try_init();
    Ok(())
}
