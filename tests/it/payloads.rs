//! The documented payloads, with signatures that openssl has made.

use std::fs;
use std::path::Path;

use crate::support::inner::answer;
use crate::support::{request, secret};
use bytes::Bytes;
use http_body_util::Full;
use tower_tawk::TawkSignatureLayer;

#[tokio::test]
async fn the_twelve_payloads_verify_with_their_signatures() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/payloads");
    let table = fs::read_to_string(folder.join("SIGNATURES.tsv")).unwrap();
    let mut verified = 0;
    for row in table.lines().filter(|row| row.contains(".json\t")) {
        let mut columns = row.split('\t');
        let (file, length) = (columns.next().unwrap(), columns.next().unwrap());
        let body = Bytes::from(fs::read(folder.join(file)).unwrap());
        assert_eq!(body.len().to_string(), length, "{file}");

        let request = request(columns.next().unwrap(), Full::new(body.clone()));
        let answer = answer(TawkSignatureLayer::enforce(secret()), request).await;
        assert!(answer.is_verified(), "{file}");
        assert_eq!(answer.body(), &body);
        verified += 1;
    }
    assert_eq!(verified, 12);
}
