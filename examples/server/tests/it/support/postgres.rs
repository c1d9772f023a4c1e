//! A real PostgreSQL server, if it is installed.
//!
//! A shell starts and stops the server on commands from its stdin. When that pipe is closed, which
//! also happens if the tests crash, the shell stops the server and removes its data.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::database::execute;
use super::skip::skip;

/// Ignores SIGPIPE, because the tests may be gone when `done` is written. `pg_ctl` waits up to 60 s
/// until the server accepts connections or has stopped.
const SHELL: &str = r#"
directory=$(mktemp -d) || exit
end() { pg_ctl -s -D "$directory/data" -m immediate stop 2> "$directory/log"; rm -rf "$directory"; }
trap end EXIT
trap '' PIPE
initdb -A trust --no-sync -U postgres -E UTF8 --locale=C -D "$directory/data" > "$directory/log" \
    || { cat "$directory/log" >&2; exit 1; }
while read -r command; do
    case $command in
        start)
            options="-p $PORT -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
            set -- -o "$options" start ;;
        stop) set -- -m immediate stop ;;
    esac
    pg_ctl -s -w -D "$directory/data" -l "$directory/log" "$@" < /dev/null \
        || { cat "$directory/log" >&2; exit 1; }
    echo done 2> /dev/null
done
"#;

/// PostgreSQL does not run as root.
const NOT_AS_ROOT: &str = r#"
[ "$(id -u)" = 0 ] || exec /bin/sh -c "$0"
exec setpriv --reuid=postgres --regid=postgres --init-groups /bin/sh -c "$0"
"#;

pub struct Postgres {
    shell: Child,
    commands: Option<ChildStdin>,
    done: BufReader<ChildStdout>,
    port: u16,
}

impl Postgres {
    /// Returns the server that all tests of this binary share. If PostgreSQL is not installed,
    /// skips the test and returns `None`.
    pub fn shared() -> Option<&'static Self> {
        // Statics are not dropped. The end of the process closes the pipe.
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        SHARED
            .get_or_init(|| programs().map(|programs| Self::start_from(&programs)))
            .as_ref()
            .or_else(skipped)
    }

    /// Starts a separate server.
    pub fn start() -> Option<Self> {
        programs().map(|programs| Self::start_from(&programs)).or_else(skipped)
    }

    fn start_from(programs: &Path) -> Self {
        let port = free_port();
        let path = env::var_os("PATH").unwrap_or_default();
        let path = [programs.to_owned()].into_iter().chain(env::split_paths(&path));
        let mut shell = Command::new("/bin/sh")
            .args(["-c", NOT_AS_ROOT, SHELL])
            .env("PATH", env::join_paths(path).unwrap())
            .env("PORT", port.to_string())
            .env("LC_ALL", "C")
            // The user `postgres` may not look into this one.
            .current_dir(env::temp_dir())
            // Ctrl-C is for the tests; their end is for the shell.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let done = BufReader::new(shell.stdout.take().unwrap());
        let commands = shell.stdin.take();
        let mut server = Self { shell, commands, done, port };
        server.resume();
        server
    }

    /// Creates a database, and returns its URL.
    pub fn database(&self) -> String {
        self.database_with("")
    }

    /// Creates a database with options, and returns its URL.
    pub fn database_with(&self, options: &str) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        execute(&self.url("postgres"), &format!("CREATE DATABASE {name} {options}"));
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Stops the server immediately, like a crash.
    pub fn stop(&mut self) {
        self.send_command("stop\n");
    }

    /// Restarts the server on the same port.
    pub fn resume(&mut self) {
        self.send_command("start\n");
    }

    fn send_command(&mut self, command: &str) {
        let mut done = String::new();
        self.commands.as_mut().unwrap().write_all(command.as_bytes()).unwrap();
        self.done.read_line(&mut done).unwrap();
        assert_eq!(done, "done\n", "PostgreSQL failed to {command}; see stderr");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.commands = None;
        let _ = self.shell.wait();
    }
}

/// Returns the directory of `initdb`, `pg_ctl` and `postgres`: in PATH, with links resolved, or
/// that of the newest version that Debian has installed.
fn programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&path)
        .filter_map(|folder| Some(folder.join("initdb").canonicalize().ok()?.parent()?.to_owned()));
    let mut versions: Vec<u32> = Path::new("/usr/lib/postgresql")
        .read_dir()
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    let of_debian =
        versions.iter().map(|version| format!("/usr/lib/postgresql/{version}/bin").into());
    let complete = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).exists())
    };
    in_path.chain(of_debian).find(complete)
}

fn skipped<T>() -> Option<T> {
    skip("PostgreSQL is not installed");
    None
}

/// Returns a port below those that systems assign to outgoing connections, one of which could
/// otherwise get it while the server is down.
///
/// Servers that are started at the same time search from different ports, because a port is only
/// occupied once its server listens.
pub fn free_port() -> u16 {
    static SERVERS: AtomicU32 = AtomicU32::new(0);
    let first = 20_000 + std::process::id() % 10_000 + 16 * SERVERS.fetch_add(1, Ordering::Relaxed);
    (first..32_768)
        .filter_map(|port| u16::try_from(port).ok())
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .unwrap()
}
