//! The server's process: how it is started, what it has used of the CPU, how it ends.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime;

use crate::Outcome;
use crate::mounts::Mount;

const SERVE: &str = "serve-until-stdin-ends";

/// Whether this process is to be the server.
pub(crate) fn is_asked_for() -> bool {
    env::args().nth(1).as_deref() == Some(SERVE)
}

/// Prints a line with the ports, in the order of [`Mount::ALL`], and serves until its standard
/// input ends: at the latest when the client does.
pub(crate) fn serve() -> Outcome<()> {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut ports = vec![];
    for mount in Mount::ALL {
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        ports.push(listener.local_addr()?.port().to_string());
        runtime.spawn(mount.serve(listener));
    }
    writeln!(io::stdout(), "{}", ports.join(" "))?;
    io::stdin().read_to_end(&mut vec![])?;
    Ok(())
}

/// The server as the client sees it.
pub(crate) struct Server {
    process: Child,
    ports: Vec<u16>,
}

impl Server {
    pub(crate) fn start() -> Outcome<Self> {
        let mut process = Command::new(env::current_exe()?)
            .arg(SERVE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = process.stdout.take().ok_or("the server has no standard output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let ports = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { process, ports })
    }

    pub(crate) fn address(&self, mount: Mount) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports[mount as usize]).into()
    }

    /// The CPU time that the process has used so far, in user and kernel; none where there is no
    /// procfs. A tick is a hundredth of a second on every Linux (proc(5), `sysconf(_SC_CLK_TCK)`).
    pub(crate) fn cpu(&self) -> Option<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).ok()?;
        // The second field is the name, in parentheses, and may hold anything; `utime` and
        // `stime` are the 14th and the 15th.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u64>);
        Some(Duration::from_millis(10 * (ticks.next()?.ok()? + ticks.next()?.ok()?)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It has nothing to finish; without it there is nobody to report to.
        let _ = self.process.wait();
    }
}
