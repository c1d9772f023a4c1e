//! [`Fault`]: faults to inject, and the expected response to each.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use http::StatusCode;
use tower_tawk::test_util::Fault as SignatureFault;

/// A fault to inject into a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Signature(SignatureFault),
    Truncated,
    Oversize,
    Slow,
    /// The delivery is sent twice, as after a response that Tawk.to missed. It is not rejected.
    Duplicate,
}

/// The arguments of `--fault`, with their help.
const FAULTS: [(&str, Fault, &str); 14] = [
    ("missing", Fault::Signature(SignatureFault::Missing), "no signature: 403"),
    ("empty", Fault::Signature(SignatureFault::Empty), "empty signature: 403"),
    ("prefixed", Fault::Signature(SignatureFault::Prefixed), "sha1= before the signature: 403"),
    ("base64", Fault::Signature(SignatureFault::Base64), "signature in base64: 403"),
    ("sha256", Fault::Signature(SignatureFault::Sha256), "signature of 64 hex digits: 403"),
    ("too-short", Fault::Signature(SignatureFault::TooShort), "signature of 39 hex digits: 403"),
    ("not-hex", Fault::Signature(SignatureFault::NotHex), "signature that is not hex: 403"),
    ("multiple", Fault::Signature(SignatureFault::MultipleSignatures), "two signatures: 403"),
    ("wrong-secret", Fault::Signature(SignatureFault::WrongSecret), "another secret: 403"),
    ("altered", Fault::Signature(SignatureFault::Altered), "body changed after signing: 403"),
    ("truncated", Fault::Truncated, "half of the declared length: 400"),
    ("oversize", Fault::Oversize, "3 MiB, above the default limit: 413"),
    ("slow", Fault::Slow, "one byte a second, until the deadline: 408"),
    ("duplicate", Fault::Duplicate, "every delivery twice, with one event id: 2xx"),
];

impl Fault {
    /// Returns the status of the expected rejection, or `None` if 2xx is expected.
    pub const fn expected_rejection(self) -> Option<StatusCode> {
        match self {
            Self::Signature(_) => Some(StatusCode::FORBIDDEN),
            Self::Truncated => Some(StatusCode::BAD_REQUEST),
            Self::Oversize => Some(StatusCode::PAYLOAD_TOO_LARGE),
            Self::Slow => Some(StatusCode::REQUEST_TIMEOUT),
            Self::Duplicate => None,
        }
    }

    /// Returns a parser of the names in [`FAULTS`].
    pub fn parser() -> impl TypedValueParser<Value = Self> {
        let names = FAULTS.map(|(name, _, help)| PossibleValue::new(name).help(help));
        PossibleValuesParser::new(names).map(|name| {
            let fault = FAULTS.into_iter().find(|fault| fault.0 == name);
            fault.expect("the parser accepts these names only").1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_fault_has_a_name() {
        for fault in SignatureFault::ALL {
            let fault = Fault::Signature(*fault);
            assert!(FAULTS.iter().any(|(_, other, _)| *other == fault), "{fault:?}");
        }
    }
}
