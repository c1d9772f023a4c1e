//! [`said`]: the words of an event that help most to decide what to do.

use tower_tawk::event::{Event, FirstMessage, MessageKind, Role};

use super::markup::plain;
use super::words::quote;
use crate::config::Occasion;

/// In characters.
const QUOTE_LENGTH_MOST: usize = 300;

/// What somebody wrote. Of a transcript the last that an agent wrote: the first is a greeting most
/// often, and the last is what the visitor was left with. Where only the transcript was asked for,
/// the last that anybody wrote.
pub(super) fn said(event: &Event, occasion: Occasion) -> Option<String> {
    match event {
        Event::ChatStart(start) => first_words(event, start.message.as_ref()?),
        Event::TranscriptCreated(transcript) => {
            let of_agents = occasion == Occasion::AgentReply;
            let mut told = transcript.chat.messages.iter().rev().filter(|message| {
                match message.sender.as_ref().and_then(|sender| sender.role.as_ref()) {
                    Some(Role::Agent) => true,
                    Some(Role::System) => false,
                    _ => !of_agents,
                }
            });
            told.find_map(|message| {
                let files = message.attachments.len() + message.omitted_attachments;
                quoted(message.text.as_deref(), message.kind.as_ref(), files)
            })
        }
        Event::TicketCreate(created) => {
            quote(&plain(created.ticket.message.as_deref()?), QUOTE_LENGTH_MOST)
        }
        _ => None,
    }
}

/// A form's labels and values stand on lines of their own, and would run together on one.
fn first_words(event: &Event, message: &FirstMessage) -> Option<String> {
    let form: Vec<_> =
        event.pre_chat_form().map(|(label, value)| format!("{label}: {value}")).collect();
    let form = (!form.is_empty()).then(|| form.join("; "));
    quoted(form.as_deref().or(message.text.as_deref()), message.kind.as_ref(), 0)
}

fn quoted(text: Option<&str>, kind: Option<&MessageKind>, files: usize) -> Option<String> {
    let files = match (files, kind) {
        (0, Some(MessageKind::WebrtcCall)) => Some("a call".to_owned()),
        (1, _) | (0, Some(MessageKind::File)) => Some("a file".to_owned()),
        (0, _) => None,
        (count, _) => Some(format!("{count} files")),
    };
    let quote = text.and_then(|text| quote(text, QUOTE_LENGTH_MOST));
    match (quote, files) {
        (Some(quote), Some(files)) => Some(format!("{quote} and {files}")),
        (quote, files) => quote.or(files),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tower_tawk::test_util::samples;

    use super::*;
    use crate::notify::payloads;

    fn told(payload: &str, occasion: Occasion) -> String {
        said(&payloads::one(payload), occasion).unwrap()
    }

    fn last_reply(replies: &Value) -> Option<String> {
        let body = json!({
            "event": "chat:transcript_created",
            "property": { "id": "p" },
            "chat": { "id": "c", "messages": replies },
        });
        said(&Event::from_slice(body.to_string().as_bytes()).unwrap(), Occasion::AgentReply)
    }

    #[test]
    fn files_and_calls_are_told_beside_a_text_and_without_one() {
        assert_eq!(told("05", Occasion::ChatStart), "a file");
        assert_eq!(
            told("09", Occasion::AgentReply),
            "“Got it. Please fill in this form before Thursday.” and 2 files"
        );
        let call = json!({ "sender": { "t": "a" }, "type": "webrtc-call" });
        assert_eq!(last_reply(&json!([call])).unwrap(), "a call");
    }

    #[test]
    fn of_replies_the_last_that_says_something_is_told() {
        let reply = |text: &str, files: usize| json!({ "sender": { "t": "a" }, "msg": text, "attchs": vec![json!({}); files] });
        let visitor = json!({ "sender": { "t": "v" }, "msg": "Thanks!" });
        let replies = [reply("Hello", 0), reply("Brown", 0), reply("", 0), visitor];
        assert_eq!(last_reply(&json!(replies)).unwrap(), "“Brown”");
        assert_eq!(last_reply(&json!([reply("Hello", 0), reply("", 1)])).unwrap(), "a file");
        assert_eq!(last_reply(&json!([reply("", 0)])), None);
    }

    #[test]
    fn a_form_is_told_label_by_label_and_without_its_address() {
        assert_eq!(
            told("01", Occasion::ChatStart),
            "“Name (required): Nadia Okafor-Lind; Email (required): [e-mail]; Phone: 5550142087; \
             How can we help?: Do the rain jackets run small?”"
        );
    }

    #[test]
    fn a_tickets_message_is_told_without_its_markup() {
        let ticket = samples::ticket("A", "B", "<p>Bonjour,</p>\n<p>c&#64;d.example &amp; e</p>");
        assert_eq!(said(&ticket, Occasion::Ticket).unwrap(), "“Bonjour, [e-mail] & e”");
    }

    #[test]
    fn what_says_nothing_is_not_quoted() {
        for event in [
            samples::chat_end("A"),
            samples::chat_start("A", ""),
            samples::chat_start("A", " \u{200b}\n"),
            samples::ticket("A", "B", ""),
            samples::transcript("A", &[(Role::System, "Welcome!")]),
            samples::unknown("chat:message"),
        ] {
            assert_eq!(said(&event, Occasion::Transcript), None);
        }
    }
}
