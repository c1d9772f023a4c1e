//! `--print`: the curl commands send the same requests.

use std::process::{Command, Output};

use super::receiver::Receiver;
use super::{send, send_in};
use crate::support::{Directory, Listener, skip};

fn has_curl() -> bool {
    let has_curl = Command::new("curl").arg("--version").output().is_ok();
    if !has_curl {
        skip("curl is not installed");
    }
    has_curl
}

/// Runs commands from a file, because the length of an argument is limited.
fn shell(commands: &str, directory: &Directory) -> Output {
    directory.write("commands", commands);
    Command::new("sh").arg("commands").current_dir(directory.path()).output().unwrap()
}

#[test]
fn printed_command_sends_the_same_request() {
    if !has_curl() {
        return;
    }
    for fault in [&[][..], &["--fault", "multiple"], &["--fault", "empty"]] {
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
fn printed_commands_get_the_expected_responses() {
    if !has_curl() {
        return;
    }
    let listener = Listener::start(&[]);
    let url = listener.url();
    let directory = Directory::new();
    directory
        .write("at.json", "@commands  ")
        .write("quoted.json", "{\"it's\": \"50%\\n\"}\r\n\n")
        .write("long.json", "x".repeat(90 * 1024));
    for (arguments, statuses) in [
        (&["--print"][..], &["200"; 12][..]),
        (&["--print", "at.json", "quoted.json", "long.json"], &["200"; 3]),
        (&["--print", "06", "--fault", "missing"], &["403"]),
        (&["--print", "06", "--fault", "empty"], &["403"]),
        (&["--print", "06", "--fault", "prefixed"], &["403"]),
        (&["--print", "06", "--fault", "multiple"], &["403"]),
        (&["--print", "06", "--fault", "wrong-secret"], &["403"]),
        (&["--print", "06", "--fault", "altered"], &["403"]),
        (&["--print", "06", "--fault", "duplicate"], &["200", "200"]),
    ] {
        let printed = send_in(&directory, &[&["--url", &url], arguments].concat());
        assert_eq!(printed.code, Some(0), "{arguments:?}: {}", printed.stderr);
        let output = String::from_utf8(shell(&printed.stdout, &directory).stdout).unwrap();
        let received: Vec<_> = output
            .lines()
            .filter_map(|line| line.rsplit_once(' '))
            .map(|(_, status)| status)
            .collect();
        assert_eq!(received, statuses, "{arguments:?}");
    }
}

#[test]
fn rejects_faults_and_bodies_that_curl_cannot_send() {
    let directory = Directory::new();
    directory.write("binary", b"a\0b").write("long", "x".repeat(200 * 1024));
    for (arguments, error) in [
        (&["--fault", "truncated"][..], "curl cannot send this fault"),
        (&["--fault", "slow"], "curl cannot send this fault"),
        (&["--fault", "oversize"], "curl cannot send this fault"),
        (&["binary"], "binary is binary or longer than 100 KiB"),
        (&["long"], "long is binary or longer than 100 KiB"),
    ] {
        let printed = send_in(&directory, &[&["--print"], arguments].concat());
        assert_eq!(printed.code, Some(2), "{printed:?}");
        assert_eq!(printed.stdout, "");
        assert!(printed.stderr.contains(error), "{printed:?}");
        assert!(printed.stderr.contains("omit --print"), "{printed:?}");
    }
}
