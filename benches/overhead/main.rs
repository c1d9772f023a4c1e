//! Measures what the layer adds to the baseline and the hash, compared with a hand-written
//! handler, and what deduplication adds to the layer.
//!
//! The differences are tens of nanoseconds, and the speed of a machine drifts by more than that
//! from one bench to the next. Therefore all cases run in turn, round by round, and the output is
//! the median of each round's ratio or difference.

mod case;

use std::cell::Cell;
use std::convert::Infallible;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Instant;

use http::{Request, Response};
use http_body_util::BodyExt;
use tower::{Layer, Service, service_fn};
use tower_tawk::deduplicate::{DeduplicateLayer, InMemory};
use tower_tawk::test_util::{Fault, SignedRequest};
use tower_tawk::{BufferedBody, Secret, Secrets, TawkSignatureLayer};
use tower_tawk_benches::{
    FramedBody, baseline_router, body, hand_written_router, secret, signed_request,
};

use case::Rounds;

const KIB: usize = 1024;

fn print_ratio(label: &str, ratio: f64) {
    println!("{label:<78}{ratio:>9.2}");
}

fn print_nanoseconds(label: &str, nanoseconds: f64) {
    println!("{label:<78}{nanoseconds:>9.2} ns");
}

fn enforce() -> TawkSignatureLayer {
    TawkSignatureLayer::enforce(secret())
}

/// Reads the body, without a router.
async fn bare_handler<B: BodyExt>(request: Request<B>) -> Result<Response<()>, Infallible> {
    black_box(request.into_body().collect().await.ok().map(http_body_util::Collected::to_bytes));
    Ok(Response::new(()))
}

fn verify() {
    println!("signature verification: parse, sign, compare");
    for (size, iterations) in [(256, 4000), (KIB, 2000)] {
        let rounds =
            Rounds::measure(iterations, vec![case::verify(size), case::hmac_and_hex(size)]);
        print_ratio(&format!("{size} B / (hmac + hex)"), rounds.median(|ns| ns[0] / ns[1]));
    }
    for (size, iterations) in [(64 * KIB, 60), (1024 * KIB, 5)] {
        let rounds = Rounds::measure(iterations, vec![case::verify(size), case::sha1(size)]);
        print_ratio(&format!("{} KiB / sha1", size / KIB), rounds.median(|ns| ns[0] / ns[1]));
    }
}

fn mounts() {
    let request = || signed_request(body(KIB));
    let rounds = Rounds::measure(
        2000,
        vec![
            case::hmac(KIB),
            case::service(service_fn(bare_handler), request),
            case::service(baseline_router(), request),
            case::service(hand_written_router(), request),
            case::service(enforce().layer(service_fn(bare_handler::<BufferedBody>)), request),
            case::service(enforce().layer(baseline_router()), request),
            case::service(baseline_router().layer(enforce()), request),
        ],
    );
    println!("\n1 KiB in one frame");
    print_nanoseconds("hash", rounds.median(|ns| ns[0]));
    print_nanoseconds(
        "baseline: an axum handler that reads the body and verifies nothing",
        rounds.median(|ns| ns[2]),
    );
    print_nanoseconds(
        "hand-written handler - baseline - hash",
        rounds.median(|ns| ns[3] - ns[2] - ns[0]),
    );
    print_nanoseconds(
        "layer around a bare service - bare service - hash",
        rounds.median(|ns| ns[4] - ns[1] - ns[0]),
    );
    print_nanoseconds(
        "layer around the router - baseline - hash",
        rounds.median(|ns| ns[5] - ns[2] - ns[0]),
    );
    print_nanoseconds("Router::layer - baseline - hash", rounds.median(|ns| ns[6] - ns[2] - ns[0]));
    print_ratio("layer around the router / hand-written", rounds.median(|ns| ns[5] / ns[3]));
    print_ratio("Router::layer / hand-written", rounds.median(|ns| ns[6] / ns[3]));
}

fn outcomes() {
    let around_router = |layer: TawkSignatureLayer| layer.layer(baseline_router());
    let other = |text| Secret::new(text).expect("valid secret");
    let three_secrets = |secrets: [Secret; 3]| {
        let secrets = ["a", "b", "c"].into_iter().zip(secrets);
        TawkSignatureLayer::enforce(Secrets::new(secrets).expect("unique labels"))
    };
    let first_of_three = three_secrets([secret(), other("b"), other("c")]);
    let third_of_three = three_secrets([other("a"), other("b"), secret()]);
    let valid = || signed_request(body(KIB));
    let faulty = |fault| move || SignedRequest::new(&secret(), body(KIB)).fault(fault).build();
    let rounds = Rounds::measure(
        2000,
        vec![
            case::hmac(KIB),
            case::service(baseline_router(), valid),
            case::service(around_router(enforce()), valid),
            case::service(around_router(enforce()), faulty(Fault::Missing)),
            case::service(around_router(enforce()), faulty(Fault::Prefixed)),
            case::service(around_router(enforce()), faulty(Fault::WrongSecret)),
            case::service(around_router(first_of_three), valid),
            case::service(around_router(third_of_three), valid),
        ],
    );
    println!("\n1 KiB in one frame, layer around the router");
    print_ratio("missing signature / baseline", rounds.median(|ns| ns[3] / ns[1]));
    print_ratio("malformed signature / baseline", rounds.median(|ns| ns[4] / ns[1]));
    print_ratio("wrong signature / valid signature", rounds.median(|ns| ns[5] / ns[2]));
    print_ratio("first of three secrets / one secret", rounds.median(|ns| ns[6] / ns[2]));
    print_ratio(
        "(third of three secrets - one secret) / hash",
        rounds.median(|ns| (ns[7] - ns[2]) / ns[0]),
    );
}

fn frames() {
    println!("\nseveral frames, layer around the router / (baseline + hash)");
    for (size, iterations) in [(64 * KIB, 100), (1024 * KIB, 8)] {
        for frame_size in [4 * KIB, 64 * KIB] {
            let request =
                || signed_request(body(size)).map(|_| FramedBody::new(body(size), frame_size));
            let rounds = Rounds::measure(
                iterations,
                vec![
                    case::hmac(size),
                    case::service(baseline_router(), request),
                    case::service(enforce().layer(baseline_router()), request),
                ],
            );
            print_ratio(
                &format!("{} KiB in {} KiB frames", size / KIB, frame_size / KIB),
                rounds.median(|ns| ns[2] / (ns[0] + ns[1])),
            );
        }
    }
}

/// Measures the time from the last frame of a 1 MiB body to the response. The deadline's timer
/// starts when the body is pending, and needs a runtime.
fn last_frame() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("runtime");
    let _guard = runtime.enter();
    let rounds = Rounds::measure(
        1,
        vec![
            Box::new(|_| time_after_last_frame(hand_written_router())),
            Box::new(|_| time_after_last_frame(enforce().layer(baseline_router()))),
        ],
    );
    println!("\n1 MiB in 64 KiB frames, from the last frame to the response");
    print_ratio("layer around the router / hand-written", rounds.median(|ns| ns[1] / ns[0]));
}

fn time_after_last_frame<S>(mut service: S) -> f64
where
    S: Service<Request<FramedBody>, Error = Infallible>,
{
    let bytes = body(1024 * KIB);
    let (body, last_frame) = FramedBody::with_delayed_last_frame(bytes.clone(), 64 * KIB);
    let mut future = pin!(service.call(signed_request(bytes).map(|_| body)));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut cx).is_pending());
    last_frame.release();
    let start = Instant::now();
    assert!(future.as_mut().poll(&mut cx).is_ready());
    start.elapsed().as_nanos() as f64
}

fn deduplicate() {
    let number = Cell::new(0_u64);
    let distinct = || {
        number.set(number.get() + 1);
        let body = [&number.get().to_le_bytes()[..], &body(KIB)[8..]].concat();
        signed_request(body)
    };
    let layer = || DeduplicateLayer::new(InMemory::new());
    let bare = || service_fn(bare_handler::<BufferedBody>);
    let committed = || signed_request(body(KIB));
    let rounds = Rounds::measure(
        1000,
        vec![
            case::claim_and_commit(InMemory::new()),
            case::service(enforce().layer(bare()), distinct),
            case::service(enforce().layer(layer().layer(bare())), distinct),
            case::service(enforce().layer(layer().layer(bare())), committed),
        ],
    );
    println!("\ndeduplication in memory, 1 KiB in one frame");
    print_nanoseconds("claim and commit", rounds.median(|ns| ns[0]));
    print_nanoseconds(
        "both layers around a bare service - signature layer around it",
        rounds.median(|ns| ns[2] - ns[1]),
    );
    print_ratio("duplicate / first copy", rounds.median(|ns| ns[3] / ns[2]));
}

fn main() {
    verify();
    mounts();
    outcomes();
    frames();
    last_frame();
    deduplicate();
}
