//! Compares `Event::from_slice` with `serde_json::Value` and with derived structs.
//!
//! `Event::from_slice` finds out which event the body contains, and accepts missing fields and
//! wrong types. `serde_json::Value` has no types. Each derived struct reads one event that is known
//! beforehand, and requires its exact shape.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use serde::de::DeserializeOwned;
use tower_tawk::event::{Event, Role};
use tower_tawk::test_util::{self, samples};

/// Includes a payload of `examples/payloads`.
macro_rules! payload {
    ($name:literal) => {
        include_bytes!(concat!("../examples/payloads/", $name, ".json"))
    };
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("event");
    bench::<derived::ChatStart>(&mut group, payload!("01-chat-start-prechat-form"));
    bench::<derived::ChatEnd>(&mut group, payload!("06-chat-end"));
    bench::<derived::Transcript>(&mut group, payload!("08-transcript"));
    bench::<derived::Transcript>(&mut group, payload!("09-transcript-attachments"));
    bench::<derived::Ticket>(&mut group, payload!("12-ticket-create-by-visitor"));
    bench::<derived::Transcript>(&mut group, &large_transcript());
    group.finish();
}

fn bench<D: DeserializeOwned>(group: &mut BenchmarkGroup<'_, WallTime>, body: &[u8]) {
    let event = Event::from_slice(body).expect("valid event");
    let id = format!("{}, {} bytes", event.name(), body.len());
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function(BenchmarkId::new("tower-tawk", &id), |b| {
        b.iter(|| Event::from_slice(black_box(body)).expect("valid event"));
    });
    group.bench_function(BenchmarkId::new("serde_json::Value", &id), |b| {
        b.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(body)).expect("JSON"));
    });
    group.bench_function(BenchmarkId::new("derived", &id), |b| {
        b.iter(|| serde_json::from_slice::<D>(black_box(body)).expect("expected shape"));
    });
}

/// Creates a transcript of about 1 MB, the size of the largest that Tawk.to sends.
fn large_transcript() -> Vec<u8> {
    let question = "Does the Ridgeway boot run small? I wear 43 in most shoes, and between sizes I \
                    usually take the larger one.\nDelivery to Łódź, if that makes a difference.";
    let answer = "It runs true to size. In 43 there are two pairs left, in brown and in black.";
    let messages = [(Role::Visitor, question), (Role::Agent, answer)];
    let messages: Vec<_> = messages.into_iter().cycle().take(4_600).collect();
    test_util::encode(&samples::transcript("Tomasz Wielgosz", &messages)).into()
}

/// Runs all 18 benches in about half a minute. Criterion's default of 100,000 resamples would take
/// longer than the measurement.
fn config() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
}

criterion_group!(name = benches; config = config(); targets = decode);
criterion_main!(benches);

/// Structs for the documented events (<https://developer.tawk.to/webhooks/>).
#[allow(dead_code, reason = "the fields are only deserialized")]
mod derived {
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct ChatStart {
        chat_id: String,
        time: String,
        visitor: Visitor,
        message: FirstMessage,
        property: Property,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct ChatEnd {
        chat_id: String,
        time: String,
        visitor: Visitor,
        property: Property,
    }

    #[derive(Deserialize)]
    pub(super) struct Transcript {
        time: String,
        property: Property,
        chat: Chat,
    }

    #[derive(Deserialize)]
    pub(super) struct Ticket {
        time: String,
        property: Property,
        requester: Requester,
        ticket: TicketFields,
    }

    #[derive(Deserialize)]
    struct Property {
        id: String,
        name: String,
    }

    #[derive(Deserialize)]
    struct Visitor {
        name: String,
        email: Option<String>,
        city: Option<String>,
        country: Option<String>,
    }

    #[derive(Deserialize)]
    struct FirstMessage {
        text: String,
        #[serde(rename = "type")]
        kind: String,
        sender: FirstSender,
    }

    #[derive(Deserialize)]
    struct FirstSender {
        #[serde(rename = "type")]
        kind: String,
    }

    #[derive(Deserialize)]
    struct Chat {
        id: String,
        visitor: Visitor,
        messages: Vec<Message>,
    }

    #[derive(Deserialize)]
    struct Message {
        sender: Sender,
        #[serde(rename = "type")]
        kind: String,
        msg: String,
        time: String,
        #[serde(default)]
        attchs: Vec<Attachment>,
    }

    #[derive(Deserialize)]
    struct Sender {
        t: String,
        n: Option<String>,
        id: Option<String>,
    }

    #[derive(Deserialize)]
    struct Attachment {
        content: Content,
    }

    #[derive(Deserialize)]
    struct Content {
        file: File,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct File {
        url: String,
        name: String,
        mime_type: String,
        size: u64,
        extension: String,
    }

    #[derive(Deserialize)]
    struct Requester {
        name: String,
        email: String,
        #[serde(rename = "type")]
        kind: String,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct TicketFields {
        id: String,
        human_id: u64,
        subject: String,
        message: String,
    }
}
