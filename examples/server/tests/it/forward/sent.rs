//! What arrives at the addresses.

use std::collections::HashSet;

use http::{HeaderMap, HeaderName, HeaderValue};
use standardwebhooks::Webhook;

use crate::notify::outbox::outbox_when;
use crate::notify::receiver::{Received, Receiver, status, unavailable};
use crate::support::{Store, payload, payloads, sign};

pub(super) const SECRET: &str = "whsec_aW52ZW50ZWQtaW52ZW50ZWQtaW52ZW50ZWQ=";
const OLD_SECRET: &str = "whsec_b3RoZXJfb3RoZXJfb3RoZXJfb3RoZXJfb3RoZXI=";

pub(super) fn headers(received: &Received) -> HeaderMap {
    let lines = received.head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let parse = |(name, value): (&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
    };
    lines.map(parse).collect()
}

fn assert_signed(received: &Received, secret: &str) {
    let webhook = Webhook::new(secret).unwrap();
    webhook.verify(&received.bytes, &headers(received)).unwrap();
}

pub(super) fn id(received: &Received) -> &str {
    received.header("webhook-id")
}

pub(crate) fn every_delivery_is_forwarded_to_every_address_as_it_arrived(store: &Store) {
    let receivers = [(); 2].map(|()| Receiver::start([status("204 No Content")]));
    let urls = receivers.each_ref().map(Receiver::url).join(" ");
    let secrets = [SECRET, OLD_SECRET].join(",");
    let listener = store.listener_with(&[("FORWARD_URL", &urls), ("FORWARD_SECRET", &secrets)]);
    let mut bodies = payloads();
    bodies.extend(
        [&b"{\"event\":\"chat:new\",  \"n\":1.0}"[..], b"no JSON \xff"].map(<[u8]>::to_vec),
    );
    for body in bodies.iter().chain(&bodies) {
        assert_eq!(listener.deliver(body).status, 200);
    }
    for receiver in &receivers {
        let received = receiver.wait_for(bodies.len());
        let distinct: HashSet<_> = received.iter().map(id).collect();
        assert_eq!(distinct.len(), bodies.len(), "one id for each delivery");
        let bytes: HashSet<_> = received.iter().map(|received| &*received.bytes).collect();
        assert_eq!(bytes, bodies.iter().map(|body| &**body).collect());
        for received in received.iter().filter(|received| str::from_utf8(&received.bytes).is_ok()) {
            assert_signed(received, SECRET);
            assert_signed(received, OLD_SECRET);
            let event = received.body["event"].as_str();
            let header = headers(received).get("x-tawk-event").cloned();
            assert_eq!(header, event.map(|event| event.parse().unwrap()));
        }
    }
    assert_eq!(listener.stop().code, Some(0));
    assert_eq!(receivers[0].received().len(), bodies.len(), "a duplicate is not forwarded");
}

pub(crate) fn filters_select_events_and_properties(store: &Store) {
    let [tickets, other, all] = [(); 3].map(|()| Receiver::start([status("200 OK")]));
    let ticket = payload("12-ticket-create-by-visitor");
    let urls = format!(
        "{}#event=ticket:create,{}#property=invented {}",
        tickets.url(),
        other.url(),
        all.url()
    );
    let listener = store.listener_with(&[("FORWARD_URL", &urls), ("FORWARD_SECRET", SECRET)]);
    for body in [&payload("06-chat-end"), &ticket] {
        assert_eq!(listener.deliver(body).status, 200);
    }
    all.wait_for(2);
    assert_eq!(tickets.wait_for(1)[0].bytes, ticket);
    outbox_when(store, |rows| rows.iter().all(|row| row.state == "sent"));
    assert_eq!((tickets.received().len(), other.received().len()), (1, 0));
}

pub(crate) fn a_failed_attempt_is_repeated_with_the_same_id_and_gone_is_not(store: &Store) {
    let fails_once = Receiver::start([status("500 Internal Server Error"), status("200 OK")]);
    let gone = Receiver::start([status("410 Gone")]);
    let paused = Receiver::start([unavailable()]);
    let urls = [&fails_once, &gone, &paused].map(Receiver::url).join("\n");
    let listener = store.listener_with(&[("FORWARD_URL", &urls), ("FORWARD_SECRET", SECRET)]);
    assert_eq!(listener.deliver(&payload("06-chat-end")).status, 200);
    let [first, second] = &fails_once.wait_for(2)[..] else { panic!("two attempts") };
    assert_eq!((id(first), &first.bytes), (id(second), &second.bytes));
    let rows =
        outbox_when(store, |rows| rows.iter().filter(|row| row.state == "waiting").count() == 1);
    assert_eq!(rows.iter().filter(|row| row.state == "failed").count(), 1);
    assert_eq!((gone.received().len(), paused.received().len()), (1, 1));
}

pub(crate) fn the_signature_of_tawk_to_is_forwarded_only_if_it_is_asked_for(store: &Store) {
    let [without, with] = [(); 2].map(|()| Receiver::start([status("200 OK")]));
    let urls = format!("{} {}#tawk-signature", without.url(), with.url());
    let listener = store.listener_with(&[("FORWARD_URL", &urls), ("FORWARD_SECRET", SECRET)]);
    let body = payload("06-chat-end");
    assert_eq!(listener.deliver(&body).status, 200);
    assert_eq!(with.wait_for(1)[0].header("x-tawk-signature"), sign(&body));
    assert!(!without.wait_for(1)[0].head.contains(&sign(&body)));
}
