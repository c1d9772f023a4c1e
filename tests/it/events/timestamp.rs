//! Timestamps.

use std::time::{Duration, SystemTime};

use serde_json::json;
use tower_tawk::event::{InvalidTimestamp, Timestamp};

use super::documents::{chat_end, decode, documents, with};

fn time(text: &str) -> Timestamp {
    let changed = with(&chat_end(), "/time", json!(text));
    decode(changed.to_string()).time().unwrap().clone()
}

#[track_caller]
fn assert_seconds(text: &str, seconds: u64) {
    let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    assert_eq!(time(text).to_system_time(), Ok(expected), "{text}");
}

#[test]
fn timestamps_are_parsed() {
    // Computed with `date --utc --date TEXT +%s`.
    assert_seconds("1970-01-01T00:00:00.000Z", 0);
    assert_seconds("2024-08-15T09:12:41Z", 1_723_713_161);
    assert_seconds("2024-02-29T23:59:59.000Z", 1_709_251_199);
    assert_seconds("2038-01-19T03:14:08.000Z", 2_147_483_648);
    assert_seconds("9999-12-31T23:59:59.000Z", 253_402_300_799);
    let expected = SystemTime::UNIX_EPOCH + Duration::from_millis(1_723_713_161_307);
    assert_eq!(time("2024-08-15T09:12:41.307Z").to_system_time(), Ok(expected));
}

#[test]
fn a_leap_second_is_parsed_as_the_second_before() {
    assert_seconds("2016-12-31T23:59:60.000Z", 1_483_228_799);
}

#[test]
fn an_invalid_timestamp_is_an_error_and_is_kept() {
    for text in [
        "now",
        " ",
        "Z",
        "2024-08-15",
        "2024-08-15T09:12:41.307",
        "2024-08-15T09:12:41.307z",
        "2024-08-15T09:12:41.307+02:00",
        "2024-08-15 09:12:41.307Z",
        " 2024-08-15T09:12:41.307Z",
        "2024-08-15T09:12:41.307Z ",
        "2024-8-15T09:12:41.307Z",
        "2024-00-15T09:12:41.307Z",
        "2024-13-15T09:12:41.307Z",
        "2024-08-00T09:12:41.307Z",
        "2024-08-32T09:12:41.307Z",
        "2023-02-29T09:12:41.307Z",
        "2024-08-15T24:00:00.000Z",
        "2024-08-15T09:60:00.000Z",
        "2024-08-15T09:12:61.000Z",
        "1969-12-31T23:59:59.999Z",
        "0000-01-01T00:00:00.000Z",
        "-001-01-01T00:00:00.000Z",
        "10000-01-01T00:00:00.000Z",
        "+2024-08-15T09:12:41.307Z",
        "2024-08-15T09:12:41.xZ",
        "２０２４-08-15T09:12:41Z",
        "éééééééééééééééééééZ",
        "1723713161307",
    ] {
        let time = time(text);
        assert!(time.to_system_time().is_err(), "{text:?} is {:?}", time.to_system_time());
        assert_eq!(time.as_str(), text);
        assert_eq!(time.to_string(), text);
    }
}

#[test]
fn malformed_timestamps_do_not_panic() {
    let text = "2024-08-15T09:12:41.307Z";
    for at in 0..text.len() {
        let _ = time(&text[at..]).to_system_time();
        for character in ['0', '9', 'Z', '-', 'é', '\u{0}', '😀'] {
            let _ =
                time(&format!("{}{character}{}", &text[..at], &text[at + 1..])).to_system_time();
        }
    }
    let _ = time(&format!("2024-08-15T09:12:41.{}Z", "9".repeat(100_000))).to_system_time();
}

#[test]
fn every_event_has_a_timestamp() {
    for document in documents() {
        let event = decode(document.to_string());
        assert_eq!(event.time().map(Timestamp::as_str), document["time"].as_str());
        assert!(event.time().unwrap().to_system_time().is_ok());
    }
}

#[test]
fn the_error_does_not_contain_the_text() {
    let error: InvalidTimestamp = time("nadia.okafor@example.com").to_system_time().unwrap_err();
    assert_eq!(
        error.to_string(),
        "timestamp is invalid; expected RFC 3339 in UTC, such as 2024-08-15T09:12:41.307Z"
    );
    assert!(!format!("{error:?}").contains("nadia"));
}
