//! The client: sends signed deliveries, one at a time on each connection.
//!
//! It uses blocking sockets and prepared bytes, so that it costs less CPU time than the servers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Instant;

use tower_tawk::Secret;
use tower_tawk::test_util::{encode, samples};
use tower_tawk_benches::{PATH, secret};

use crate::server::Server;
use crate::{Result, Sample};

const BODY_LEN: usize = 1024;

/// Numbers the deliveries, so that none is a duplicate.
#[derive(Default)]
pub(crate) struct Client {
    sent: usize,
}

impl Client {
    /// Sends `deliveries` on each connection.
    pub(crate) fn run(
        &mut self,
        server: &Server,
        connections: usize,
        deliveries: usize,
    ) -> Result<Sample> {
        let secret = secret();
        let mut prepared = vec![];
        for _ in 0..connections {
            let numbers = self.sent..self.sent + deliveries;
            self.sent = numbers.end;
            let requests: Vec<_> = numbers.map(|number| request(&secret, number)).collect();
            prepared.push((Connection::new(server.address)?, requests));
        }
        let (cpu_before, start) = (server.cpu_time(), Instant::now());
        thread::scope(|scope| {
            let threads: Vec<_> = prepared
                .iter_mut()
                .map(|(connection, requests)| scope.spawn(|| connection.send_all(requests)))
                .collect();
            threads.into_iter().try_for_each(|thread| thread.join().expect("client panicked"))
        })?;
        let elapsed = start.elapsed();
        let cpu_time = server.cpu_time().zip(cpu_before).map(|(after, before)| after - before);
        Ok(Sample { deliveries: connections * deliveries, elapsed, cpu_time })
    }
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    fn new(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    fn send_all(&mut self, requests: &[Vec<u8>]) -> Result<()> {
        for request in requests {
            self.0.get_mut().write_all(request)?;
            self.read_response()?;
        }
        Ok(())
    }

    /// Reads a whole response.
    ///
    /// # Errors
    ///
    /// Returns an error if the status is not 200.
    fn read_response(&mut self) -> Result<()> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head)? == 0 {
                return Err("the server closed the connection".into());
            }
        }
        if !head.starts_with("HTTP/1.1 200 ") {
            return Err(format!("unexpected response: {head}").into());
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse())
        });
        let mut body = vec![0; length.ok_or("Content-Length is missing")??];
        self.0.read_exact(&mut body)?;
        Ok(())
    }
}

/// Returns the bytes of a signed request with a ticket.
fn request(secret: &Secret, number: usize) -> Vec<u8> {
    let ticket = |message: &str| {
        encode(&samples::ticket("Ruth Abenov", &format!("Ticket {number}"), message))
    };
    let padding = BODY_LEN.saturating_sub(ticket("").len());
    let body = ticket(&"Two pairs. ".chars().cycle().take(padding).collect::<String>());
    let mut request = format!(
        "POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         X-Hook-Event-Id: {number:024x}\r\nX-Tawk-Signature: {}\r\nContent-Length: {}\r\n\r\n",
        secret.sign(&body),
        body.len(),
    )
    .into_bytes();
    request.extend_from_slice(&body);
    request
}
