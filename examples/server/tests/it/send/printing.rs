//! `--print`: commands for curl, which do the same.

use std::process::{Command, Output};

use super::receiver::Receiver;
use super::{send, send_in};
use crate::support::{Directory, Listener};

fn has_curl() -> bool {
    let has_curl = Command::new("curl").arg("--version").output().is_ok();
    if !has_curl {
        eprintln!("skipped: curl is not installed");
    }
    has_curl
}

/// Runs commands as a file rather than an argument, which has a limit.
fn shell(commands: &str, directory: &Directory) -> Output {
    directory.write("commands", commands);
    Command::new("sh").arg("commands").current_dir(directory.path()).output().unwrap()
}

#[test]
fn a_printed_command_sends_the_same_request() {
    if !has_curl() {
        return;
    }
    for fault in [&[][..], &["--fault", "repeated"], &["--fault", "oversize"]] {
        let arguments = [&["--event-id", "it's-one", "09"], fault].concat();
        let (sender, curl) = (Receiver::start(&[200]), Receiver::start(&[200]));
        send(&[&["--url", &sender.url()], &arguments[..]].concat());
        let printed = send(&[&["--print", "--url", &curl.url()], &arguments[..]].concat());
        shell(&printed.stdout, &Directory::new());
        let (sent, received) = (&sender.received()[0], &curl.received()[0]);
        assert!(sent.body == received.body, "{fault:?}");
        for name in ["x-hook-event-id", "x-tawk-signature", "content-type", "expect"] {
            assert_eq!(sent.headers(name), received.headers(name), "{fault:?}");
        }
    }
}

#[test]
fn printed_commands_are_answered_as_the_sender_would_be() {
    if !has_curl() {
        return;
    }
    let listener = Listener::start(&[]);
    let url = listener.url();
    let directory = Directory::new();
    directory
        .write("bytes.json", (0..=255).collect::<Vec<u8>>())
        .write("at.json", "@bytes.json  ")
        .write("quoted.json", "{\"it's\": \"50%\\n\"}\n\n")
        .write("long.json", "x".repeat(300 * 1024));
    for (arguments, statuses) in [
        (&["--print"][..], &["200"; 12][..]),
        (&["--print", "bytes.json", "at.json", "quoted.json", "long.json"], &["200"; 4]),
        (&["--print", "06", "--fault", "missing"], &["403"]),
        (&["--print", "06", "--fault", "malformed"], &["403"]),
        (&["--print", "06", "--fault", "sha256"], &["403"]),
        (&["--print", "06", "--fault", "repeated"], &["403"]),
        (&["--print", "06", "--fault", "wrong-secret"], &["403"]),
        (&["--print", "06", "--fault", "altered"], &["403"]),
        (&["--print", "06", "--fault", "oversize"], &["413"]),
        (&["--print", "06", "--fault", "replay"], &["200", "200"]),
    ] {
        let printed = send_in(&directory, &[&["--url", &url], arguments].concat());
        assert_eq!(printed.code, Some(0), "{arguments:?}: {}", printed.stderr);
        let answers = String::from_utf8(shell(&printed.stdout, &directory).stdout).unwrap();
        let answered: Vec<_> = answers
            .lines()
            .filter_map(|line| line.rsplit_once(' '))
            .map(|(_, status)| status)
            .collect();
        assert_eq!(answered, statuses, "{arguments:?}");
    }
}

#[test]
fn a_fault_that_curl_cannot_express_is_not_printed() {
    for fault in ["truncated", "slow"] {
        let printed = send(&["--print", "--fault", fault]);
        assert_eq!(printed.code, Some(2), "{printed:?}");
        assert_eq!(printed.stdout, "");
        assert!(printed.stderr.contains("curl cannot"), "{printed:?}");
    }
}
