//! [`Email`]: plain-text mail to one address, by a mail server (RFC 5321).

use anyhow::{Context, Result, ensure};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use percent_encoding::percent_decode_str;
use reqwest::Url;
use tokio::time::timeout;

use crate::http_client::{CONNECT_TIMEOUT, TIMEOUT};
use crate::notify::message::Message;
use crate::notify::send_error::SendError;

const EXPECTED_URL: &str = "for email expected smtps://USER:PASSWORD@HOST/?from=ADDRESS&to=ADDRESS \
                            or smtp://… with &tls=required for STARTTLS";

pub struct Email {
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Mailbox,
}

impl Email {
    /// Parses `from` and `to`. The rest is a URL of `lettre`, which documents `tls` and the path.
    pub fn new(text: &str, url: &Url) -> Result<Self> {
        let mailbox = |name: &str| {
            let pairs = url.query()?.split('&').filter_map(|pair| pair.split_once('='));
            let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
            // In an address `+` is not a space.
            let value = values.next().filter(|_| values.next().is_none())?;
            percent_decode_str(value).decode_utf8().ok()?.parse().ok()
        };
        let from = mailbox("from").context(EXPECTED_URL)?;
        let to = mailbox("to").context(EXPECTED_URL)?;
        ensure!(url.username().is_empty() == url.password().is_none(), EXPECTED_URL);
        // The error may contain the URL.
        let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(text).ok();
        let server = server.context(EXPECTED_URL)?.timeout(Some(CONNECT_TIMEOUT)).build();
        Ok(Self { server, from, to })
    }

    /// Sends a notification. The key is the same for each attempt.
    pub async fn send(&self, message: &Message, key: &str) -> Result<String, SendError> {
        let mail = self.mail(message, key).map_err(|_| SendError::permanent("invalid email"))?;
        let sent = timeout(TIMEOUT, self.server.send(mail)).await;
        let sent = sent.map_err(|_| SendError::timed_out())?;
        let response = sent.map_err(|error| SendError::smtp(&error))?;
        Ok(format!("receiver responded with {}", response.code()))
    }

    fn mail(&self, message: &Message, key: &str) -> Result<Mail, lettre::error::Error> {
        // So that an absence note is not a response (RFC 3834, section 5).
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Mail::builder()
            .from(self.from.clone())
            .to(self.to.clone())
            .message_id(Some(format!("<{key}@{}>", self.from.email.domain())))
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .subject(&*message.title)
            .header(ContentType::TEXT_PLAIN)
            .body(message.text.clone())
    }
}

#[cfg(test)]
mod tests {
    use tower_tawk::test_util::samples;

    use super::*;
    use crate::notify::Trigger;

    const URL: &str =
        "smtp://mail.example.com/?from=Shop%20%3Cshop@example.com%3E&to=a+b@example.org";

    fn mail(message: &Message) -> String {
        let url = Url::parse(URL).unwrap();
        let mail = Email::new(URL, &url).unwrap().mail(message, "0a1b").unwrap();
        String::from_utf8(mail.formatted()).unwrap()
    }

    #[test]
    fn a_notification_is_a_plain_text_mail() {
        let message = Message::new(&samples::chat_end("Noor"), Trigger::ChatEnd);
        let mail = mail(&message);
        for line in [
            "From: Shop <shop@example.com>",
            "To: a+b@example.org",
            "Message-ID: <0a1b@example.com>",
            "Auto-Submitted: auto-generated",
            "Subject: A chat ended in Lantern & Loom",
            "Content-Type: text/plain; charset=utf-8",
        ] {
            assert!(mail.lines().any(|other| other == line), "{line} in {mail}");
        }
        assert!(mail.contains(&format!("\r\n\r\n{}", message.text)), "{mail}");
    }

    #[test]
    fn what_people_write_adds_no_header() {
        let evil = "Noor\r\nBcc: c@example.com\r\n\r\n<b>é</b>";
        let mail = mail(&Message::new(&samples::ticket(evil, evil, evil), Trigger::Ticket));
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{mail}");
        assert_eq!(head.matches("Content-Type:").count(), 1, "{mail}");
        // Encoded, since it is not ASCII.
        assert!(head.contains("Subject: ") && !head.contains("<b>"), "{mail}");
    }

    #[test]
    fn no_address_of_a_visitor_is_in_a_mail() {
        let text = "hidden@example.com";
        let mail = mail(&Message::new(&samples::ticket(text, text, text), Trigger::Ticket));
        assert!(!mail.contains("hidden"), "{mail}");
    }
}
