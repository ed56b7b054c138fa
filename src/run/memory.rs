//! Memory in use while a load point runs: that of the embedded model, or of this machine's GPUs where the server may be on
//! it. Kept beside the rows, so that results made from them later know it too.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::IpAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::vllm::KEYS;
use crate::error::{Failure, Result};
use crate::local::Meter;
use crate::record::Epoch;
use crate::stats::{Memory, MemoryOf};
use crate::store::write_file;
use crate::target::Target;
use crate::units::clean;

/// Version of the file.
const FORMAT_VERSION: u32 = 1;
/// Name of the file in the folder of a load point.
const NAME: &str = "memory.jsonl";
/// The program that tells of GPUs, looked for on the path.
const PROGRAM: &str = "nvidia-smi";
/// What it is asked: a line a GPU with its number and the MiB in use.
const QUERY: [&str; 2] = ["--query-gpu=index,memory.used", "--format=csv,noheader,nounits"];
/// Pause between two looks at the GPUs.
const STEP: Duration = Duration::from_millis(500);
/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format_version: u32,
    of: Option<MemoryOf>,
    none: Option<String>,
}

/// A level.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    at_ns: u64,
    bytes: u64,
}

/// Looks at memory while a load point runs. Dropping it ends the look.
pub(super) enum Gauge {
    /// The embedded model tells.
    Model(Meter),
    /// `nvidia-smi` tells, again and again.
    Gpus(Watch),
    /// Nobody tells, for this reason.
    Nobody(String),
}

impl Gauge {
    /// Begins to look: at the embedded model, if that answers, else at the GPUs of this machine, if the server is on it.
    pub(super) fn begin(model: Option<&Meter>, target: &Target) -> Gauge {
        if let Some(meter) = model {
            meter.watch();
            return Gauge::Model(meter.clone());
        }
        let here = |host: &str| host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if !here(target.host()) {
            return Gauge::Nobody("the server is not known to be on this machine".to_owned());
        }
        Watch::begin().map_or_else(Gauge::Nobody, Gauge::Gpus)
    }

    /// Ends the look and keeps what was seen in the folder of a load point.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn end(self, folder: &Path, epoch: Epoch) -> Result<()> {
        let (of, none, seen) = match self {
            Gauge::Model(meter) => (Some(MemoryOf::EmbeddedModel), None, meter.seen()),
            Gauge::Gpus(watch) => (Some(MemoryOf::Gpus), None, watch.end()?),
            Gauge::Nobody(reason) => (None, Some(reason), Vec::new()),
        };
        let mut text = spelled(&Header { format_version: FORMAT_VERSION, of, none })?;
        for (at, bytes) in seen {
            text.push_str(&spelled(&Line { at_ns: epoch.ns_at(at), bytes })?);
        }
        write_file(&folder.join(NAME), text.as_bytes())
    }
}

fn spelled(line: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(line);
    text.map(|text| text + "\n").map_err(|error| Failure::bug("memory cannot be spelled as JSON").because(error))
}

/// What was kept in the folder of a load point.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn saved(folder: &Path) -> Result<Memory> {
    let path = folder.join(NAME);
    let bad = |line: usize| Failure::files(format!("{}: line {line}: not of this format", path.display()));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        // The program was killed before the end of the load point.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Memory { none: Some("it was not noted to the end".to_owned()), ..Memory::default() });
        }
        Err(error) => return Err(Failure::files(format!("{} cannot be read", path.display())).because(error)),
    };
    let mut lines = text.lines().zip(1..);
    let header = lines.next().and_then(|(line, _)| serde_json::from_str(line).ok());
    let Header { of, none, .. } =
        header.filter(|header: &Header| header.format_version == FORMAT_VERSION).ok_or_else(|| bad(1))?;
    let level = |(line, number): (&str, usize)| {
        let Line { at_ns, bytes } = serde_json::from_str(line).map_err(|error| bad(number).because(error))?;
        Ok((at_ns, bytes))
    };
    Ok(Memory { of, none, levels: lines.map(level).collect::<Result<_>>()? })
}

/// `nvidia-smi` as a child that says again and again how much is in use.
pub(super) struct Watch {
    child: Child,
    first: (Instant, u64),
    thread: Option<JoinHandle<Vec<(Instant, u64)>>>,
}

impl Watch {
    /// Takes a first look and starts the child; the reason where there is nothing to be seen.
    fn begin() -> Result<Self, String> {
        let said = command().args(QUERY).output().map_err(|error| match error.kind() {
            ErrorKind::NotFound => format!("there is no {PROGRAM} on the path"),
            _ => format!("{PROGRAM} cannot be started: {error}"),
        })?;
        let first = levels(said.stdout.as_slice()).first().copied();
        let first = first.filter(|_| said.status.success()).ok_or_else(|| {
            format!("{PROGRAM} told nothing: {}", clean(String::from_utf8_lossy(&said.stdout).trim(), 200))
        })?;
        let step = STEP.as_millis().to_string();
        let mut child = command()
            .args(QUERY)
            .args(["-lms", &step])
            .spawn()
            .map_err(|error| format!("{PROGRAM} cannot be started: {error}"))?;
        let stdout = child.stdout.take().ok_or("its output cannot be read")?;
        let mut watch = Watch { child, first, thread: None };
        let thread = std::thread::Builder::new().name("memory".to_owned()).spawn(move || levels(stdout));
        watch.thread = Some(thread.map_err(|error| format!("no thread can be started: {error}"))?);
        Ok(watch)
    }

    fn end(mut self) -> Result<Vec<(Instant, u64)>> {
        self.stop();
        let later = self.thread.take().map(JoinHandle::join).transpose();
        let later = later.map_err(|_| Failure::bug("the thread that reads memory panicked"))?;
        Ok(std::iter::once(self.first).chain(later.unwrap_or_default()).collect())
    }

    fn stop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

fn command() -> Command {
    let mut command = Command::new(PROGRAM);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    // Keys for servers are none of its business.
    for name in KEYS {
        command.env_remove(name);
    }
    // A group of its own: Ctrl-C is for this program, which goes on until requests in flight have ended.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// Bytes in use on all GPUs together, each time when the first of them was told. Lines that are something else are passed
/// over.
fn levels(said: impl Read) -> Vec<(Instant, u64)> {
    let mut levels: Vec<(Instant, u64)> = Vec::new();
    let mut last = None;
    for line in BufReader::new(said).lines().map_while(std::result::Result::ok) {
        let numbers = line.split_once(',').map(|(gpu, used)| (gpu.trim().parse::<u32>(), used.trim().parse::<u64>()));
        let Some((Ok(gpu), Ok(mib))) = numbers else { continue };
        let bytes = mib.saturating_mul(MIB);
        match levels.last_mut() {
            Some((_, sum)) if last.is_some_and(|last| gpu > last) => *sum += bytes,
            _ => levels.push((Instant::now(), bytes)),
        }
        last = Some(gpu);
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_are_added_up_at_each_look() {
        let text = "0, 10\n1, 20\nfailed\n0, 11\n1, [N/A]\n0, 3\n";
        let found: Vec<u64> = levels(text.as_bytes()).into_iter().map(|(_, bytes)| bytes / MIB).collect();
        assert_eq!(found, [30, 11, 3]);
    }

    #[test]
    fn what_was_kept_is_read_again() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        assert!(saved(folder.path())?.none.is_some());
        let (meter, epoch) = (Meter::default(), Epoch::now());
        meter.watch();
        meter.take(7);
        Gauge::Model(meter).end(folder.path(), epoch)?;
        let memory = saved(folder.path())?;
        assert_eq!((memory.of, memory.none), (Some(MemoryOf::EmbeddedModel), None));
        assert_eq!(memory.levels.iter().map(|(_, bytes)| *bytes).collect::<Vec<_>>(), [0, 7]);
        std::fs::write(folder.path().join(NAME), "{}\n")?;
        assert!(saved(folder.path()).is_err_and(|failure| failure.message.contains("line 1")));
        Ok(())
    }
}
