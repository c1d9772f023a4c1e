//! The official Standard Webhooks library for Python (<https://pypi.org/project/standardwebhooks>)
//! verifies what is forwarded.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Map, Value};

use super::sent::{SECRET, headers};
use crate::notify::receiver::{Received, Receiver, status};
use crate::support::{Store, payload, skip};

/// Exits with 0 if the body from stdin is verified, and with 3 if its signature is wrong.
const VERIFY: &str = "
import json, sys
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
try:
    Webhook(sys.argv[1]).verify(sys.stdin.buffer.read(), json.loads(sys.argv[2]))
except WebhookVerificationError:
    sys.exit(3)
";

fn verify(received: &Received, body: &[u8]) -> Option<i32> {
    let headers = headers(received);
    let headers = headers
        .iter()
        .map(|(name, value)| (name.to_string(), Value::from(value.to_str().unwrap())));
    let headers = Value::from(headers.collect::<Map<_, _>>()).to_string();
    let mut python = Command::new("python3")
        .args(["-c", VERIFY, SECRET, &headers])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(body).unwrap();
    python.wait().unwrap().code()
}

#[test]
fn the_python_library_verifies_forwarded_deliveries_and_rejects_altered_ones() {
    let import = Command::new("python3").args(["-c", "import standardwebhooks"]).output();
    if !import.is_ok_and(|output| output.status.success()) {
        return skip("the Python package standardwebhooks is not installed");
    }
    let store = Store::sqlite();
    let receiver = Receiver::start([status("200 OK")]);
    let settings = [("FORWARD_URL", &*receiver.url()), ("FORWARD_SECRET", SECRET)];
    let listener = store.listener_with(&settings);
    let body = payload("09-transcript-attachments");
    assert_eq!(listener.deliver(&body).status, 200);
    let received = &receiver.wait_for(1)[0];
    assert_eq!(verify(received, &received.bytes), Some(0));
    let altered = [&body[..], b" "].concat();
    assert_eq!(verify(received, &altered), Some(3));
    listener.stop();
}
