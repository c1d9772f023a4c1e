//! An HTTP/1.1 client that can also send incomplete and invalid requests.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::process::WATCHDOG;

const PATH: &str = "/tawk-webhook";

/// A connection that sends requests one after the other.
pub struct Connection(BufReader<TcpStream>);

/// A response with its body.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// Status line and headers in lower case.
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// Posts a body to `/tawk-webhook`.
    pub fn post(&mut self, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_post(headers, body).unwrap()
    }

    /// Posts a body to another path.
    pub fn post_to(&mut self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let head = head(headers, body.len()).replacen(PATH, path, 1);
        self.send(head.as_bytes());
        self.send(body);
        self.receive()
    }

    /// Posts a body to a listener that may be killed at any time.
    pub fn try_post(&mut self, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
        self.0.get_mut().write_all(head(headers, body.len()).as_bytes())?;
        self.0.get_mut().write_all(body)?;
        self.try_receive()
    }

    /// Sends the head of a POST to `/tawk-webhook` with this `Content-Length`.
    pub fn begin(&mut self, headers: &[(&str, &str)], length: usize) {
        self.send(head(headers, length).as_bytes());
    }

    /// Sends a request without a body.
    pub fn request(&mut self, method: &str, path: &str) -> Answer {
        self.send(format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes());
        self.receive()
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// Closes the sending half.
    pub fn end(&mut self) {
        self.0.get_mut().shutdown(Shutdown::Write).unwrap();
    }

    pub fn receive(&mut self) -> Answer {
        self.try_receive().unwrap()
    }

    fn try_receive(&mut self) -> io::Result<Answer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head)? == 0 {
                let error = format!("connection closed: {head:?}");
                return Err(io::Error::new(ErrorKind::UnexpectedEof, error));
            }
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head: head.to_lowercase(), body: String::new() };
        let length = answer.header("content-length").unwrap_or("0").parse().unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        answer.body = String::from_utf8(body).unwrap();
        Ok(answer)
    }

    /// Reads exactly `N` bytes.
    pub fn read<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Reads until the connection is closed or reset.
    pub fn read_to_end(&mut self) {
        match self.0.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }

    /// Waits for more bytes or the end, and returns whether the connection was closed or reset.
    pub fn is_ended(&mut self) -> bool {
        match self.0.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

/// Formats the head of a POST to `/tawk-webhook`.
fn head(headers: &[(&str, &str)], length: usize) -> String {
    let mut head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n"
    );
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head + "\r\n"
}
