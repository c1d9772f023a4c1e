//! `--print`: commands for curl, which do the same.

use std::process::Command;

use super::support::{Directory, Listener};
use super::{send, send_in};

#[test]
fn printed_commands_send_the_same_when_pasted_into_a_shell() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: curl is not installed");
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
        directory.write("commands", &printed.stdout);
        let shell = Command::new("sh").arg("commands").current_dir(directory.path()).output();
        let answers = String::from_utf8(shell.unwrap().stdout).unwrap();
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
