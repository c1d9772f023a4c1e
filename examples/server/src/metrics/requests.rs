//! [`Requests`]: the counters of requests by verdict and reason, which are a closed set.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tower_tawk::{Reason, Rejection};

use crate::guard::Refused;

/// Verdict and reason. An empty reason is, to Prometheus, a label that is not there.
type Labels = [(&'static str, &'static str); 2];

/// Each is taken out of its family at the start, so that no request has to look it up there.
pub(super) struct Requests {
    pub(super) verified: Counter,

    missing: Counter,
    repeated: Counter,
    malformed: Counter,
    mismatch: Counter,
    unknown_secret: Counter,
    other_reason: Counter,

    body_too_large: Counter,
    body_timeout: Counter,
    body_incomplete: Counter,
    other_rejection: Counter,

    not_allowed: Counter,
    not_https: Counter,
    overloaded: Counter,
}

impl Requests {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let family = Family::<Labels, Counter>::default();
        let counter = |verdict, reason| {
            family.get_or_create_owned(&[("verdict", verdict), ("reason", reason)])
        };
        let unverified = |reason| counter("unverified", reason);
        let none = |reason| counter("none", reason);
        let requests = Self {
            verified: counter("verified", ""),

            missing: unverified("missing"),
            repeated: unverified("repeated"),
            malformed: unverified("malformed"),
            mismatch: unverified("mismatch"),
            unknown_secret: unverified("unknown_secret"),
            other_reason: unverified("other"),

            body_too_large: none("body_too_large"),
            body_timeout: none("body_timeout"),
            body_incomplete: none("body_incomplete"),
            other_rejection: none("other"),

            not_allowed: none("not_allowed"),
            not_https: none("not_https"),
            overloaded: none("overloaded"),
        };
        registry.register("requests", "Requests to the webhook, by verdict and reason", family);
        requests
    }

    pub(super) fn unverified(&self, reason: &Reason) -> &Counter {
        match reason {
            Reason::Missing => &self.missing,
            Reason::MultipleSignatures => &self.repeated,
            Reason::Malformed(_) => &self.malformed,
            Reason::Mismatch(_) => &self.mismatch,
            Reason::UnknownSecret => &self.unknown_secret,
            _ => &self.other_reason,
        }
    }

    pub(super) fn rejected(&self, rejection: &Rejection) -> &Counter {
        if let Some(reason) = rejection.reason() {
            return self.unverified(reason);
        }
        match rejection {
            Rejection::BodyTooLarge => &self.body_too_large,
            Rejection::BodyTimeout => &self.body_timeout,
            Rejection::BodyIncomplete => &self.body_incomplete,
            _ => &self.other_rejection,
        }
    }

    pub(super) fn refused(&self, refused: Refused) -> &Counter {
        match refused {
            Refused::NotAllowed => &self.not_allowed,
            Refused::NotHttps => &self.not_https,
            Refused::Overloaded => &self.overloaded,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use axum::body::{Body, Bytes, HttpBody};
    use axum::http::{Request, Response};
    use http_body_util::Full;
    use hyper::body::Frame;
    use prometheus_client::encoding::text::encode;
    use tower::{ServiceExt, service_fn};
    use tower_tawk::{InvalidSignature, Secret, TawkSignatureLayer};

    use super::*;

    /// The labels of the one series that a call counts in.
    fn counted(counter: impl Fn(&Requests) -> &Counter) -> (String, String) {
        let mut registry = Registry::default();
        counter(&Requests::register(&mut registry)).inc();
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let mut counted = text.lines().filter(|line| line.ends_with("} 1"));
        let line = counted.next().unwrap();
        assert_eq!(counted.next(), None);
        let labels: Vec<_> = line.split('"').collect();
        let ["requests_total{verdict=", verdict, ",reason=", reason, "} 1"] = labels[..] else {
            panic!("{line}")
        };
        (verdict.to_owned(), reason.to_owned())
    }

    /// A body that ends in no other way than this.
    enum Broken {
        ByTime,
        ByError,
    }

    impl HttpBody for Broken {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            match *self {
                Self::ByTime => Poll::Pending,
                Self::ByError => Poll::Ready(Some(Err("broken"))),
            }
        }
    }

    /// Why the layer refuses this body.
    async fn rejection(body: Body) -> Rejection {
        let layer = TawkSignatureLayer::enforce(Secret::new("invented").unwrap())
            .body_limit(16)
            .body_deadline(Duration::from_secs(1));
        let inner = service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::empty())));
        let service = tower::Layer::layer(&layer, inner);
        let request = Request::builder().header("X-Tawk-Signature", "0".repeat(40)).body(body);
        let response = service.oneshot(request.unwrap()).await.unwrap();
        response.extensions().get::<Rejection>().unwrap().clone()
    }

    #[test]
    fn each_reason_has_a_series_of_its_own() {
        for (reason, expected) in [
            (Reason::Missing, "missing"),
            (Reason::MultipleSignatures, "repeated"),
            (Reason::Malformed(InvalidSignature::Empty), "malformed"),
            (Reason::Malformed(InvalidSignature::LooksLikeSha256), "malformed"),
            (Reason::UnknownSecret, "unknown_secret"),
        ] {
            let (verdict, reason) = counted(|requests| requests.unverified(&reason));
            assert_eq!((&*verdict, &*reason), ("unverified", expected));
        }
    }

    #[test]
    fn each_guard_has_a_series_of_its_own() {
        for (refused, expected) in [
            (Refused::NotAllowed, "not_allowed"),
            (Refused::NotHttps, "not_https"),
            (Refused::Overloaded, "overloaded"),
        ] {
            let (verdict, reason) = counted(|requests| requests.refused(refused));
            assert_eq!((&*verdict, &*reason), ("none", expected));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_rejection_by_the_layer_has_a_series_of_its_own() {
        for (body, expected) in [
            (Body::from("{}"), ("unverified", "mismatch")),
            (Body::new(Full::new(Bytes::from(vec![b' '; 17]))), ("none", "body_too_large")),
            (Body::new(Broken::ByTime), ("none", "body_timeout")),
            (Body::new(Broken::ByError), ("none", "body_incomplete")),
        ] {
            let rejection = rejection(body).await;
            let (verdict, reason) = counted(|requests| requests.rejected(&rejection));
            assert_eq!((&*verdict, &*reason), expected);
        }
    }

    #[test]
    fn the_set_of_labels_is_closed() {
        let mut registry = Registry::default();
        Requests::register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        assert_eq!(text.matches("requests_total{").count(), 14);
    }
}
