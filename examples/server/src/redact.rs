//! What is both logged and stored of a request.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

const REDACTED: &str = "[redacted]";

const SIGNATURE: &str = "x-tawk-signature";

/// Maximum shown length of a signature header. A misconfigured sender may put the secret into it,
/// which has 96 hex digits.
const MAX_SIGNATURE_LENGTH: usize = 64;

/// Maximum bytes of an event id, before they are escaped.
const MAX_EVENT_ID_LENGTH: usize = 128;

/// The headers whose values are shown. Others may contain credentials or personal data, such as
/// those that a proxy adds about a user, and are shown by their names only.
static SHOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "accept accept-encoding accept-language cf-connecting-ip cf-ray connection content-encoding \
     content-length content-type date expect forwarded host traceparent transfer-encoding \
     user-agent via x-amzn-trace-id x-cloud-trace-context x-forwarded-for x-forwarded-host \
     x-forwarded-port x-forwarded-proto x-hook-event-id x-real-ip x-request-id x-tawk-signature"
        .split(' ')
        .collect()
});

/// Returns the headers as a JSON object. Those with several values are arrays.
pub fn headers(headers: &HeaderMap) -> Value {
    let object: Map<_, _> = headers
        .keys()
        .map(|name| {
            let mut values: Vec<_> =
                headers.get_all(name).iter().map(|value| shown(name, value)).collect();
            let value = if values.len() == 1 { values.remove(0) } else { values.into() };
            (name.as_str().to_owned(), value)
        })
        .collect();
    object.into()
}

/// Escapes bytes other than visible ASCII as `\xNN`.
fn shown(name: &HeaderName, value: &HeaderValue) -> Value {
    if !SHOWN.contains(name.as_str()) {
        return REDACTED.into();
    }
    if name == SIGNATURE && value.len() > MAX_SIGNATURE_LENGTH {
        return format!("[{} bytes]", value.len()).into();
    }
    match value.to_str() {
        Ok(text) => text.into(),
        Err(_) => value.as_bytes().escape_ascii().to_string().into(),
    }
}

/// Returns `X-Hook-Event-Id` (developer.tawk.to/webhooks), which is not signed.
pub fn event_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-hook-event-id")?.as_bytes();
    Some(id[..id.len().min(MAX_EVENT_ID_LENGTH)].escape_ascii().to_string())
}

/// Returns the start of a body as text, at most `max` bytes of it, and its encoding. Bodies other
/// than UTF-8 are escaped.
pub fn text(body: &[u8], max: usize) -> (Cow<'_, str>, &'static str) {
    match str::from_utf8(body) {
        Ok(text) => (text[..text.floor_char_boundary(max)].into(), "utf-8"),
        Err(_) => (body[..body.len().min(max)].escape_ascii().to_string().into(), "escaped"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn redacts_all_headers_but_those_that_are_known_to_be_harmless() {
        let names = [
            "authorization",
            "cookie",
            "proxy-authorization",
            "referer",
            "x-amzn-oidc-data",
            "x-api-key",
            "x-envoy-original-path",
            "x-forwarded-uri",
            "x-hmac-sha256",
            "x-hub-signature-256",
            "x-ms-client-principal",
            "x-original-url",
            "x-saml-response",
            "x-unknown",
        ];
        let hidden = |name| (HeaderName::from_static(name), HeaderValue::from_static("hidden"));
        let shown = headers(&names.into_iter().map(hidden).collect());
        assert_eq!(shown.as_object().unwrap().len(), names.len());
        assert!(shown.as_object().unwrap().values().all(|value| value == REDACTED));
    }

    #[test]
    fn shows_only_the_length_of_a_signature_that_may_be_a_secret() {
        let shown = |length: usize| {
            let value = HeaderValue::from_str(&"a".repeat(length)).unwrap();
            headers(&HeaderMap::from_iter([(HeaderName::from_static(SIGNATURE), value)]))
        };
        assert_eq!(shown(64), json!({ SIGNATURE: "a".repeat(64) }));
        assert_eq!(shown(96), json!({ SIGNATURE: "[96 bytes]" }));
    }

    #[test]
    fn shows_all_values_and_bytes_of_other_headers() {
        let mut map = HeaderMap::new();
        map.append("x-tawk-signature", HeaderValue::from_static("one"));
        map.append("x-tawk-signature", HeaderValue::from_static("two"));
        map.append("x-hook-event-id", HeaderValue::from_bytes(b"a\xffb").unwrap());
        assert_eq!(
            headers(&map),
            json!({ "x-tawk-signature": ["one", "two"], "x-hook-event-id": r"a\xffb" })
        );
    }

    #[test]
    fn escapes_bodies_that_are_not_utf_8() {
        assert_eq!(text("é".as_bytes(), 2), ("é".into(), "utf-8"));
        assert_eq!(text(b"\xff\n", 2), (r"\xff\n".into(), "escaped"));
    }
}
