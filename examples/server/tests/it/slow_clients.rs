//! Clients that are silent or slow, and that reconnect when they are disconnected: deliveries of
//! others are accepted.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};

use crate::support::{
    Connection, Directory, Listener, METRICS, SECRET, metrics, payload, sign, until,
};

const OTHER_LOOPBACK: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A log without a record for each request.
const QUIET: (&str, &str) = ("RUST_LOG", "warn,tawk_listener::server=info");

/// Generous, since the machine may be slow. The test prints how long it took.
const MAX_RESPONSE_TIME: Duration = Duration::from_secs(10);

/// A runtime for clients, of which only one test has many at a time.
fn runtime() -> (MutexGuard<'static, ()>, Runtime) {
    static ONE: Mutex<()> = Mutex::new(());

    let guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    // One for the test, one for the listener, and one for each connection.
    rlimit::increase_nofile_limit(16 * 1024).unwrap();
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    (guard, runtime.unwrap())
}

/// Sends `head` and then a byte every half second if it `drips`, and reconnects, without end.
async fn reconnect(source: Ipv4Addr, address: SocketAddr, head: String, drips: bool) {
    loop {
        // Connections are closed or reset.
        let _ = attack(source, address, &head, drips).await;
        sleep(Duration::from_secs(1)).await;
    }
}

/// Opens a connection that is reset when it is closed, so that its port can be used again.
async fn connect(source: Ipv4Addr, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_zero_linger()?;
    socket.bind((source, 0).into())?;
    socket.connect(address).await
}

async fn attack(source: Ipv4Addr, address: SocketAddr, head: &str, drips: bool) -> io::Result<()> {
    let mut stream = connect(source, address).await?;
    stream.write_all(head.as_bytes()).await?;
    let pause = if drips { Duration::from_millis(500) } else { Duration::MAX };
    loop {
        match timeout(pause, stream.read(&mut [0; 1024])).await {
            Err(_) => stream.write_all(b"x").await?,
            Ok(Ok(1..)) => {}
            Ok(_) => return Ok(()),
        }
    }
}

/// The head of a delivery whose body does not arrive.
fn head(signature: Option<&str>) -> String {
    let signature = signature.map(|signature| format!("X-Tawk-Signature: {signature}\r\n"));
    let signature = signature.unwrap_or_default();
    format!("POST /tawk-webhook HTTP/1.1\r\nHost: x\r\n{signature}Content-Length: 1000\r\n\r\n")
}

/// Sends a delivery at 40 KiB a second, and returns the status.
async fn deliver_slowly(address: SocketAddr, number: usize) -> u16 {
    let body =
        format!("{{\"event\":\"slow\",\"number\":{number},\"pad\":\"{}\"}}", "x".repeat(80_000));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /tawk-webhook HTTP/1.1\r\nHost: x\r\nX-Tawk-Signature: {}\r\n\
         Content-Length: {}\r\n\r\n",
        sign(body.as_bytes()),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for chunk in body.as_bytes().chunks(2048) {
        stream.write_all(chunk).await.unwrap();
        sleep(Duration::from_millis(50)).await;
    }
    let mut response = [0; 12];
    stream.read_exact(&mut response).await.unwrap();
    str::from_utf8(&response[9..]).unwrap().parse().unwrap()
}

fn deliver(listener: &Listener, number: usize) -> Duration {
    let start = Instant::now();
    let body = format!("{{\"event\":\"honest\",\"number\":{number}}}");
    assert_eq!(listener.deliver(body.as_bytes()).status, 200);
    let elapsed = start.elapsed();
    assert!(elapsed < MAX_RESPONSE_TIME, "{elapsed:?}");
    elapsed
}

fn sample(listener: &Listener, name: &str) -> usize {
    let metrics = metrics(listener);
    let (_, rest) = metrics.split_once(&format!("\n{name} ")).unwrap();
    rest.lines().next().unwrap().parse().unwrap()
}

/// The maximum resident memory in KiB.
fn peak_memory(listener: &Listener) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", listener.process_id())).unwrap();
    let (_, rest) = status.split_once("VmHWM:").unwrap();
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn deliveries_are_accepted_while_slow_clients_hold_every_permit_and_connection() {
    let (_guard, runtime) = runtime();
    let listener = Listener::start(&[METRICS, ("TAWK_LOG", "summary"), QUIET]);
    let body = payload("06-chat-end");
    let signature = sign(&body);
    let mut proxy = listener.connect();
    assert_eq!(proxy.post(&[("X-Tawk-Signature", &signature)], &body).status, 200);

    let (address, source) = (listener.address, Ipv4Addr::LOCALHOST);
    for signature in [Some(&*signature), None] {
        for drips in [false, true] {
            for _ in 0..192 {
                runtime.spawn(reconnect(source, address, head(signature), drips));
            }
        }
    }
    for _ in 0..4096 {
        runtime.spawn(reconnect(source, address, String::new(), false));
    }
    listener.line("TAWK_MAX_CONCURRENT is reached");
    listener.line("too many connections");

    let slow = runtime.spawn(async move {
        for number in 0..3 {
            assert_eq!(deliver_slowly(address, number).await, 200);
        }
    });
    let (mut number, mut slowest) = (0, Duration::ZERO);
    while number < 30 || !slow.is_finished() {
        number += 1;
        slowest = slowest.max(deliver(&listener, number));
    }
    println!("the slowest of {number} deliveries took {slowest:?}");
    runtime.block_on(slow).unwrap();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(listener.connect().request("GET", path).status, 200);
    }
    let answer = proxy.post(&[("X-Tawk-Signature", &signature)], &body);
    assert_eq!(answer.status, 200, "connections of a proxy that has delivered stay open");

    let max = 4096 + 64;
    assert!(sample(&listener, "tawk_connections") <= max);
    assert!(sample(&listener, "tawk_deliveries_in_flight") <= 256);
    assert!(sample(&listener, "tawk_evicted_connections_total") > 0);
    assert!(peak_memory(&listener) < 256 << 10, "{} KiB", peak_memory(&listener));
    assert_eq!(listener.stop().code, Some(0));
}

#[test]
fn a_low_limit_of_file_descriptors_is_enough() {
    let (_guard, runtime) = runtime();
    let settings = [("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "0"), QUIET];
    let settings = [&settings[..], &[("TAWK_LOG", "summary")]].concat();
    let command = "ulimit -n 128";
    let listener = Listener::start_after(command, Directory::new(), &settings);
    for signature in [Some(sign(b"{}")), None] {
        for _ in 0..64 {
            let head = head(signature.as_deref());
            runtime.spawn(reconnect(Ipv4Addr::LOCALHOST, listener.address, head, false));
        }
    }
    listener.line("too many connections");
    for number in 0..20 {
        deliver(&listener, number);
    }
}

/// Peers that are not in the allow-list have few connections, and none of the others'.
#[test]
fn clients_that_are_not_allowed_do_not_keep_others_out() {
    let (_guard, runtime) = runtime();
    let settings = [("TAWK_ALLOWED_IPS", "127.0.0.1"), METRICS, ("TAWK_LOG", "summary")];
    let listener = Listener::start(&settings);
    let mut idle = listener.connect();
    for _ in 0..512 {
        let health_check = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".to_owned();
        runtime.spawn(reconnect(OTHER_LOOPBACK, listener.address, health_check, false));
    }
    listener.line("too many connections");
    until(|| (sample(&listener, "tawk_connections") > 250).then_some(()));
    assert!(sample(&listener, "tawk_connections") < 300);
    for number in 0..20 {
        deliver(&listener, number);
    }
    assert_eq!(idle.request("GET", "/healthz").status, 200);

    runtime.block_on(async {
        let mut stream = connect(OTHER_LOOPBACK, listener.address).await.unwrap();
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut response = [0; 12];
        stream.read_exact(&mut response).await.unwrap();
        assert_eq!(&response, b"HTTP/1.1 200");
    });
}

#[test]
fn requests_that_hold_a_permit_do_not_keep_others_out_of_the_connections() {
    let settings = [("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "0")];
    let settings = [&settings[..], &[("TAWK_MAX_CONCURRENT", "100000")]].concat();
    let listener = Listener::start_after("ulimit -n 128", Directory::new(), &settings);
    let head = head(Some(&sign(b"{}")));
    let _connections: Vec<_> = (0..200)
        .map(|_| {
            let mut connection = Connection::open(listener.address);
            connection.send(head.as_bytes());
            connection
        })
        .collect();
    for number in 0..20 {
        deliver(&listener, number);
    }
}
