//! The program under expectations.

use std::ffi::OsString;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::quiet::Beside;
use super::run::Run;
use super::server::Server;
use super::{Http2Server, PATIENCE};

const NO_SELF_CHECK: &str = "--no-self-check";

/// One call of the program in a folder of its own and a clean environment, and what is expected of it.
#[derive(Clone)]
pub struct Perf {
    folder: Arc<TempDir>,
    args: Vec<OsString>,
    env: Vec<(String, String)>,
    files: Option<u32>,
    skips_self_check: bool,
    exit: i32,
    prints: Vec<String>,
    says: Vec<String>,
    hides: Vec<String>,
}

/// `evalscope perf` without its self-checks, which take their time, expected to exit with 0.
pub fn perf() -> Perf {
    Perf { skips_self_check: true, ..program("perf") }
}

/// `evalscope calibrate`, expected to exit with 0.
pub fn calibrate() -> Perf {
    program("calibrate")
}

/// `evalscope eval`, expected to exit with 0.
pub fn eval() -> Perf {
    program("eval")
}

/// `evalscope collect`, expected to exit with 0.
pub fn collect() -> Perf {
    program("collect")
}

/// `evalscope serve`, expected to exit with 0.
pub fn serve() -> Perf {
    program("serve")
}

fn program(command: &str) -> Perf {
    Perf {
        folder: Arc::new(tempfile::tempdir().unwrap()),
        args: vec![command.into()],
        env: Vec::new(),
        files: None,
        skips_self_check: false,
        exit: 0,
        prints: Vec::new(),
        says: Vec::new(),
        hides: Vec::new(),
    }
}

/// `evalscope perf report` for the run that was left in the folder of an earlier call.
pub fn report(run: &Run) -> Perf {
    program("perf").inside(run).arg("report").arg(run.dir())
}

impl Perf {
    /// Adds the words of a line.
    pub fn args(mut self, line: &str) -> Self {
        self.args.extend(line.split_whitespace().map(OsString::from));
        self
    }

    /// Lets the program check itself before each load point.
    pub fn with_self_check(mut self) -> Self {
        self.skips_self_check = false;
        self
    }

    /// Adds one argument as it is.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Aims at a server, as model `test-model`, without the first look at it.
    pub fn against(self, server: &Server) -> Self {
        self.checking(server).args("--no-test-connection")
    }

    /// Aims at a server, as model `test-model`.
    pub fn checking(self, server: &Server) -> Self {
        self.watching(server).args("--no-server-metrics")
    }

    /// Aims at a path of a server, as model `test-model`.
    pub fn at(self, server: &Server, path: &str) -> Self {
        self.arg("--url").arg(server.at(path)).args("--model test-model --sleep-interval 0 --no-server-metrics")
    }

    /// The folder it works in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Aims at a server whose metrics are read, as model `test-model`.
    pub fn watching(self, server: &Server) -> Self {
        self.arg("--url").arg(server.url()).args("--model test-model --sleep-interval 0")
    }

    /// Aims at a server that speaks HTTP/2 in the clear.
    pub fn against_http2(self, server: &Http2Server) -> Self {
        self.arg("--url").arg(&server.url).args("--model test-model --sleep-interval 0 --no-server-metrics")
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lets it open this many files at a time.
    pub fn most_files(mut self, number: u32) -> Self {
        self.files = Some(number);
        self
    }

    /// Writes a file into the folder, or into one below it.
    pub fn file(self, name: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
        self
    }

    /// Works in the folder of an earlier call.
    pub fn inside(mut self, run: &Run) -> Self {
        self.folder = Arc::clone(&run.folder);
        self
    }

    /// Expects this exit number.
    pub fn exit(mut self, number: i32) -> Self {
        self.exit = number;
        self
    }

    /// Expects these words on stdout.
    pub fn prints(mut self, words: impl Into<String>) -> Self {
        self.prints.push(words.into());
        self
    }

    /// Expects these words on stderr.
    pub fn says(mut self, words: impl Into<String>) -> Self {
        self.says.push(words.into());
        self
    }

    /// Expects these words neither on stdout nor on stderr.
    pub fn hides(mut self, words: impl Into<String>) -> Self {
        self.hides.push(words.into());
        self
    }

    /// Runs the program to its end and checks what is expected.
    pub fn run(self) -> Run {
        self.spawn().finish()
    }

    /// Starts the program and lets the test act while it runs.
    pub fn spawn(mut self) -> Running {
        let subcommands = ["report", "compare", "merge", "datasets"];
        let has_subcommand = self.args.get(1).is_some_and(|arg| subcommands.iter().any(|name| arg == name));
        if self.skips_self_check && !has_subcommand {
            self.args.push(NO_SELF_CHECK.into());
        }
        let home = self.folder.path().join("home");
        std::fs::create_dir_all(&home).unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = env!("CARGO_BIN_EXE_evalscope");
        let mut command = match self.files {
            None => Command::new(program),
            Some(number) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &format!("ulimit -n {number} && exec \"$0\" \"$@\""), program]);
                shell
            }
        };
        let beside = Beside::others();
        let mut child = command
            .args(&self.args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", path)
            .env("HOME", home)
            .envs(self.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = Heard::of(child.stdout.take().unwrap());
        let stderr = Heard::of(child.stderr.take().unwrap());
        Running { child, stdout, stderr, expected: self, _beside: beside }
    }
}

/// What a stream has said so far, read on a thread of its own.
struct Heard {
    said: Arc<(Mutex<Vec<u8>>, Condvar)>,
    thread: JoinHandle<()>,
}

impl Heard {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let said = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let ours = Arc::clone(&said);
        let thread = thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut piece) {
                ours.0.lock().unwrap().extend_from_slice(&piece[..read]);
                ours.1.notify_all();
            }
        });
        Heard { said, thread }
    }

    fn wait_for(&self, words: &str) {
        let missing = |said: &mut Vec<u8>| !String::from_utf8_lossy(said).contains(words);
        let (said, waited) = self.said.1.wait_timeout_while(self.said.0.lock().unwrap(), PATIENCE, missing).unwrap();
        assert!(!waited.timed_out(), "{words:?} was not said in: {}", String::from_utf8_lossy(&said));
    }

    /// The first line, once it is whole.
    fn first_line(&self) -> String {
        self.wait_for("\n");
        let said = self.said.0.lock().unwrap();
        String::from_utf8_lossy(&said).lines().next().unwrap_or_default().to_owned()
    }

    fn all(self) -> String {
        self.thread.join().unwrap();
        String::from_utf8(std::mem::take(&mut *self.said.0.lock().unwrap())).unwrap()
    }
}

/// The program while it runs.
pub struct Running {
    child: Child,
    stdout: Heard,
    stderr: Heard,
    expected: Perf,
    _beside: Beside,
}

impl Running {
    /// Waits until the words were said on stderr.
    pub fn wait_until_said(&self, words: &str) {
        self.stderr.wait_for(words);
    }

    /// Where a server listens, once it said so on stdout.
    pub fn address(&self) -> SocketAddr {
        let line = self.stdout.first_line();
        let address = line.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/v1"));
        address.unwrap_or_else(|| panic!("{line:?} is no address")).parse().unwrap()
    }

    /// Waits until the row file of a load point has so many rows.
    pub fn wait_for_rows(&self, folder: &str, rows: usize) {
        let begun = Instant::now();
        let outputs = self.expected.folder.path().join("outputs");
        let path = super::run::find(&outputs, folder);
        loop {
            let text = path.as_ref().and_then(|path| std::fs::read_to_string(path.join("requests.jsonl")).ok());
            // The first line is the header.
            if text.is_some_and(|text| text.matches('\n').count() > rows) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{folder} never had {rows} rows");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until something is so of the folder it works in.
    pub fn wait_for_file(&self, there: impl Fn(&Path) -> bool) {
        let begun = Instant::now();
        while !there(self.expected.folder.path()) {
            assert!(begun.elapsed() < PATIENCE, "what was waited for did not come");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name: `INT`, `TERM` or `KILL`. Every shell has a `kill` of its own.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
    }

    /// Waits for the end and checks what is expected.
    pub fn finish(mut self) -> Run {
        let begun = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if begun.elapsed() > PATIENCE => {
                    self.child.kill().unwrap();
                    let said = self.stderr.all();
                    panic!("{:?} did not end; stderr:\n{said}", self.expected.args);
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        let run = Run { stdout: self.stdout.all(), stderr: self.stderr.all(), folder: self.expected.folder };
        let talk = format!("{:?}: {status}\nstdout:\n{}\nstderr:\n{}", self.expected.args, run.stdout, run.stderr);
        // A program that a signal ended has no exit number; -1 stands for that.
        assert_eq!(status.code().unwrap_or(-1), self.expected.exit, "{talk}");
        for words in &self.expected.prints {
            assert!(run.stdout.contains(words), "{words:?} is not on stdout: {talk}");
        }
        for words in &self.expected.says {
            assert!(run.stderr.contains(words), "{words:?} is not on stderr: {talk}");
        }
        for words in &self.expected.hides {
            assert!(!run.stdout.contains(words) && !run.stderr.contains(words), "{words:?} was said: {talk}");
        }
        run
    }
}
