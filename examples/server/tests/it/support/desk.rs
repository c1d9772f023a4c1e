//! The desk as a process.

use std::env;
use std::net::SocketAddr;
use std::process::Command;

use super::process::{PROGRAM, Running, isolate, program};
use super::{Answer, Connection, Directory, Finished, Store, skip};

/// The token of all desks.
pub const TOKEN: &str = "an-invented-token-of-the-desk";

/// A running desk. Killed on drop.
pub struct Desk {
    running: Running,
    pub address: SocketAddr,
    _directory: Directory,
}

impl Desk {
    /// Starts a desk on a free port. The database must exist.
    pub fn start(store: &Store, settings: &[(&str, &str)]) -> Self {
        let defaults = [("DATABASE_URL", &*store.url), ("DESK_PORT", "0"), ("DESK_TOKEN", TOKEN)];
        let settings = [&defaults, settings].concat();
        let running = Running::new(program(&store.directory, &settings).arg("desk"));
        let line = running.line("desk on http://");
        let (_, address) = line.split_once("desk on http://").unwrap();
        let address = address.trim().parse().unwrap();
        Self { running, address, _directory: store.directory.clone() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the link that starts a session.
    pub fn link(&self) -> String {
        self.url(&format!("/?token={TOKEN}"))
    }

    /// Sends a request with these headers only.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        let mut connection = Connection::open(self.address);
        connection.send((head + "\r\n").as_bytes());
        connection.receive()
    }

    /// Sends SIGTERM and waits.
    pub fn stop(self) -> Finished {
        self.running.signal("TERM");
        let finished = self.running.wait();
        assert!(!finished.output().contains(TOKEN), "token in output: {finished:#?}");
        finished
    }
}

/// A desk in a terminal, without `DESK_TOKEN`. Killed on drop.
pub struct Terminal {
    _script: Running,
    process: String,
    /// The link that the desk prints.
    pub link: String,
}

impl Terminal {
    /// Starts a desk. If `script` is not installed, skips the test and returns `None`.
    pub fn start(store: &Store) -> Option<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        let mut installed = env::split_paths(&path).map(|folder| folder.join("script"));
        let Some(program) = installed.find(|path| path.is_file()) else {
            skip("script is not installed");
            return None;
        };
        let settings = [("DATABASE_URL", &*store.url), ("DESK_PORT", "0")];
        let command = format!("echo process $$; exec {PROGRAM} desk");
        let mut script = isolate(Command::new(program), &store.directory, &settings);
        let script = Running::new(script.args(["-qec", &command, "/dev/null"]));
        let after = |text| script.line(text).trim().split_once(text).unwrap().1.to_owned();
        let process = after("process ");
        Some(Self { link: after("open "), process, _script: script })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-s", "KILL", &self.process]).status();
    }
}
