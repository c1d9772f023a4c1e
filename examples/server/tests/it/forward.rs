//! Deliveries forwarded to programs: the original bytes, to every address, at least once.

mod attempts;
mod crash;
#[cfg(feature = "nats")]
mod nats;
mod python;
mod sent;

use standardwebhooks::Webhook;

use crate::support::{Directory, program};

crate::support::on_each_database! {
    sent::every_delivery_is_forwarded_to_every_address_as_it_arrived,
    sent::filters_select_events_and_properties,
    sent::a_failed_attempt_is_repeated_with_the_same_id_and_gone_is_not,
    attempts::lists_every_attempt_with_its_outcome,
    attempts::keeps_the_last_20_attempts,
    attempts::an_abandoned_forward_names_its_setting,
    sent::the_signature_of_tawk_to_is_forwarded_only_if_it_is_asked_for,
}

#[test]
fn forward_secret_prints_a_secret() {
    let output = program(&Directory::new(), &[]).args(["forward", "secret"]).output().unwrap();
    let secret = String::from_utf8(output.stdout).unwrap();
    Webhook::new(secret.trim()).unwrap();
    assert!(secret.starts_with("whsec_") && output.status.success(), "{secret}");
}
