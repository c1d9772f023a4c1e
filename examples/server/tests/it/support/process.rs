//! Runs the program, and captures its output line by line.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::{Answer, Connection, Directory, SECRET, sign};

pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_tawk-listener");

/// Timeout after which a test fails instead of hanging.
pub const WATCHDOG: Duration = Duration::from_secs(60);

/// Polls until there is a value.
pub fn until<T>(mut poll: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = poll() {
            return value;
        }
        assert!(start.elapsed() < WATCHDOG, "timed out");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Returns a command that runs the program in `directory`, with no environment but `settings`.
pub fn program(directory: &Directory, settings: &[(&str, &str)]) -> Command {
    isolate(Command::new(PROGRAM), directory, settings)
}

pub(super) fn isolate(
    mut command: Command,
    directory: &Directory,
    settings: &[(&str, &str)],
) -> Command {
    command
        .env_clear()
        .envs(settings.iter().copied())
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the program in an empty directory until it ends.
pub fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Finished {
    run_in(&Directory::new(), arguments, settings)
}

pub fn run_in(directory: &Directory, arguments: &[&str], settings: &[(&str, &str)]) -> Finished {
    Running::new(program(directory, settings).args(arguments)).wait()
}

/// Runs the program without the capabilities that allow root to ignore the modes of files.
#[cfg(unix)]
pub fn run_unprivileged(
    directory: &Directory,
    arguments: &[&str],
    settings: &[(&str, &str)],
) -> Finished {
    const SHELL: &str = r#"
        [ "$(id -u)" = 0 ] || exec "$0" "$@"
        exec setpriv --bounding-set=-all "$0" "$@"
    "#;
    let mut shell = isolate(Command::new("/bin/sh"), directory, settings);
    Running::new(shell.args(["-c", SHELL, PROGRAM]).args(arguments)).wait()
}

/// The output and the exit status of a process. The output does not contain [`SECRET`].
#[derive(Debug)]
pub struct Finished {
    /// `None` if the process was killed by a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Returns stdout and stderr.
    pub fn output(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

/// A running listener. Killed on drop.
pub struct Listener {
    running: Running,
    scheme: String,
    pub address: SocketAddr,
    _directory: Directory,
}

impl Listener {
    /// Starts a listener on a free port, with [`SECRET`] unless `settings` contain another.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_in(Directory::new(), &[], settings)
    }

    pub fn start_in(directory: Directory, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let defaults = [("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "0")];
        Self::start_bare(directory, arguments, &[&defaults, settings].concat())
    }

    /// Starts a listener with `settings` only, which must set the port to 0.
    pub fn start_bare(directory: Directory, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let running = Running::new(program(&directory, settings).args(arguments));
        Self::up(running, directory)
    }

    /// Starts a listener with a limit of open files.
    pub fn start_limited(directory: Directory, files: u32, settings: &[(&str, &str)]) -> Self {
        Self::start_after(&format!("ulimit -n {files}"), directory, settings)
    }

    /// Starts a listener in a shell, after another command.
    pub fn start_after(command: &str, directory: Directory, settings: &[(&str, &str)]) -> Self {
        let mut shell = isolate(Command::new("/bin/sh"), &directory, settings);
        shell.args(["-c", &format!("{command}; exec \"$0\""), PROGRAM]);
        Self::up(Running::new(&mut shell), directory)
    }

    /// Waits until the address is logged.
    fn up(running: Running, directory: Directory) -> Self {
        let line = running.line("listening on http");
        let (_, url) = line.split_once("listening on ").unwrap();
        let (scheme, address) = url.split_once("://").unwrap();
        let end = address.find(|c: char| !c.is_ascii_digit() && !".:[]".contains(c));
        let address = address[..end.unwrap_or(address.len())].parse().unwrap();
        Self { running, scheme: scheme.to_owned(), address, _directory: directory }
    }

    pub fn url(&self) -> String {
        format!("{}://{}/tawk-webhook", self.scheme, self.address)
    }

    pub fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// Posts `body` as Tawk.to does, signed under [`SECRET`].
    pub fn deliver(&self, body: &[u8]) -> Answer {
        self.post(&[("X-Tawk-Signature", &sign(body))], body)
    }

    pub fn post(&self, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.connect().post(headers, body)
    }

    /// Waits for a line of stdout that contains `text`, and returns the first.
    pub fn line(&self, text: &str) -> String {
        self.running.line(text)
    }

    /// Sends SIGTERM, without waiting.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    pub fn signal(&self, name: &str) {
        self.running.signal(name);
    }

    pub fn process_id(&self) -> String {
        self.running.child.id().to_string()
    }

    /// Waits until the process exits.
    pub fn wait(self) -> Finished {
        self.running.wait()
    }

    /// Sends SIGTERM and waits.
    pub fn stop(self) -> Finished {
        self.terminate();
        self.wait()
    }
}

/// A running process, and threads that read its output, so that it never blocks on a full pipe.
pub(super) struct Running {
    child: Child,
    stdout: Arc<Lines>,
    stderr: Arc<Lines>,
}

#[derive(Default)]
struct Lines {
    so_far: Mutex<(Vec<String>, bool)>,
    changed: Condvar,
}

impl Running {
    pub(super) fn new(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stdout = Lines::read(child.stdout.take().unwrap());
        let stderr = Lines::read(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    pub(super) fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &process]).status().unwrap();
        assert!(status.success());
    }

    pub(super) fn line(&self, text: &str) -> String {
        let lines = self.stdout.so_far.lock().unwrap();
        let found = |lines: &[String]| lines.iter().any(|line| line.contains(text));
        let (lines, _) = self
            .stdout
            .changed
            .wait_timeout_while(lines, WATCHDOG, |(lines, ended)| !found(lines) && !*ended)
            .unwrap();
        match lines.0.iter().find(|line| line.contains(text)) {
            Some(line) => line.clone(),
            None => panic!("no {text:?} in {:#?}, {:#?}", lines.0, self.stderr.text()),
        }
    }

    pub(super) fn wait(mut self) -> Finished {
        // Both pipes are closed when the process exits.
        for output in [&self.stdout, &self.stderr] {
            let lines = output.so_far.lock().unwrap();
            let wait = output.changed.wait_timeout_while(lines, WATCHDOG, |(_, ended)| !*ended);
            assert!(!wait.unwrap().1.timed_out(), "process does not exit");
        }
        let code = self.child.wait().unwrap().code();
        let finished = Finished { code, stdout: self.stdout.text(), stderr: self.stderr.text() };
        assert!(!finished.output().contains(SECRET), "secret in output: {finished:#?}");
        finished
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lines {
    fn read(output: impl Read + Send + 'static) -> Arc<Self> {
        let lines = Arc::<Self>::default();
        let shared = lines.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                shared.so_far.lock().unwrap().0.push(line.unwrap());
                shared.changed.notify_all();
            }
            shared.so_far.lock().unwrap().1 = true;
            shared.changed.notify_all();
        });
        lines
    }

    fn text(&self) -> String {
        self.so_far.lock().unwrap().0.join("\n")
    }
}
