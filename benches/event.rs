//! What does a typed event cost, beyond reading the JSON at all?
//!
//! Three readers of the same bytes: `Event::from_slice`, which takes what comes;
//! `serde_json::Value`, which types nothing; and derived structs, which want each body to be
//! exactly as expected, and are told beforehand which event it is.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use serde::de::DeserializeOwned;
use tower_tawk::event::{Event, Role};
use tower_tawk::test_util::{self, samples};

/// The text of a payload in `examples/payloads`.
macro_rules! payload {
    ($name:literal) => {
        include_bytes!(concat!("../examples/payloads/", $name, ".json"))
    };
}

fn events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event");
    kind::<derived::ChatStart>(&mut group, payload!("01-chat-start-prechat-form"));
    kind::<derived::ChatEnd>(&mut group, payload!("06-chat-end"));
    kind::<derived::Transcript>(&mut group, payload!("08-transcript"));
    kind::<derived::Transcript>(&mut group, payload!("09-transcript-attachments"));
    kind::<derived::Ticket>(&mut group, payload!("12-ticket-create-by-visitor"));
    kind::<derived::Transcript>(&mut group, &megabyte());
    group.finish();
}

fn kind<D: DeserializeOwned>(group: &mut BenchmarkGroup<'_, WallTime>, body: &[u8]) {
    let event = Event::from_slice(body).expect("an event");
    let id = format!("{}, {} bytes", event.name(), body.len());
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function(BenchmarkId::new("tower-tawk", &id), |bencher| {
        bencher.iter(|| Event::from_slice(black_box(body)).expect("an event"));
    });
    group.bench_function(BenchmarkId::new("serde_json::Value", &id), |bencher| {
        bencher
            .iter(|| serde_json::from_slice::<serde_json::Value>(black_box(body)).expect("JSON"));
    });
    group.bench_function(BenchmarkId::new("derived", &id), |bencher| {
        bencher.iter(|| serde_json::from_slice::<D>(black_box(body)).expect("the expected shape"));
    });
}

/// A transcript of about 1 MB, as large as they come: a day's chat.
fn megabyte() -> Vec<u8> {
    let asked = "Does the Ridgeway boot run small? I wear 43 in most shoes, and between sizes I \
                 usually take the larger one.\nDelivery to Łódź, if that makes a difference.";
    let answered = "It runs true to size. In 43 there are two pairs left, in brown and in black.";
    let messages: Vec<_> =
        [(Role::Visitor, asked), (Role::Agent, answered)].into_iter().cycle().take(4_600).collect();
    test_util::encode(&samples::transcript("Tomasz Wielgosz", &messages)).into()
}

/// 18 benches in half a minute. Criterion's 100,000 resamples would take longer than the measuring.
fn short() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
}

criterion_group!(name = benches; config = short(); targets = events);
criterion_main!(benches);

/// What one writes from the documentation (developer.tawk.to/webhooks), at first.
#[allow(dead_code, reason = "they are read from JSON, and that is all")]
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
        ticket: TicketItself,
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
    struct TicketItself {
        id: String,
        human_id: u64,
        subject: String,
        message: String,
    }
}
