//! `tawk-listener send`: what it sends, what it prints, and its exit status.

mod faults;
mod print;
mod receiver;
mod settings;

use std::collections::HashSet;
use std::process::Command;

use crate::support::{Directory, Finished, Listener, Reserved, SECRET, payload, program, sign};
use receiver::Receiver;

const ENVIRONMENT: [(&str, &str); 1] = [("TAWK_WEBHOOK_SECRET", SECRET)];

/// Runs `send` with [`SECRET`].
fn send(arguments: &[&str]) -> Finished {
    send_in(&Directory::new(), arguments)
}

fn send_in(directory: &Directory, arguments: &[&str]) -> Finished {
    finish(program(directory, &ENVIRONMENT).arg("send").args(arguments))
}

/// Runs the program, and checks that its output does not contain the secret.
fn finish(program: &mut Command) -> Finished {
    let output = program.output().unwrap();
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    let finished = Finished { code: output.status.code(), stdout, stderr };
    assert!(!finished.output().contains(SECRET), "{finished:?}");
    finished
}

/// Returns the columns of the table: file, event, status.
fn rows(sent: &Finished) -> Vec<[&str; 3]> {
    let lines = sent.stdout.lines().skip(1).take_while(|line| !line.is_empty());
    lines
        .map(|line| {
            let columns: Vec<_> = line.split("  ").filter(|column| !column.is_empty()).collect();
            let [file, event, status] = columns[..] else { panic!("{line:?}") };
            [file, event, status].map(str::trim)
        })
        .collect()
}

#[test]
fn sends_and_lists_every_example() {
    let listener = Listener::start(&[]);
    let sent = send(&["--url", &listener.url()]);
    let rows = rows(&sent);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert_eq!(rows.len(), 12);
    assert_eq!(rows[0], ["01-chat-start-prechat-form.json", "chat:start", "200"]);
    assert_eq!(rows[7], ["08-transcript.json", "chat:transcript_created", "200"]);
    assert_eq!(rows[11], ["12-ticket-create-by-visitor.json", "ticket:create", "200"]);
    let summary = sent.stdout.lines().last().unwrap();
    assert!(summary.starts_with("12 deliveries in "), "{summary}");
    assert!(summary.ends_with(" per second, all as expected"), "{summary}");
    assert_eq!(sent.stderr, "");
}

#[test]
fn sends_the_body_and_headers_that_tawk_to_sends() {
    let receiver = Receiver::start(&[200, 200]);
    let sent = send(&["--url", &receiver.url(), "11", "12"]);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    let received = receiver.received();
    for (request, file) in
        received.iter().zip(["11-ticket-create-by-agent", "12-ticket-create-by-visitor"])
    {
        assert_eq!(request.body, payload(file));
        assert_eq!(request.header("x-tawk-signature"), Some(&*sign(&payload(file))));
        assert_eq!(request.header("content-type"), Some("application/json"));
    }
    let ids: HashSet<_> =
        received.iter().map(|request| request.header("x-hook-event-id")).collect();
    assert_eq!(ids.len(), 2);
    assert!(!ids.contains(&None));
}

#[test]
fn sends_the_given_event_id() {
    let receiver = Receiver::start(&[200]);
    let sent = send(&["--url", &receiver.url(), "--event-id", "an-id", "08"]);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert_eq!(receiver.received()[0].header("x-hook-event-id"), Some("an-id"));
}

#[test]
fn sends_files_byte_for_byte() {
    let body = b"\xef\xbb\xbf{ \"event\" : \"chat:end\" }\n\xff\0";
    let directory = Directory::new();
    directory.write("mine.json", body).write("event.json", br#"{"event":"a:b"}"#);
    let receiver = Receiver::start(&[200; 4]);
    let url = receiver.url();
    let sent = send_in(&directory, &["--url", &url, "mine.json", "event.json", "ticket"]);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    let rows = rows(&sent);
    assert_eq!(rows[..2], [["mine.json", "-", "200"], ["event.json", "a:b", "200"]]);
    assert_eq!(rows.len(), 4);
    let received = receiver.received();
    assert_eq!(received[0].body, body);
    assert_eq!(received[0].header("x-tawk-signature"), Some(&*sign(body)));
}

#[test]
fn fails_if_a_delivery_is_rejected() {
    let listener = Listener::start(&[]);
    let sent = send(&["--url", &listener.url(), "--secret", "another", "06"]);
    assert_eq!(sent.code, Some(1), "{sent:?}");
    assert_eq!(rows(&sent)[0][2], "403");
    assert!(sent.stdout.ends_with("1 not as expected\n"), "{sent:?}");
    assert!(sent.stderr.contains("set TAWK_WEBHOOK_SECRET"), "{sent:?}");
}

#[test]
fn fails_if_the_connection_is_refused() {
    let reserved = Reserved::new();
    let url = format!("http://{}/", reserved.address());
    for fault in [&[][..], &["--fault", "truncated"]] {
        let sent = send(&[&["--url", &url, "06"], fault].concat());
        assert_eq!(sent.code, Some(1), "{sent:?}");
        assert!(rows(&sent)[0][2].starts_with("no response: Connection refused"), "{sent:?}");
        assert!(sent.stderr.contains("start the listener"), "{sent:?}");
        assert!(!sent.output().contains(&url), "{sent:?}");
    }
}

#[test]
fn does_not_follow_redirects() {
    let receiver = Receiver::start(&[307]);
    let sent = send(&["--url", &receiver.url(), "06"]);
    assert_eq!(sent.code, Some(1), "{sent:?}");
    assert_eq!(rows(&sent)[0][2], "307");
}

#[test]
fn repeats_every_payload_with_concurrency() {
    let listener = Listener::start(&[("TAWK_LOG", "summary")]);
    let url = listener.url();
    let sent = send(&["--url", &url, "--repeat", "25", "--concurrency", "4", "chat:end", "08"]);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert_eq!(
        rows(&sent),
        [
            ["06-chat-end.json", "chat:end", "25 × 200"],
            ["07-chat-end-anonymous.json", "chat:end", "25 × 200"],
            ["08-transcript.json", "chat:transcript_created", "25 × 200"],
        ]
    );
    let summary = sent.stdout.lines().last().unwrap();
    assert!(summary.starts_with("75 deliveries in "), "{summary}");
    assert!(summary.ends_with(" per second, all as expected"), "{summary}");
    assert_eq!(sent.stderr, "");

    let log = listener.stop().stdout;
    let event_ids: HashSet<_> =
        log.lines().filter_map(|line| line.split("event_id=").nth(1)).collect();
    assert_eq!(event_ids.len(), 75, "{log}");
}

#[test]
fn sends_over_tls_only_if_the_certificate_is_trusted() {
    let (trusted, certificate) = Receiver::start_with_tls(&[200]);
    let (other, _) = Receiver::start_with_tls(&[200]);
    let directory = Directory::new();
    directory.write("trusted.pem", certificate);
    let send_to = |receiver: &Receiver| {
        let url = receiver.url().replace("http:", "https:");
        finish(
            program(&directory, &ENVIRONMENT)
                .env("SSL_CERT_FILE", "trusted.pem")
                .args(["send", "--url", &url, "08"]),
        )
    };
    let sent = send_to(&trusted);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert_eq!(trusted.received()[0].body, payload("08-transcript"));

    let sent = send_to(&other);
    assert_eq!(sent.code, Some(1), "{sent:?}");
    assert!(sent.stdout.contains("certificate"), "{sent:?}");
}

#[test]
fn ignores_proxies() {
    let receiver = Receiver::start(&[200]);
    let proxy = format!("http://{}", Reserved::new().address());
    let sent = finish(program(&Directory::new(), &ENVIRONMENT).env("http_proxy", &proxy).args([
        "send",
        "--url",
        &receiver.url(),
        "06",
    ]));
    assert_eq!(sent.code, Some(0), "{sent:?}");
}

#[test]
fn exit_status_does_not_depend_on_closed_output() {
    let listener = Listener::start(&[]);
    for (arguments, code) in [
        (&["send", "--url", &listener.url()][..], 0),
        (&["send", "--url", &listener.url(), "--secret", "another"], 1),
        (&["send", "--print"], 0),
        (&["send", "unknown"], 2),
        (&["send", "--url", &listener.url(), "--repeat", "2"], 0),
    ] {
        let mut sender = program(&Directory::new(), &ENVIRONMENT).args(arguments).spawn().unwrap();
        drop((sender.stdout.take(), sender.stderr.take()));
        assert_eq!(sender.wait().unwrap().code(), Some(code), "{arguments:?}");
    }
}
