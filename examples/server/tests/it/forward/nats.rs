//! `JetStream`, by a real `nats-server`, if that is installed.

use std::collections::HashSet;
use std::process::{Child, Command, Stdio};

use async_nats::jetstream::{self, stream::Config};
use standardwebhooks::Webhook;
use tokio::runtime::Runtime;

use super::sent::SECRET;
use crate::inbox::deliveries::delivery;
use crate::notify::outbox::outbox_when;
use crate::support::{Directory, Store, free_port, skip, until};

const SHELL: &str = "PATH=$PATH:/usr/sbin exec nats-server -js -a 127.0.0.1 -p $1 -sd . -l log";

struct Server {
    process: Child,
    port: u16,
    directory: Directory,
}

impl Server {
    fn start() -> Option<Self> {
        let installed = "PATH=$PATH:/usr/sbin command -v nats-server";
        let found = Command::new("/bin/sh").args(["-c", installed]).stdout(Stdio::null()).status();
        if !found.unwrap().success() {
            skip("nats-server is not installed");
            return None;
        }
        let (port, directory) = (free_port(), Directory::new());
        Some(Self { process: spawn(port, &directory), port, directory })
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    fn kill_and_restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = spawn(self.port, &self.directory);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(port: u16, directory: &Directory) -> Child {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SHELL, "sh", &port.to_string()]).current_dir(directory.path());
    command.stdin(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_stream_has_each_delivery_once_though_its_server_is_killed() {
    const COUNT: usize = 200;
    let Some(mut server) = Server::start() else { return };
    let runtime = Runtime::new().unwrap();
    let client = until(|| runtime.block_on(async_nats::connect(server.url())).ok());
    let config = Config {
        name: "tawk".to_owned(),
        subjects: vec!["tawk.>".to_owned()],
        ..Config::default()
    };
    let _guard = runtime.enter();
    let context = jetstream::new(client);
    let stream = runtime.block_on(context.create_stream(config)).unwrap();
    let store = Store::sqlite();
    let url = format!("{}/tawk.deliveries", server.url());
    let listener = store.listener_with(&[("FORWARD_URL", &url), ("FORWARD_SECRET", SECRET)]);
    for number in 0..COUNT {
        assert_eq!(listener.deliver(&delivery(number)).status, 200);
        if number == COUNT / 2 {
            server.kill_and_restart();
        }
    }
    outbox_when(&store, |rows| rows.len() == COUNT && rows.iter().all(|row| row.state == "sent"));
    let count = until(|| runtime.block_on(stream.get_info()).ok()).state.messages;
    assert_eq!(usize::try_from(count).unwrap(), COUNT, "one message for each delivery");

    let mut bodies = HashSet::new();
    for sequence in 1..=count {
        let message = runtime.block_on(stream.get_raw_message(sequence)).unwrap();
        let mut headers = http::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, message.headers.get(name).unwrap().as_str().parse().unwrap());
        }
        Webhook::new(SECRET).unwrap().verify(&message.payload, &headers).unwrap();
        let id = message.headers.get("Nats-Msg-Id").unwrap().as_str();
        assert_eq!(id, message.headers.get("webhook-id").unwrap().as_str());
        bodies.insert(message.payload.to_vec());
    }
    assert_eq!(bodies, (0..COUNT).map(delivery).collect());
}
