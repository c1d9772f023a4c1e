//! The client against receivers that do as receivers do.

mod tls;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use http::header::AUTHORIZATION;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::*;

const BODY: &str = r#"{"text":"Gwendolen wrote: my door is open"}"#;

fn client() -> Client {
    Client::trusting(RootCertStore::empty()).unwrap()
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn notification(scheme: &str, address: SocketAddr) -> Request<Bytes> {
    Request::post(format!("{scheme}://{address}/services/hXq7Zp2mVd9k?to=Qw8eRt5z"))
        .header(AUTHORIZATION, "Bearer tkAgQdq7mVHD38")
        .body(Bytes::from_static(BODY.as_bytes()))
        .unwrap()
}

/// Takes the request that comes over `stream`, and answers it.
async fn answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), answer: &str) {
    let mut request = Vec::new();
    while !request.ends_with(BODY.as_bytes()) {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
}

/// What becomes of a notification that is answered so, after which the receiver hangs up.
async fn answered(text: &str) -> Result<(), Failure> {
    let (listener, address) = listen().await;
    let receiver = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        answer(&mut stream, text).await;
    };
    let client = client();
    tokio::join!(client.send(notification("http", address)), receiver).0
}

/// The same of one whose receiver writes `again` for ever after `begin`; it has to be stopped.
async fn answered_endlessly(begin: &'static str, again: &str) -> Result<(), Failure> {
    /// Far more than the system keeps for the two of them.
    const TOO_MUCH: usize = 64 * 1024 * 1024;

    let (listener, address) = listen().await;
    let again = again.repeat(64 * 1024 / again.len());
    let receiver = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        answer(&mut stream, begin).await;
        for _ in 0..TOO_MUCH / again.len() {
            stream.write_all(again.as_bytes()).await?;
        }
        io::Result::Ok(())
    });
    let sent = client().send(notification("http", address)).await;
    let ended = receiver.await.unwrap().unwrap_err().kind();
    assert!(matches!(ended, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{ended}");
    sent
}

/// Why it failed, as long as that may be stored and logged.
#[track_caller]
fn why(sent: Result<(), Failure>) -> String {
    let why = sent.unwrap_err().why;
    for secret in ["127.0.0.1", "services", "hXq7Zp2mVd9k", "Qw8eRt5z", "tkAg", "Gwendolen"] {
        assert!(!why.contains(secret), "{why}");
    }
    assert!(!why.contains(char::is_control) && why.chars().count() < 300, "{why}");
    why
}

#[tokio::test]
async fn a_notification_is_taken_when_it_is_answered_2xx() {
    for head in ["200 OK\r\ncontent-length: 2", "202 Accepted", "204 No Content"] {
        answered(&format!("HTTP/1.1 {head}\r\n\r\nok")).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_said_of_a_taken_notification_is_not_waited_for() {
    answered("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut o").await.unwrap();
    answered_endlessly("HTTP/1.1 200 OK\r\n\r\n", "more ").await.unwrap();
}

#[tokio::test]
async fn a_refusal_says_what_the_receiver_said_and_nothing_of_the_request() {
    for (text, expected) in [
        ("400 Bad Request\r\n\r\ninvalid_payload", "the receiver answered 400: invalid_payload"),
        ("500 Internal Server Error\r\n\r\n", "the receiver answered 500"),
        (
            "404 Not Found\r\n\r\nCannot POST\n/services/hXq7Zp2mVd9k?to=Qw8eRt5z",
            "the receiver answered 404: Cannot POST /…/…?to=…",
        ),
        (
            "422 Unprocessable Content\r\ncontent-length: 99\r\n\r\n{\"input\": \"Gwendolen",
            "the receiver answered 422: {\"input\": \"…",
        ),
    ] {
        assert_eq!(why(answered(&format!("HTTP/1.1 {text}")).await), expected);
    }
}

#[tokio::test]
async fn a_receiver_may_ask_for_time() {
    for (status, value, seconds) in [
        ("429 Too Many Requests", "30", 30),
        ("503 Service Unavailable", "Fri, 31 Dec 9999 23:59:59 GMT", 3600),
        ("503 Service Unavailable", "Sun, 06 Nov 1994 08:49:37 GMT", 0),
    ] {
        let text = format!("HTTP/1.1 {status}\r\nretry-after: {value}\r\n\r\n");
        let failure = answered(&text).await.unwrap_err();
        assert_eq!(failure.retry_after, Some(Duration::from_secs(seconds)), "{value}");
    }
    let failure = answered("HTTP/1.1 500 Internal Server Error\r\n\r\n").await.unwrap_err();
    assert_eq!(failure.retry_after, None);
}

#[tokio::test]
async fn gone_alone_is_final() {
    for (status, is_final) in [("410 Gone", true), ("404 Not Found", false), ("400 No", false)] {
        let failure = answered(&format!("HTTP/1.1 {status}\r\n\r\n")).await.unwrap_err();
        assert_eq!(failure.is_final, is_final, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let location = format!("http://{}/services/moved", elsewhere.local_addr().unwrap());
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"] {
        let text = format!("HTTP/1.1 {status}\r\nlocation: {location}\r\n\r\n{location}");
        let why = why(answered(&text).await);
        assert!(why.ends_with("it has moved; name its new address in NOTIFY_URL"), "{why}");
        assert_eq!(elsewhere.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}

#[tokio::test]
async fn an_endless_body_is_cut_and_its_beginning_quoted() {
    let sent = answered_endlessly("HTTP/1.1 500 No\r\n\r\n", "more ").await;
    let expected = format!("the receiver answered 500: {}", "more ".repeat(40));
    assert_eq!(why(sent), expected);
}

#[tokio::test]
async fn an_endless_head_is_cut() {
    for again in ["x", "x: y\r\n"] {
        let why = why(answered_endlessly("HTTP/1.1 200 OK\r\nx: ", again).await);
        assert!(why.ends_with("broke off: message head is too large"), "{why}");
    }
}

#[tokio::test]
async fn a_head_is_read_up_to_its_limit() {
    for (length, is_taken) in [(HEAD_LIMIT / 2, true), (HEAD_LIMIT * 2, false)] {
        let text = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(length));
        assert_eq!(answered(&text).await.is_ok(), is_taken, "{length}");
    }
}

#[tokio::test]
async fn a_receiver_that_hangs_up_or_speaks_no_http_is_a_failure() {
    for text in ["", "HTTP/1.1 200 OK\r\nx", "220 mail.example.com ESMTP\r\n"] {
        let why = why(answered(text).await);
        assert!(why.starts_with("the exchange with the receiver broke off: "), "{why}");
    }
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_a_failure() {
    let (listener, address) = listen().await;
    drop(listener);
    let why = why(client().send(notification("http", address)).await);
    assert!(why.starts_with("cannot connect to the receiver: Connection refused"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_never_answers_is_given_up_after_10_seconds() {
    let (_listener, address) = listen().await;
    let begun = Instant::now();
    let why = why(client().send(notification("http", address)).await);
    assert_eq!(why, "the receiver did not answer within 10 s");
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_never_shakes_hands_is_given_up_after_5_seconds() {
    let (_listener, address) = listen().await;
    let begun = Instant::now();
    let why = why(client().send(notification("https", address)).await);
    assert_eq!(why, "cannot connect to the receiver: that took longer than 5 s");
    assert_eq!(begun.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_never_ends_counts_after_10_seconds() {
    let (listener, address) = listen().await;
    let (done, finished) = oneshot::channel::<()>();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        answer(&mut stream, "HTTP/1.1 503 No\r\nretry-after: 7\r\n\r\nnot now").await;
        let _ = finished.await;
    });
    let begun = Instant::now();
    let failure = client().send(notification("http", address)).await.unwrap_err();
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert_eq!(failure.why, "the receiver answered 503: not now");
    assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
    drop(done);
}
