//! Finds out why clients would reject a certificate chain. They do not say so, or only in the TLS
//! handshake.

use std::time::{Duration, SystemTime};

use humantime::format_rfc3339_seconds;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{CertificateError, Error, RootCertStore};

/// Let's Encrypt's certificates are renewed 30 days before they expire.
const MIN_REMAINING: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Returns the problems of a chain at a time. `roots` are the root certificates of this system.
pub fn problems(
    chain: &[CertificateDer<'_>],
    roots: Vec<CertificateDer<'_>>,
    now: SystemTime,
) -> Vec<String> {
    let mut trusted = RootCertStore::empty();
    // Clients may know the issuer of the last certificate, and this system not.
    let issuers = chain.get(1..).filter(|issuers| !issuers.is_empty()).unwrap_or(chain);
    trusted.add_parsable_certificates(roots.into_iter().chain(issuers.iter().cloned()));
    // Fails without a parsable certificate.
    let Ok(verifier) = WebPkiServerVerifier::builder(trusted.into()).build() else {
        return Vec::new();
    };
    // The name is verified last, and any may be used.
    let name = ServerName::try_from("localhost").expect("a valid name");
    let verify = |certificate: &CertificateDer<'_>, time: SystemTime| {
        let time = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let time = UnixTime::since_unix_epoch(time);
        let result = verifier.verify_server_cert(certificate, chain, &name, &[], time);
        result.err().and_then(|error| problem(&error))
    };
    let problems = (1..).zip(chain).filter_map(|(position, certificate)| {
        let problem = verify(certificate, now).or_else(|| verify(certificate, now + MIN_REMAINING));
        Some(format!("certificate {position} {}", problem?))
    });
    problems.collect()
}

/// Ignores what is no problem for some clients, such as a certificate that is its own issuer.
fn problem(error: &Error) -> Option<String> {
    let Error::InvalidCertificate(error) = error else { return None };
    let text = |time: &UnixTime| {
        format_rfc3339_seconds(SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs()))
    };
    match error {
        CertificateError::ExpiredContext { not_after, .. } => {
            Some(format!("expires at {}; renew it", text(not_after)))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            Some(format!("is not valid before {}; check the clock", text(not_before)))
        }
        CertificateError::UnknownIssuer => {
            Some("has an unknown issuer; append the intermediate certificates".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::slice;

    use rcgen::{
        BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
    };

    use tokio_rustls::rustls::crypto::ring;

    use super::*;

    /// A root, an intermediate certificate and a leaf, valid in 2030.
    fn chain() -> [CertificateDer<'static>; 3] {
        let params = |name: &str, is_ca: bool| {
            let mut params = CertificateParams::new([]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            (params.not_before, params.not_after) =
                (date_time_ymd(2030, 1, 1), date_time_ymd(2030, 12, 31));
            if is_ca {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }
            params
        };
        let key = || KeyPair::generate().unwrap();
        let (root_key, intermediate_key) = (key(), key());
        let root = params("root", true).self_signed(&root_key).unwrap();
        let root_issuer = Issuer::new(params("root", true), root_key);
        let intermediate =
            params("middle", true).signed_by(&intermediate_key, &root_issuer).unwrap();
        let issuer = Issuer::new(params("middle", true), intermediate_key);
        let leaf = params("leaf", false).signed_by(&key(), &issuer).unwrap();
        [root, intermediate, leaf].map(|certificate| certificate.der().clone())
    }

    fn problems(
        chain: &[CertificateDer<'_>],
        roots: Vec<CertificateDer<'_>>,
        now: SystemTime,
    ) -> Vec<String> {
        let _ = ring::default_provider().install_default();
        super::problems(chain, roots, now)
    }

    fn at(year: i32, month: u8, day: u8) -> SystemTime {
        date_time_ymd(year, month, day).into()
    }

    #[test]
    fn the_issuer_of_the_first_certificate_is_known_or_in_the_chain() {
        let [root, middle, leaf] = chain();
        let now = at(2030, 6, 1);
        for (chain, roots, is_complete) in [
            (vec![leaf.clone(), middle.clone(), root.clone()], vec![], true),
            (vec![leaf.clone(), middle.clone()], vec![root.clone()], true),
            (vec![leaf.clone(), middle.clone()], vec![], true),
            (vec![root.clone()], vec![], true),
            (vec![leaf.clone()], vec![middle.clone()], true),
            (vec![leaf.clone()], vec![], false),
            (vec![leaf.clone()], vec![root.clone()], false),
            (vec![leaf.clone(), root.clone()], vec![root.clone()], false),
        ] {
            let problems = problems(&chain, roots, now);
            assert_eq!(problems.len(), usize::from(!is_complete), "{problems:?}");
            let expected = "certificate 1 has an unknown issuer";
            assert!(is_complete || problems[0].starts_with(expected), "{problems:?}");
        }
    }

    #[test]
    fn certificates_must_be_valid_for_14_more_days() {
        let [root, middle, leaf] = chain();
        for (now, expected) in [
            (at(2029, 12, 1), Some("is not valid before 2030-01-01T00:00:00Z")),
            (at(2030, 12, 16), None),
            (at(2030, 12, 18), Some("expires at 2030-12-31T00:00:00Z")),
            (at(2031, 1, 2), Some("expires at 2030-12-31T00:00:00Z")),
        ] {
            for chain in [slice::from_ref(&root), &[leaf.clone(), middle.clone()]] {
                let problems = problems(chain, Vec::new(), now);
                let count = expected.map_or(0, |_| chain.len());
                assert_eq!(problems.len(), count, "{problems:?}");
                let is_expected = |problem: &String| problem.contains(expected.unwrap_or_default());
                assert!(problems.iter().all(is_expected), "{problems:?}");
            }
        }
    }
}
