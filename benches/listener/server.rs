//! The server processes: the listener, and an axum handler that only verifies.

use std::env;
use std::fs;
use std::future::IntoFuture;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use axum::serve::ListenerExt;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime;
use tower_tawk::TawkSignatureLayer;
use tower_tawk_benches::{PATH, SECRET, cpu_time, handler, secret};

use crate::Result;

/// Selects the process of the plain server when passed as first argument.
const SERVE_ARG: &str = "serve-until-killed";

/// What both servers print before the address.
const LISTENING: &str = "listening on http://";

pub(crate) fn is_plain_server_process() -> bool {
    env::args().nth(1).as_deref() == Some(SERVE_ARG)
}

/// Prints the address and serves until the process is killed.
pub(crate) fn run_plain_server() -> Result<()> {
    let layer = TawkSignatureLayer::enforce(secret());
    let router = Router::new().route(PATH, post(handler).route_layer(layer));
    runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        writeln!(io::stdout(), "{LISTENING}{}/", listener.local_addr()?)?;
        let listener = listener.tap_io(|stream| {
            // A failure affects only the speed.
            let _ = stream.set_nodelay(true);
        });
        Ok(axum::serve(listener, router).into_future().await?)
    })
}

/// Builds the listener in the profile of this bench, optionally without its store, and returns the
/// path of the program.
pub(crate) fn build_listener(has_store: bool) -> Result<PathBuf> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "tawk-listener", "--bin", "tawk-listener"]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    if !has_store {
        cargo.args(["--features", "stub-store"]);
    }
    if !cargo.status()?.success() {
        return Err("failed to build tawk-listener".into());
    }
    let built = profile_directory()?.join("tawk-listener");
    // The next build replaces the program.
    let program =
        profile_directory()?.join(if has_store { "bench-listener" } else { "bench-stub" });
    fs::copy(built, &program)?;
    Ok(program)
}

/// Returns the directory of the build profile, such as `target/release`. The bench is in its
/// subdirectory `deps`.
fn profile_directory() -> Result<PathBuf> {
    let bench = env::current_exe()?;
    Ok(bench.ancestors().nth(2).ok_or("the bench is not in a target directory")?.to_owned())
}

/// A handle to a server process. Kills it on drop.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    /// The working directory, which contains the database.
    _directory: TempDir,
}

impl Server {
    pub(crate) fn start_plain(core: usize) -> Result<Self> {
        let mut command = pinned(core, env::current_exe()?);
        command.arg(SERVE_ARG);
        Self::start(command)
    }

    pub(crate) fn start_listener(core: usize, program: PathBuf) -> Result<Self> {
        let mut command = pinned(core, program);
        command.envs([
            ("TAWK_WEBHOOK_SECRET", SECRET),
            ("PORT", "0"),
            ("DATABASE_URL", "sqlite://tawk.db"),
        ]);
        Self::start(command)
    }

    fn start(mut command: Command) -> Result<Self> {
        // On the disk of the build, since a temporary directory may be in memory.
        let directory = TempDir::new_in(profile_directory()?)?;
        let mut process = command
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().ok_or("stdout of the server is not captured")?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        while !line.contains(LISTENING) {
            line.clear();
            if stdout.read_line(&mut line)? == 0 {
                return Err("the server exited".into());
            }
        }
        // Discards the log.
        thread::spawn(move || io::copy(&mut stdout, &mut io::sink()));
        let (_, url) = line.split_once(LISTENING).unwrap_or_default();
        let (address, _) = url.split_once('/').unwrap_or_default();
        Ok(Self { process, address: address.parse()?, _directory: directory })
    }

    /// The maximum resident memory in bytes, if the system reports it.
    pub(crate) fn peak_memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    }

    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        cpu_time(self.process.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns a command that runs a program with an empty environment, on one core if possible.
fn pinned(core: usize, program: PathBuf) -> Command {
    let mut command = if Command::new("taskset").arg("--version").output().is_ok() {
        let mut taskset = Command::new("taskset");
        taskset.args(["--cpu-list", &core.to_string()]).arg(program);
        taskset
    } else {
        Command::new(program)
    };
    command.env_clear();
    command
}

/// Pins this process to a core, if possible. Threads inherit it.
pub(crate) fn pin_this_process(core: usize) {
    let (core, process_id) = (core.to_string(), std::process::id().to_string());
    let _ = Command::new("taskset").args(["--cpu-list", "--pid", &core, &process_id]).output();
}
