//! What the tests share: an invented secret, and requests signed with it.

#![allow(dead_code, reason = "each test file uses its own part")]

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower_tawk::Secret;

/// The invented secret under which `examples/payloads/SIGNATURES.tsv` is signed.
pub const SECRET: &str = "5e3a1c7f9024d86b5e3a1c7f9024d86b5e3a1c7f9024d86b5e3a1c7f9024d86b\
                          5e3a1c7f9024d86b5e3a1c7f9024d86b";

pub fn secret() -> Secret {
    Secret::new(SECRET).expect("a usable secret")
}

/// The signature of `body` as the header has it.
pub fn sign(body: &[u8]) -> String {
    secret().sign(body).to_string()
}

/// A POST to `/tawk-webhook` with the given signature header.
pub fn request<B>(signature: &str, body: B) -> Request<B> {
    Request::post("/tawk-webhook")
        .header("X-Tawk-Signature", signature)
        .body(body)
        .expect("a well-formed request")
}

/// A delivery as Tawk.to sends it, its body in one frame.
pub fn signed(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let body = body.into();
    request(&sign(&body), Full::new(body))
}
