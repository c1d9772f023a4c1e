//! A request's headers for the log and the inbox, without what lets somebody in.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

const REDACTED: &str = "[redacted]";

const SIGNATURE: &str = "x-tawk-signature";

/// More than any signature is written with: a secret of Tawk.to's has 96 hex digits, and somebody
/// will put it there.
const SIGNATURE_LENGTH_MOST: usize = 64;

/// Parts of the names of headers that carry something to be let in by: `Authorization`,
/// `Cookie`, `X-Api-Key` and so on, and those with an address, whose query may have the same.
/// Better one too many.
const SENSITIVE: [&str; 14] = [
    "-uri",
    "-url",
    "assertion",
    "auth",
    "cookie",
    "credential",
    "jwt",
    "key",
    "pass",
    "referer",
    "secret",
    "session",
    "signature",
    "token",
];

/// The headers as a JSON object, a header that came more than once as an array.
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

/// Bytes beyond visible ASCII are written as `\xNN`.
fn shown(name: &HeaderName, value: &HeaderValue) -> Value {
    if name == SIGNATURE {
        if value.len() > SIGNATURE_LENGTH_MOST {
            return format!("[{} bytes]", value.len()).into();
        }
    } else if SENSITIVE.iter().any(|part| name.as_str().contains(part)) {
        return REDACTED.into();
    }
    match value.to_str() {
        Ok(text) => text.into(),
        Err(_) => value.as_bytes().escape_ascii().to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, REFERER, SET_COOKIE};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_lets_somebody_in_is_redacted_by_name() {
        let more = [
            "x-api-key",
            "x-auth-token",
            "x-client-secret",
            "x-db-password",
            "x-forwarded-uri",
            "x-hub-signature-256",
            "x-original-url",
            "x-session-id",
        ];
        let names = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, REFERER, SET_COOKIE]
            .into_iter()
            .chain(more.map(HeaderName::from_static));
        let map: HeaderMap = names.map(|name| (name, HeaderValue::from_static("hidden"))).collect();
        let shown = headers(&map);
        assert_eq!(shown.as_object().unwrap().len(), 13);
        assert!(shown.as_object().unwrap().values().all(|value| value == REDACTED));
    }

    #[test]
    fn a_secret_in_place_of_the_signature_is_not_shown() {
        let shown = |length: usize| {
            let value = HeaderValue::from_str(&"a".repeat(length)).unwrap();
            headers(&HeaderMap::from_iter([(HeaderName::from_static(SIGNATURE), value)]))
        };
        assert_eq!(shown(64), json!({ SIGNATURE: "a".repeat(64) }));
        assert_eq!(shown(96), json!({ SIGNATURE: "[96 bytes]" }));
    }

    #[test]
    fn other_headers_are_shown_all_their_values_and_bytes() {
        let mut map = HeaderMap::new();
        map.append("x-tawk-signature", HeaderValue::from_static("one"));
        map.append("x-tawk-signature", HeaderValue::from_static("two"));
        map.append("x-hook-event-id", HeaderValue::from_bytes(b"a\xffb").unwrap());
        assert_eq!(
            headers(&map),
            json!({ "x-tawk-signature": ["one", "two"], "x-hook-event-id": r"a\xffb" })
        );
    }
}
