//! Finds out why clients would reject a certificate chain. They do not say so, or only in the TLS
//! handshake.

use std::time::{Duration, SystemTime};

use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::name::Name;

/// Let's Encrypt's certificates are renewed 30 days before they expire.
const MIN_REMAINING: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Returns the problems of a chain at a time. `roots` are the root certificates of this system.
pub fn problems(
    chain: &[CertificateDer<'_>],
    roots: &[CertificateDer<'_>],
    now: SystemTime,
) -> Vec<String> {
    let chain = parse(chain);
    let mut problems: Vec<_> = chain.iter().filter_map(|one| validity_problem(one, now)).collect();
    problems.extend(missing_issuer(&chain, &parse(roots)).map(|issuer| {
        format!("the certificate of its issuer is missing: {issuer}; append the intermediate ones")
    }));
    problems
}

/// Skips what cannot be parsed: rustls accepts more.
fn parse(certificates: &[CertificateDer<'_>]) -> Vec<Certificate> {
    certificates.iter().filter_map(|der| Certificate::from_der(der).ok()).collect()
}

fn validity_problem(certificate: &Certificate, now: SystemTime) -> Option<String> {
    let certificate = &certificate.tbs_certificate;
    let (start, end) = (certificate.validity.not_before, certificate.validity.not_after);
    let subject = &certificate.subject;
    if end.to_system_time() < now {
        Some(format!("it expired at {end}: {subject}; renew it"))
    } else if end.to_system_time() < now + MIN_REMAINING {
        Some(format!("it expires soon, at {end}: {subject}; renew it"))
    } else if start.to_system_time() > now {
        Some(format!("it is not valid before {start}: {subject}; check the clock"))
    } else {
        None
    }
}

/// Follows the chain from its first certificate to a root, and returns the name of the certificate
/// that is missing.
fn missing_issuer<'a>(chain: &'a [Certificate], roots: &[Certificate]) -> Option<&'a Name> {
    let is_subject = |certificate: &&Certificate, name: &Name| {
        certificate.tbs_certificate.subject == *name && !is_self_issued(certificate)
    };
    let mut last = chain.first()?;
    // A malformed chain may be a circle.
    for _ in chain {
        let issuer = &last.tbs_certificate.issuer;
        match chain.iter().find(|other| is_subject(other, issuer)) {
            Some(next) if !is_self_issued(last) => last = next,
            _ => break,
        }
    }
    let issuer = &last.tbs_certificate.issuer;
    let is_root = |root: &Certificate| root.tbs_certificate.subject == *issuer;
    let is_known = is_self_issued(last)
        || chain.iter().chain(roots).any(is_root)
        // Without roots, an intermediate certificate must do.
        || (roots.is_empty() && chain.len() > 1);
    (!is_known).then_some(issuer)
}

fn is_self_issued(certificate: &Certificate) -> bool {
    certificate.tbs_certificate.subject == certificate.tbs_certificate.issuer
}

#[cfg(test)]
mod tests {
    use std::slice;

    use rcgen::{
        BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
    };

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

    fn at(year: i32, month: u8, day: u8) -> SystemTime {
        date_time_ymd(year, month, day).into()
    }

    #[test]
    fn a_chain_up_to_a_root_is_complete() {
        let [root, middle, leaf] = chain();
        let now = at(2030, 6, 1);
        for (chain, roots, missing) in [
            (vec![leaf.clone(), middle.clone(), root.clone()], vec![], None),
            (vec![leaf.clone(), middle.clone()], vec![root.clone()], None),
            (vec![leaf.clone(), middle.clone()], vec![], None),
            (vec![root.clone()], vec![], None),
            (vec![leaf.clone()], vec![middle.clone()], None),
            (vec![leaf.clone()], vec![], Some("CN=middle")),
            (vec![leaf.clone()], vec![root.clone()], Some("CN=middle")),
            (vec![leaf.clone(), root.clone()], vec![root.clone()], Some("CN=middle")),
            (vec![leaf.clone(), middle], vec![leaf], Some("CN=root")),
        ] {
            let problems = problems(&chain, &roots, now);
            assert_eq!(problems.len(), usize::from(missing.is_some()), "{problems:?}");
            assert!(missing.is_none_or(|missing| problems[0].contains(missing)), "{problems:?}");
        }
    }

    #[test]
    fn certificates_must_be_valid_for_14_more_days() {
        let [root, ..] = chain();
        for (now, expected) in [
            (at(2029, 12, 31), Some("it is not valid before 2030-01-01")),
            (at(2030, 12, 16), None),
            (at(2030, 12, 18), Some("it expires soon, at 2030-12-31")),
            (at(2031, 1, 1), Some("it expired at 2030-12-31")),
        ] {
            let problems = problems(slice::from_ref(&root), &[], now);
            let problem = problems.first().map(String::as_str);
            assert_eq!(problem.is_some(), expected.is_some(), "{problems:?}");
            assert!(problem.unwrap_or_default().starts_with(expected.unwrap_or_default()));
        }
    }
}
