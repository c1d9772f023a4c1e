//! A rejected upload: the client receives the response, also behind a proxy, although the body is
//! not read.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use crate::support::{Directory, Listener, TLS, certified, skip, until};

/// Beyond what sockets and proxies buffer.
const LENGTH: usize = 3 << 20;

/// Uploads until the status is known, each time over a new connection.
const UPLOADS: usize = 10;

/// Returns whether the programs are installed, or prints that the test is skipped.
fn has(programs: &[(&str, &str)]) -> bool {
    let is_missing =
        |(program, flag): &&(&str, &str)| Command::new(program).arg(flag).output().is_err();
    let Some((program, _)) = programs.iter().find(is_missing) else { return true };
    skip(&format!("{program} is not installed"));
    false
}

const CURL: (&str, &str) = ("curl", "--version");

/// Posts a body without a signature, and returns curl's exit status and the response's status.
fn upload(url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let directory = Directory::new();
    directory.write("body", vec![b'x'; LENGTH]);
    let output = Command::new("curl")
        .args([
            "-sS",
            "-k",
            "--http1.1",
            "--max-time",
            "60",
            "-o",
            "response",
            "-w",
            "%{http_code}",
        ])
        .args(["-X", "POST", "-H", "Expect:"])
        .args(arguments)
        .arg(url)
        .current_dir(directory.path())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

const LENGTH_IS_KNOWN: &[&str] = &["--data-binary", "@body"];
const CHUNKED: &[&str] = &["-T", "body", "-H", "Transfer-Encoding: chunked"];

fn assert_responses(url: &str) {
    for arguments in [LENGTH_IS_KNOWN, CHUNKED] {
        for _ in 0..UPLOADS {
            assert_eq!(upload(url, arguments), (Some(0), "403".to_owned()), "{url} {arguments:?}");
        }
    }
}

/// A proxy, and a directory for its files. Killed on drop.
struct Proxy {
    process: Child,
    address: SocketAddr,
    _directory: Directory,
}

impl Proxy {
    /// Starts a program whose arguments and file `config` contain `PORT`, the port to listen on.
    fn start(program: &str, arguments: &[&str], config: &str) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let directory = Directory::new();
        directory.write("config", config.replace("PORT", &address.port().to_string()));
        let process = Command::new(program)
            .args(arguments)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        until(|| TcpStream::connect(address).ok());
        Self { process, address, _directory: directory }
    }

    fn url(&self) -> String {
        format!("http://{}/tawk-webhook", self.address)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn curl_receives_the_rejection_of_a_large_upload() {
    if !has(&[CURL]) {
        return;
    }
    assert_responses(&Listener::start(&[]).url());
    let listener = Listener::start(&[("TAWK_ALLOWED_IPS", "192.0.2.7")]);
    assert_responses(&listener.url());
}

#[test]
fn curl_receives_the_rejection_of_a_large_upload_over_tls() {
    if !has(&[CURL]) {
        return;
    }
    let (directory, _) = certified();
    assert_responses(&Listener::start_in(directory, &[], &TLS).url());
}

/// Regression: a reset, so that the response is lost, if the client reads after it has sent all.
#[test]
fn a_client_that_reads_late_receives_the_rejection() {
    let listener = Listener::start(&[]);
    for _ in 0..UPLOADS {
        let mut connection = listener.connect();
        connection.begin(&[], LENGTH);
        connection.send(&vec![b'x'; LENGTH]);
        assert_eq!(connection.receive().status, 403);
    }
}

/// Regression: 502.
#[test]
fn nginx_forwards_the_rejection_of_a_large_upload() {
    if !has(&[CURL, ("nginx", "-v")]) {
        return;
    }
    let listener = Listener::start(&[]);
    for buffering in ["on", "off"] {
        let config = format!(
            "daemon off; master_process off; pid pid; error_log errors;
            events {{}}
            http {{
                access_log off; client_max_body_size 10m;
                client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
                uwsgi_temp_path uwsgi; scgi_temp_path scgi;
                server {{
                    listen 127.0.0.1:PORT;
                    location / {{
                        proxy_pass http://{};
                        proxy_http_version 1.1;
                        proxy_request_buffering {buffering};
                    }}
                }}
            }}",
            listener.address
        );
        let proxy = Proxy::start("nginx", &["-p", ".", "-c", "config", "-e", "errors"], &config);
        assert_responses(&proxy.url());
    }
}

/// Regression: 502.
#[test]
fn haproxy_forwards_the_rejection_of_a_large_upload() {
    if !has(&[CURL, ("haproxy", "-v")]) {
        return;
    }
    let listener = Listener::start(&[]);
    let config = format!(
        "defaults
            mode http
            timeout connect 10s
            timeout client 60s
            timeout server 60s
        frontend webhook
            bind 127.0.0.1:PORT
            default_backend listener
        backend listener
            server listener {}\n",
        listener.address
    );
    assert_responses(&Proxy::start("haproxy", &["-db", "-f", "config"], &config).url());
}
