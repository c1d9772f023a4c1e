//! A mail server that accepts mail, or responds to one command as scripted, and records all.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A command, or `.` for the end of a mail, and the response to it.
pub(crate) type Scripted = (&'static str, &'static str);

pub(crate) const ACCEPT: Scripted = ("", "");

/// Listens until the test process ends.
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    sessions: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    /// Uses one script after the other, each for a connection, and repeats the last one.
    pub(crate) fn start(scripts: impl Into<Vec<Scripted>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sessions, scripts) = (Arc::<Mutex<Vec<_>>>::default(), scripts.into());
        let seen = sessions.clone();
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                seen.lock().unwrap().push(String::new());
                let script = *scripts.get(number).or(scripts.last()).unwrap();
                let record = |line: &str| seen.lock().unwrap()[number].push_str(line);
                // The client may disconnect at any time.
                let _ = serve(stream.unwrap(), script, record);
            }
        });
        Self { address, sessions }
    }

    /// Returns what each connection received.
    pub(crate) fn sessions(&self) -> Vec<String> {
        self.sessions.lock().unwrap().clone()
    }
}

fn serve(
    stream: TcpStream,
    (scripted, scripted_reply): Scripted,
    record: impl Fn(&str),
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream);
    let mut command = "greeting".to_owned();
    loop {
        let reply = match &*command {
            command if command == scripted => scripted_reply,
            "greeting" => "220 mail.example.com ESMTP",
            "EHLO" => "250-mail.example.com\r\n250 AUTH PLAIN",
            "AUTH" => "235 accepted",
            "DATA" => "354 end with a dot",
            "QUIT" => "221 closing",
            _ => "250 accepted",
        };
        write!(lines.get_mut(), "{reply}\r\n")?;
        let is_mail = reply.starts_with("354");
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line)? == 0 {
                return Ok(());
            }
            record(&line);
            command = line.split_whitespace().next().unwrap_or_default().to_owned();
            if !is_mail || line == ".\r\n" {
                break;
            }
        }
    }
}
