//! A vLLM server as a child of this program: started, waited for, listened to, and ended with the run.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::check;
use crate::engine::{Stop, get};
use crate::error::{Exit, Failure, Result};
use crate::plan::VllmSpec;
use crate::target::Target;
use crate::units::clean;

/// The program, looked for on the path.
const PROGRAM: &str = "vllm";
/// How often it is asked whether it can serve.
const ASK: Duration = Duration::from_millis(250);
/// How long it may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// Last lines of what it said that a failure quotes.
const QUOTED: usize = 4;

/// Variables of the environment that hold keys of servers, which no child gets.
pub(super) const KEYS: [&str; 4] = ["EVALSCOPE_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "DASHSCOPE_API_KEY"];

/// The server. It ends when this is dropped.
pub(super) struct Vllm {
    child: Child,
    port: u16,
    said: Arc<Mutex<VecDeque<String>>>,
}

impl Vllm {
    /// Starts the server. What it says goes into the run's log.
    ///
    /// # Errors
    /// When there is no such program, or no port.
    pub(super) fn start(spec: &VllmSpec) -> Result<Self> {
        let port = match spec.port {
            Some(port) => port,
            None => free_port().map_err(|error| Failure::usage("--port: no port is free").because(error))?,
        };
        let mut command = Command::new(PROGRAM);
        command.args(["serve", &spec.model, "--host", "127.0.0.1", "--port", &port.to_string()]).args(&spec.args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Keys for other servers are none of its business.
        for name in KEYS {
            command.env_remove(name);
        }
        // A group of its own: Ctrl-C is for this program, which lets requests in flight end first.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(|error| {
            let failure = match error.kind() {
                ErrorKind::NotFound => Failure::usage(format!("--api local_vllm: there is no program {PROGRAM} on the path")),
                _ => Failure::usage(format!("--api local_vllm: {PROGRAM} cannot be started")),
            };
            failure.because(error).hint(
                "install vLLM (`pip install vllm`) or enter its environment; or start the server yourself and pass --url",
            )
        })?;
        group::note(&child);
        let said = Arc::default();
        if let Some(stdout) = child.stdout.take() {
            listen(stdout, &said);
        }
        if let Some(stderr) = child.stderr.take() {
            listen(stderr, &said);
        }
        Ok(Vllm { child, port, said })
    }

    /// Host and port, as they stand in an address.
    pub(super) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Waits until it says that it can serve, at most as long as a request may take.
    ///
    /// # Errors
    /// When it ends before, takes too long, or the user wants to stop.
    pub(super) fn wait(&mut self, target: &Target, stop: &Stop) -> Result<()> {
        let route = check::route(target)?;
        let runtime = check::runtime()?;
        let begun = Instant::now();
        loop {
            if stop.is_draining() {
                return Err(Failure::new(Exit::Interrupted, "interrupted before the run; nothing was measured"));
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.ended(status));
            }
            let answer = runtime.block_on(get(target, &route, "/health"));
            if answer.is_some_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if begun.elapsed() > target.deadlines.total {
                return Err(Failure::target(format!(
                    "{PROGRAM} serve was not ready within {} s: {}",
                    target.deadlines.total.as_secs(),
                    self.last_words()
                ))
                .hint("raise --total-timeout, or start the server yourself and pass --url"));
            }
            thread::sleep(ASK);
        }
    }

    fn ended(&self, status: ExitStatus) -> Failure {
        // What it said last may still be on its way.
        thread::sleep(ASK);
        Failure::target(format!("{PROGRAM} serve ended before it was ready ({status}): {}", self.last_words()))
            .hint("check --model, --vllm-args and the memory of the GPU; the same command by hand says more")
    }

    fn last_words(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<String> = said.iter().cloned().collect();
        if lines.is_empty() { "it said nothing".to_owned() } else { clean(&lines.join(" / "), 600) }
    }
}

impl Drop for Vllm {
    fn drop(&mut self) {
        group::end(&mut self.child);
    }
}

/// Ends a server that is still there at once, for a program that leaves without looking back.
pub fn abandon() {
    group::abandon();
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Passes what the server says on to the log, line by line, until it closes the stream.
fn listen(stream: impl Read + Send + 'static, said: &Arc<Mutex<VecDeque<String>>>) {
    let said = Arc::clone(said);
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = clean(String::from_utf8_lossy(&line).trim_end(), 2000);
            line.clear();
            tracing::info!("{PROGRAM}: {text}");
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            if said.len() == QUOTED {
                said.pop_front();
            }
            said.push_back(text);
        }
    });
}

/// The server and whatever it started, as one.
#[cfg(unix)]
mod group {
    use std::process::Child;
    use std::sync::atomic::{AtomicI32, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

    use super::GRACE;

    /// The group that is there, for [`abandon`]; 0 is none.
    static THERE: AtomicI32 = AtomicI32::new(0);

    pub(super) fn note(child: &Child) {
        THERE.store(Pid::from_child(child).as_raw_nonzero().get(), Ordering::SeqCst);
    }

    /// Asks the group to end, and kills it when it has not after a while.
    pub(super) fn end(child: &mut Child) {
        let group = Pid::from_child(child);
        // Whoever is gone already needs no signal.
        let _ = kill_process_group(group, Signal::TERM);
        let begun = Instant::now();
        loop {
            // Taken from the table of processes, else it would count as one that is there.
            let _ = child.try_wait();
            if test_kill_process_group(group).is_err() {
                break;
            }
            if begun.elapsed() > GRACE {
                tracing::warn!("vllm did not end within {} s and was killed", GRACE.as_secs());
                let _ = kill_process_group(group, Signal::KILL);
                let _ = child.wait();
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        THERE.store(0, Ordering::SeqCst);
    }

    pub(super) fn abandon() {
        if let Some(group) = Pid::from_raw(THERE.swap(0, Ordering::SeqCst)) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

#[cfg(not(unix))]
mod group {
    use std::process::Child;

    pub(super) fn note(_child: &Child) {}

    pub(super) fn end(child: &mut Child) {
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }

    pub(super) fn abandon() {}
}
