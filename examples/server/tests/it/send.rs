//! `tawk-listener send`, as a process: what it sends, what it prints, and how it exits.

mod faults;
mod printing;
mod receiver;
mod settings;

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::process::Command;

use crate::support::{Directory, Finished, Listener, SECRET, payload, program, sign};
use receiver::{Receiver, Reserved};

const UNDER_SECRET: [(&str, &str); 1] = [("TAWK_WEBHOOK_SECRET", SECRET)];

/// Runs `send` under [`SECRET`].
fn send(arguments: &[&str]) -> Finished {
    shows_no_secret(crate::support::run(&[&["send"], arguments].concat(), &UNDER_SECRET))
}

/// The same, beside files of one's own.
fn send_in(directory: &Directory, arguments: &[&str]) -> Finished {
    finish(program(directory, &UNDER_SECRET).arg("send").args(arguments))
}

fn finish(program: &mut Command) -> Finished {
    let output = program.output().unwrap();
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    shows_no_secret(Finished { code: output.status.code(), stdout, stderr })
}

/// Whatever a test is about.
fn shows_no_secret(finished: Finished) -> Finished {
    assert!(!finished.output().contains(SECRET), "{finished:?}");
    finished
}

/// The first three columns of the table: file, event, status.
fn rows(sent: &Finished) -> Vec<[&str; 3]> {
    let lines = sent.stdout.lines().skip(1).take_while(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut columns = line.split("  ").filter(|column| !column.is_empty());
            std::array::from_fn(|_| columns.next().unwrap().trim())
        })
        .collect()
}

#[test]
fn every_payload_is_sent_verified_and_listed() {
    let listener = Listener::start(&[]);
    let sent = send(&["--url", &listener.url()]);
    let rows = rows(&sent);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert_eq!(rows.len(), 12);
    assert_eq!(rows[0], ["01-chat-start-prechat-form.json", "chat:start", "200"]);
    assert_eq!(rows[7], ["08-transcript.json", "chat:transcript_created", "200"]);
    assert_eq!(rows[11], ["12-ticket-create-by-visitor.json", "ticket:create", "200"]);
    assert!(sent.stdout.ends_with("\n12 deliveries, all answered 2xx"), "{sent:?}");
    assert_eq!(sent.stderr, "");
}

#[test]
fn a_delivery_is_what_tawk_to_sends() {
    let receiver = Receiver::start(&[200, 200]);
    let sent = send(&["--url", &receiver.url(), "11", "12"]);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    let received = receiver.received();
    for (delivery, file) in
        received.iter().zip(["11-ticket-create-by-agent", "12-ticket-create-by-visitor"])
    {
        assert_eq!(delivery.body, payload(file));
        assert_eq!(delivery.header("x-tawk-signature"), Some(&*sign(&payload(file))));
        assert_eq!(delivery.header("content-type"), Some("application/json"));
    }
    let ids: HashSet<_> =
        received.iter().map(|delivery| delivery.header("x-hook-event-id")).collect();
    assert_eq!(ids.len(), 2);
    assert!(!ids.contains(&None));
}

#[test]
fn an_event_id_that_is_given_is_the_one_that_is_sent() {
    let receiver = Receiver::start(&[200]);
    let sent = send(&["--url", &receiver.url(), "--event-id", "an-id", "08"]);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert_eq!(receiver.received()[0].header("x-hook-event-id"), Some("an-id"));
}

#[test]
fn files_of_ones_own_are_sent_byte_for_byte() {
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
fn a_delivery_that_is_refused_fails() {
    let listener = Listener::start(&[]);
    let sent = send(&["--url", &listener.url(), "--secret", "another", "06"]);
    assert_eq!(sent.code, Some(1), "{sent:?}");
    assert_eq!(rows(&sent)[0][2], "403");
    assert!(sent.stderr.contains("give the listener's secret"), "{sent:?}");
}

#[test]
fn a_listener_that_is_not_there_fails_the_delivery() {
    let reserved = Reserved::new();
    for fault in [&[][..], &["--fault", "truncated"]] {
        let sent = send(&[&["--url", &reserved.url(), "06"], fault].concat());
        assert_eq!(sent.code, Some(1), "{sent:?}");
        assert!(rows(&sent)[0][2].starts_with("no answer: connection refused"), "{sent:?}");
        assert!(sent.stderr.contains("start the listener"), "{sent:?}");
    }
}

#[test]
fn each_payload_is_sent_as_often_as_asked_for_side_by_side() {
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
    assert!(summary.starts_with("75 deliveries, all answered 2xx; "), "{summary}");
    assert!(summary.contains(" a second, "), "{summary}");
    // The progress bar is for terminals.
    assert_eq!(sent.stderr, "");

    let log = listener.stop().stdout;
    let event_ids: HashSet<_> =
        log.lines().filter_map(|line| line.split("event_id=").nth(1)).collect();
    assert_eq!(event_ids.len(), 75, "{log}");
}

#[test]
fn a_delivery_is_retried_unchanged_until_it_is_accepted() {
    let receiver = Receiver::start(&[500, 204]);
    let sent = send(&["--url", &receiver.url(), "--retry", "06"]);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert_eq!(sent.stderr, "06-chat-end.json: 500; again in 1 s");
    assert_eq!(rows(&sent)[0][2], "204 at attempt 2");
    let [first, again] = &receiver.received()[..] else { panic!("two deliveries") };
    assert_eq!(first.body, again.body);
    for header in ["x-hook-event-id", "x-tawk-signature"] {
        assert_eq!(first.header(header), again.header(header));
    }
}

#[test]
fn a_delivery_is_retried_while_nobody_listens() {
    let reserved = Reserved::new();
    let mut sender = program(&Directory::new(), &UNDER_SECRET)
        .args(["send", "--url", &reserved.url(), "--retry", "06"])
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(sender.stderr.take().unwrap()).lines();
    let line = stderr.next().unwrap().unwrap();
    assert_eq!(line, "06-chat-end.json: no answer: connection refused; again in 1 s");
    let receiver = Receiver::listen(reserved.listen(), &[200]);
    assert_eq!(sender.wait().unwrap().code(), Some(0));
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn over_tls_only_a_receiver_whose_certificate_is_trusted_gets_anything() {
    let (trusted, certificate) = Receiver::start_with_tls(&[200]);
    let (other, _) = Receiver::start_with_tls(&[200]);
    let directory = Directory::new();
    directory.write("trusted.pem", certificate);
    let send_to = |receiver: &Receiver| {
        let url = receiver.url().replace("http:", "https:");
        finish(
            program(&directory, &UNDER_SECRET)
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
fn a_reader_that_goes_away_changes_nothing() {
    let listener = Listener::start(&[]);
    for (arguments, code) in [
        (&["send", "--url", &listener.url()][..], 0),
        (&["send", "--url", &listener.url(), "--secret", "another"], 1),
        (&["send", "--print"], 0),
        (&["send", "nothing-like-it"], 2),
        (&["send", "--retry", "--url", &listener.url(), "--repeat", "2"], 0),
    ] {
        let mut sender = program(&Directory::new(), &UNDER_SECRET).args(arguments).spawn().unwrap();
        drop((sender.stdout.take(), sender.stderr.take()));
        assert_eq!(sender.wait().unwrap().code(), Some(code), "{arguments:?}");
    }
}
