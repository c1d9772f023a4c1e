//! A client of one HTTP/1.1 connection that can misbehave at will: it sends what it is told.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::process::WATCHDOG;

pub struct Connection(BufReader<TcpStream>);

/// An answer, its body read to the declared end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Status line and headers, header names in lower case.
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

    /// Posts a body to `/tawk-webhook`, its length declared.
    pub fn post(&mut self, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_post(headers, body).unwrap()
    }

    /// The same with a listener that may end at any moment.
    pub fn try_post(&mut self, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
        self.0.get_mut().write_all(head(headers, body.len()).as_bytes())?;
        self.0.get_mut().write_all(body)?;
        self.try_receive()
    }

    /// Sends the head of a POST to `/tawk-webhook` that declares `length` bytes.
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

    /// Ends our half: there is no more to come.
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
                let error = format!("it hung up: {head:?}");
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

    /// Reads so many bytes.
    pub fn read<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Reads until the other side ends the connection, whatever it still says.
    pub fn read_to_end(&mut self) {
        match self.0.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }

    /// Whether the other side ends the connection, with nothing more said.
    pub fn is_ended(&mut self) -> bool {
        match self.0.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

/// The head of a POST to `/tawk-webhook` that declares `length` bytes.
fn head(headers: &[(&str, &str)], length: usize) -> String {
    let mut head = format!(
        "POST /tawk-webhook HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n"
    );
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head + "\r\n"
}
