//! The feature `test-util`: signed requests, faults and sample events.

use std::collections::HashSet;
use std::panic::catch_unwind;

use crate::support::response::{TestResponse, send};
use crate::support::{enforce, observe, secret};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use tower_tawk::event::{Event, EventErrorKind, MessageKind, Role};
use tower_tawk::test_util::{Fault, SignedRequest, encode, samples, signed_request};
use tower_tawk::{InvalidSignature, Reason, Rejection, Verdict};

const MESSAGES: [(Role, &str); 3] =
    [(Role::System, "Welcome!"), (Role::Visitor, "In stock in 44?"), (Role::Agent, "Two pairs.")];

fn all_samples() -> [Event; 6] {
    [
        samples::chat_start("Nadia Okafor-Lind", "Name : Nadia\r\nPhone : 5550142087"),
        samples::chat_end("Nadia Okafor-Lind"),
        samples::transcript("Nadia \"N\" \u{1f44b}", &MESSAGES),
        samples::transcript("", &[(Role::Visitor, ""), (Role::Other("b".to_owned()), "A bot.")]),
        samples::ticket("Ruth Abenov", "Call back", "After 4 pm,\n\n<b>please</b>."),
        samples::unknown("chat:rated"),
    ]
}

async fn enforced(request: Request<Full<Bytes>>) -> TestResponse {
    send(enforce(), request).await
}

async fn observed(request: Request<Full<Bytes>>) -> TestResponse {
    send(observe(), request).await
}

#[tokio::test]
async fn samples_are_verified_and_decode_to_the_same_event() {
    for event in all_samples() {
        let response = enforced(signed_request(&secret(), encode(&event))).await;
        assert!(response.is_verified(), "{event:?}");
        assert_eq!(Event::from_slice(response.body()).unwrap(), event);
    }
}

#[test]
fn samples_contain_the_given_values() {
    let [start, end, transcript, silent, ticket, unknown] = all_samples();
    for event in [&start, &end] {
        assert_eq!(event.person().unwrap().name(), Some("Nadia Okafor-Lind"));
    }
    assert_eq!(start.pre_chat_form().nth(1), Some(("Phone", "5550142087")));
    assert_eq!(start.opened_by(), Some(&Role::Visitor));

    assert_eq!(transcript.person().unwrap().name(), Some("Nadia \"N\" \u{1f44b}"));
    let replies: Vec<_> = transcript.agent_replies().collect();
    assert_eq!(replies[0].text.as_deref(), Some("Two pairs."));
    assert_eq!(replies.len(), 1);
    let Event::TranscriptCreated(transcript) = &transcript else { panic!("a transcript") };
    assert!(transcript.chat.messages.iter().all(|message| message.kind == Some(MessageKind::Text)));
    let times = transcript.chat.messages.iter().map(|message| message.time.as_ref().unwrap());
    assert!(times.map(|time| time.to_system_time().unwrap()).is_sorted_by(|one, next| one < next));
    let senders = transcript.chat.messages.iter().map(|message| message.sender.as_ref().unwrap());
    let senders: Vec<_> = senders.map(|from| (from.name.as_deref(), from.id.is_some())).collect();
    let property = transcript.property.name.as_deref();
    assert_eq!(senders, [(property, false), (None, false), (Some("Ingrid Vale"), true)]);
    assert_eq!(silent.person().unwrap().name(), None);

    assert_eq!(ticket.person().unwrap().name(), Some("Ruth Abenov"));
    let Event::TicketCreate(ticket) = ticket else { panic!("not a ticket") };
    assert_eq!(ticket.ticket.subject.as_deref(), Some("Call back"));
    assert_eq!(ticket.ticket.message.as_deref(), Some("After 4 pm,\n\n<b>please</b>."));
    assert_eq!(unknown.name(), "chat:rated");
}

#[test]
fn chat_samples_share_their_ids_and_are_in_order() {
    let chat = [
        samples::chat_start("A", "B"),
        samples::chat_end("A"),
        samples::transcript("A", &MESSAGES),
    ];
    assert!(chat.iter().all(|event| event.chat_id() == chat[0].chat_id()));
    assert!(all_samples().iter().take(5).all(|event| event.property() == chat[0].property()));
    let times = chat.map(|event| event.time().unwrap().to_system_time().unwrap());
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn invalid_arguments_panic() {
    let undecodable = Event::from_slice(b"[]").unwrap_err();
    assert_eq!(undecodable.kind(), EventErrorKind::NotAnObject);
    assert!(catch_unwind(|| encode(&Event::Undecodable(undecodable))).is_err());
    for name in ["", "chat:end"] {
        assert!(catch_unwind(|| samples::unknown(name)).is_err(), "{name}");
    }
    for event_id in ["a\nb", "\0"] {
        let request = SignedRequest::new(&secret(), "").event_id(event_id);
        assert!(catch_unwind(|| request.build()).is_err(), "{event_id:?}");
    }
}

#[test]
fn signed_request_has_the_documented_head() {
    let request = signed_request(&secret(), "{}");
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "/tawk-webhook");
    let headers = request.headers();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["x-tawk-signature"], crate::support::sign(b"{}"));
    assert_eq!(headers.len(), 3);
}

#[test]
fn the_event_id_is_derived_from_the_body_unless_set() {
    let event_id = |request: Request<Full<Bytes>>| request.headers()["x-hook-event-id"].clone();
    let ids: HashSet<_> = all_samples()
        .iter()
        .map(|event| event_id(signed_request(&secret(), encode(event))))
        .collect();
    assert_eq!(ids.len(), 6);
    assert_eq!(
        event_id(signed_request(&secret(), "{}")),
        event_id(signed_request(&secret(), "{}"))
    );

    let request = SignedRequest::new(&secret(), "{}").event_id("an id").uri("/a?b=c").build();
    assert_eq!(request.uri(), "/a?b=c");
    assert_eq!(event_id(request), "an id");
}

/// Returns whether the layer is expected to reject the fault for this reason.
fn is_expected(fault: Fault, reason: &Reason) -> bool {
    let malformed = |expected| matches!(reason, Reason::Malformed(found) if *found == expected);
    match fault {
        Fault::Missing => matches!(reason, Reason::Missing),
        Fault::Empty => malformed(InvalidSignature::Empty),
        Fault::Prefixed => malformed(InvalidSignature::Prefixed),
        Fault::Base64 => malformed(InvalidSignature::LooksLikeBase64),
        Fault::Sha256 => malformed(InvalidSignature::LooksLikeSha256),
        Fault::TooShort => malformed(InvalidSignature::WrongLength),
        Fault::NotHex => malformed(InvalidSignature::NotHex),
        Fault::MultipleSignatures => matches!(reason, Reason::MultipleSignatures),
        Fault::WrongSecret | Fault::Altered => matches!(reason, Reason::Mismatch(_)),
        other => panic!("no expectation for {other:?}"),
    }
}

#[tokio::test]
async fn every_fault_is_rejected_for_its_reason() {
    let ticket = encode(&samples::ticket("Ruth Abenov", "Call back", "After 4 pm, please."));
    for body in [ticket, Bytes::new(), Bytes::from_static(b"x"), Bytes::from_static(b"\xff\0")] {
        for &fault in Fault::ALL {
            let request = SignedRequest::new(&secret(), body.clone()).fault(fault).build();
            let rejected = enforced(request.clone()).await;
            assert!(matches!(rejected.rejection(), Some(Rejection::Unverified(_))), "{fault:?}");
            let rejection: &Rejection = rejected.response.extensions().get().unwrap();
            assert!(is_expected(fault, rejection.reason().unwrap()), "{fault:?}: {rejection:?}");

            let observed = observed(request).await;
            assert_eq!(observed.status(), 200, "{fault:?}");
            let Some(Verdict::Unverified(reason)) = observed.verdict() else {
                panic!("{fault:?} is verified")
            };
            assert!(is_expected(fault, reason), "{fault:?}: {reason:?}");
        }
    }
}

#[test]
fn all_contains_every_fault_once() {
    let all: HashSet<_> = Fault::ALL.iter().collect();
    assert_eq!((Fault::ALL.len(), all.len()), (10, 10));
}

#[tokio::test]
async fn a_fault_changes_nothing_else() {
    const SIGNATURE: &str = "x-tawk-signature";
    let (right, _) = SignedRequest::new(&secret(), "{}").into_parts();
    for &fault in Fault::ALL {
        let (mut parts, body) = SignedRequest::new(&secret(), "{}").fault(fault).into_parts();
        assert_eq!(body == "{}", fault != Fault::Altered, "{fault:?}");
        parts.headers.insert(SIGNATURE, right.headers[SIGNATURE].clone());
        assert_eq!(parts.headers, right.headers, "{fault:?}");
        assert!(enforced(Request::from_parts(parts, Full::from("{}"))).await.is_verified());
    }
}
