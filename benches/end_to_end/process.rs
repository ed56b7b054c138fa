//! Processes that end with this one: the server, the client and the bare reader.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Load, Outcome};

/// A command of this very program, or of another one, on one processor where that can be had. The kernel ends it when
/// this process ends, by whatever signal: it is begun through [`bound`].
pub fn pinned(processor: usize, program: &str) -> Outcome<Command> {
    let this = std::env::current_exe()?;
    let mut command = Command::new(this);
    command.args(["bound", &std::process::id().to_string()]);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let has_taskset = Command::new("taskset").arg("--version").stdout(Stdio::null()).status().is_ok();
    if processor < cores && has_taskset {
        command.args(["taskset", "-c", &processor.to_string()]);
    }
    command.arg(program);
    Ok(command)
}

/// Asks the kernel to end this process with its parent and becomes the program that is asked for.
pub fn bound(args: &[String]) -> Outcome {
    let [parent, program, rest @ ..] = args else { return Err("no program to become".into()) };
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    // The parent may have ended before the kernel was asked.
    let is_ours = |id: rustix::process::Pid| id.as_raw_nonzero().get().to_string() == *parent;
    if !rustix::process::getppid().is_some_and(is_ours) {
        return Err("whoever began this is gone".into());
    }
    Err(Command::new(program).args(rest).exec().into())
}

/// The server, until it is dropped.
pub struct Serving {
    child: Child,
    pub port: u16,
}

impl Serving {
    /// Starts the server of a load on a free port of the first processor.
    pub fn start(load: Load) -> Outcome<Self> {
        let this = std::env::current_exe()?;
        let mut child = pinned(0, &this.to_string_lossy())?
            .args(["serve", &load.tokens.to_string(), &load.gap().as_nanos().to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let said = child.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut line)).transpose();
        // From here on it is ended whatever comes.
        let mut serving = Serving { child, port: 0 };
        said?;
        serving.port = line.trim().parse().map_err(|_| "the server did not say its port")?;
        Ok(serving)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `evalscope perf` at a load, with its results below a folder, and gives the processor time of its process and the
/// folder of the load point.
pub fn evalscope(load: Load, port: u16, below: &Path) -> Outcome<(Duration, std::path::PathBuf)> {
    let Load { streams, tokens, requests, .. } = load;
    let said = below.join("stderr");
    let mut command = pinned(1, env!("CARGO_BIN_EXE_evalscope"))?;
    command
        .args(["perf", "--model", "bench", "--no-test-connection", "--no-self-check", "--no-server-metrics"])
        .args(["--url", &format!("http://127.0.0.1:{port}/v1/chat/completions")])
        .args(["--parallel", &streams.to_string(), "--number", &requests.to_string()])
        .args(["--max-tokens", &tokens.to_string(), "--no-timestamp", "--outputs-dir"])
        .arg(below)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&said)?);
    let time = timed(&mut command)
        .map_err(|error| format!("{error}: {}", std::fs::read_to_string(&said).unwrap_or_default()))?;
    Ok((time, below.join(format!("bench/parallel_{streams}_number_{requests}"))))
}

/// Processor time of a command that is run to its end: that of its whole process, user and system.
pub fn timed(command: &mut Command) -> Outcome<Duration> {
    let before = children()?;
    let status = command.status()?;
    if !status.success() {
        return Err(format!("{:?} ended with {status}", command.get_args()).into());
    }
    Ok(children()?.saturating_sub(before))
}

/// Processor time of all processes that were waited for.
fn children() -> Outcome<Duration> {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN)?;
    let of = |time: nix::sys::time::TimeVal| {
        Duration::from_secs(time.tv_sec() as u64) + Duration::from_micros(time.tv_usec() as u64)
    };
    Ok(of(usage.user_time()) + of(usage.system_time()))
}
