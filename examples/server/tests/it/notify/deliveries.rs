//! Deliveries that are worth telling.

use serde_json::Value;
use tower_tawk::event::Role;
use tower_tawk::test_util::{encode, samples};

use super::receiver::Received;
use crate::support::{Connection, sign};

/// An agent's reply of its own for each number.
pub(crate) fn reply(number: usize) -> Vec<u8> {
    let visitor = format!("Visitor {number}");
    let messages = [(Role::Visitor, "In stock in 44?"), (Role::Agent, "Two pairs.")];
    encode(&samples::transcript(&visitor, &messages)).to_vec()
}

/// The number of the delivery that was told.
pub(crate) fn number(Received { body, .. }: &Received) -> usize {
    let text = body.get("text").or(body.get("message")).and_then(Value::as_str).unwrap();
    let (_, visitor) = text.rsplit_once("with Visitor ").unwrap();
    visitor.parse().unwrap()
}

/// Delivers these numbers, one after the other.
pub(crate) fn deliver(connection: &mut Connection, numbers: impl IntoIterator<Item = usize>) {
    for number in numbers {
        let body = reply(number);
        assert_eq!(connection.post(&[("X-Tawk-Signature", &sign(&body))], &body).status, 200);
    }
}
