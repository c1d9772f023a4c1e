//! What does the layer add to the floor and the hash, and how does that compare with what people
//! write by hand?
//!
//! The differences are tens of nanoseconds, and a machine's speed drifts by more than that while
//! one bench runs after another. So here all take turns, round by round, and the medians of the
//! rounds' ratios and differences are printed.

#[path = "overhead/primitives.rs"]
mod primitives;
#[path = "overhead/turns.rs"]
mod turns;

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Instant;

use http::{Request, Response};
use http_body_util::BodyExt;
use tower::{Layer, Service, service_fn};
use tower_tawk::test_util::{Fault, SignedRequest};
use tower_tawk::{BufferedBody, Secret, Secrets, TawkSignatureLayer};
use tower_tawk_benches::{Frames, body, floor_router, hand_written_router, secret, signed};

use primitives::{bare, hash, primitive, sha1_alone};
use turns::{case, line, median, rounds};

const KIB: usize = 1024;
fn verify() {
    println!("verify: parse, sign, compare");
    for (length, times) in [(256, 4000), (KIB, 2000)] {
        let figures = rounds(vec![primitive(length), bare(length)], times);
        line(
            &format!("{length} bytes / bare hmac and a hex decode"),
            median(&figures, |of| of[0] / of[1]),
            "",
        );
    }
    for (length, times) in [(64 * KIB, 60), (1024 * KIB, 5)] {
        let figures = rounds(vec![primitive(length), sha1_alone(length)], times);
        line(
            &format!("{} KiB / bare sha1", length / KIB),
            median(&figures, |of| of[0] / of[1]),
            "",
        );
    }
}

fn enforce() -> TawkSignatureLayer {
    TawkSignatureLayer::enforce(secret())
}

/// The bare floor: a service that takes the body, without a router.
async fn take<B: BodyExt>(request: Request<B>) -> Result<Response<()>, Infallible> {
    black_box(request.into_body().collect().await.ok().map(http_body_util::Collected::to_bytes));
    Ok(Response::new(()))
}

/// 1 KiB in one frame.
fn mounts() {
    let make = || signed(body(KIB));
    let figures = rounds(
        vec![
            hash(KIB),
            case(service_fn(take), make),
            case(floor_router(), make),
            case(hand_written_router(), make),
            case(enforce().layer(service_fn(take::<BufferedBody>)), make),
            case(enforce().layer(floor_router()), make),
            case(floor_router().layer(enforce()), make),
        ],
        2000,
    );
    println!("\n1 KiB in one frame");
    line("hash", median(&figures, |of| of[0]), "ns");
    line(
        "an axum handler that takes the body and verifies nothing (the floor)",
        median(&figures, |of| of[2]),
        "ns",
    );
    line(
        "over floor and hash: hand-written handler",
        median(&figures, |of| of[3] - of[2] - of[0]),
        "ns",
    );
    line(
        "over floor and hash: layer over a bare service",
        median(&figures, |of| of[4] - of[1] - of[0]),
        "ns",
    );
    line(
        "over floor and hash: layer around the router",
        median(&figures, |of| of[5] - of[2] - of[0]),
        "ns",
    );
    line(
        "over floor and hash: layer under Router::layer",
        median(&figures, |of| of[6] - of[2] - of[0]),
        "ns",
    );
    line(
        "the whole, layer around the router / hand-written",
        median(&figures, |of| of[5] / of[3]),
        "",
    );
    line(
        "the whole, layer under Router::layer / hand-written",
        median(&figures, |of| of[6] / of[3]),
        "",
    );
}

fn outcomes() {
    let with = |fault| move || SignedRequest::new(&secret(), body(KIB)).fault(fault).build();
    let around = |layer: TawkSignatureLayer| layer.layer(floor_router());
    let other = |text: &str| Secret::new(text).expect("a usable secret");
    let three = |secrets: [Secret; 3]| {
        let secrets = ["a", "b", "c"].into_iter().zip(secrets);
        TawkSignatureLayer::enforce(Secrets::new(secrets).expect("labels of their own"))
    };
    let make = || signed(body(KIB));
    let figures = rounds(
        vec![
            hash(KIB),
            case(floor_router(), make),
            case(around(enforce()), make),
            case(around(enforce()), with(Fault::Missing)),
            case(around(enforce()), with(Fault::Prefixed)),
            case(around(enforce()), with(Fault::WrongSecret)),
            case(around(three([secret(), other("b"), other("c")])), make),
            case(around(three([other("a"), other("b"), secret()])), make),
        ],
        2000,
    );
    println!("\n1 KiB in one frame, around the router");
    line("missing header / floor", median(&figures, |of| of[3] / of[1]), "");
    line("malformed header / floor", median(&figures, |of| of[4] / of[1]), "");
    line("wrong signature / valid", median(&figures, |of| of[5] / of[2]), "");
    line("the first of three secrets / one secret", median(&figures, |of| of[6] / of[2]), "");
    line(
        "the third of three secrets, beyond one, in hashes",
        median(&figures, |of| (of[7] - of[2]) / of[0]),
        "",
    );
}

fn frames() {
    println!("\nin frames, around the router, handler takes Bytes: the whole / (floor + hash)");
    for (length, times) in [(64 * KIB, 100), (1024 * KIB, 8)] {
        for each in [4 * KIB, 64 * KIB] {
            let make = || signed(body(length)).map(|_| Frames::new(body(length), each));
            let figures = rounds(
                vec![
                    hash(length),
                    case(floor_router(), make),
                    case(enforce().layer(floor_router()), make),
                ],
                times,
            );
            let what = format!("{} KiB in frames of {} KiB", length / KIB, each / KIB);
            line(&what, median(&figures, |of| of[2] / (of[0] + of[1])), "");
        }
    }
}

/// 1 MiB that arrives in 16 pieces. The deadline's timer is armed when the last is waited for, as
/// it would be: this one needs a runtime.
fn last_byte() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let _entered = runtime.enter();
    let figures = rounds(
        vec![
            Box::new(|_| after_the_last_piece(hand_written_router())),
            Box::new(|_| after_the_last_piece(enforce().layer(floor_router()))),
        ],
        1,
    );
    println!("\nfrom the last byte to the answer, 1 MiB in 16 pieces");
    line("layer around the router / hand-written", median(&figures, |of| of[1] / of[0]), "");
}

fn after_the_last_piece<S>(mut service: S) -> f64
where
    S: Service<Request<Frames>, Error = Infallible>,
{
    let bytes = body(1024 * KIB);
    let (frames, last) = Frames::with_last_held_back(bytes.clone(), 64 * KIB);
    let mut future = pin!(service.call(signed(bytes).map(|_| frames)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    last.release();
    let start = Instant::now();
    assert!(future.as_mut().poll(&mut context).is_ready());
    start.elapsed().as_nanos() as f64
}

fn main() {
    verify();
    mounts();
    outcomes();
    frames();
    last_byte();
}
