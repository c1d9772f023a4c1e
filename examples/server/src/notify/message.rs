//! [`Message`]: the text of a notification, before a channel formats it.
//!
//! The title says who and where, and the text starts with a quote: a phone shows only its start.
//! What people wrote is sanitized here. A channel escapes what its own receivers interpret.

use std::collections::HashSet;

use tower_tawk::event::{Event, MessageKind, Role, TicketCreate};

use super::html::html_to_text;
use super::sanitize::{line, name, quote};
use super::trigger::Trigger;
use crate::event_summary::EventSummary;

/// Maximum characters. Names are limited too, so that a message fits into the 2,000 of Discord.
const MAX_SUBJECT_CHARS: usize = 120;
const MAX_QUOTE_CHARS: usize = 300;

/// The content of a notification. It holds personal data, so there is no `Debug`.
pub struct Message {
    pub trigger: Trigger,
    pub title: String,
    /// One to three lines.
    pub text: String,
}

impl Message {
    pub fn new(event: &Event, trigger: Trigger) -> Self {
        let summary = EventSummary::new(event);
        let agents = agents(event);
        let person = event.person().filter(|person| !person.has_placeholder_name());
        let person = person.and_then(|person| name(person.name()?));
        let property = event.property().and_then(|property| name(property.name.as_deref()?));
        let place = property.or_else(|| name(summary.property_id?));
        let place = place.map(|place| format!(" in {place}")).unwrap_or_default();
        let title = format!("{}{place}", action(event, trigger, &agents, person.as_deref()));
        let reference = reference(&summary, person);
        let lines = [subject(event), excerpt(event, trigger), reference];
        let lines: Vec<_> = lines.into_iter().flatten().filter(|line| !line.is_empty()).collect();
        Self { trigger, title, text: lines.join("\n") }
    }
}

/// Returns the names of the agents who replied, each once, in the order of their first replies.
fn agents(event: &Event) -> Vec<String> {
    let names = event.agent_replies().filter_map(|reply| reply.sender.as_ref()?.name.as_deref());
    let mut seen = HashSet::new();
    names.filter(|name| seen.insert(*name)).filter_map(name).collect()
}

fn action(event: &Event, trigger: Trigger, agents: &[String], person: Option<&str>) -> String {
    match (event, event.opened_by()) {
        (Event::ChatStart(_), Some(Role::Agent)) => "An agent opened a chat".to_owned(),
        (Event::ChatStart(_), _) => format!("{} opened a chat", person.unwrap_or("A visitor")),
        (Event::ChatEnd(_), _) => "A chat ended".to_owned(),
        (Event::TranscriptCreated(_), _) if trigger == Trigger::AgentReply => {
            format!("{} replied", list(agents))
        }
        (Event::TranscriptCreated(_), _) => "Transcript of a chat".to_owned(),
        (Event::TicketCreate(TicketCreate { ticket, .. }), _) => {
            let number = ticket.human_id.map(|number| format!("ticket {number}"));
            let ticket = number.as_deref().unwrap_or("a ticket");
            format!("{} opened {ticket}", person.unwrap_or("A requester"))
        }
        _ => "Unknown event".to_owned(),
    }
}

/// Names three agents, and counts the others.
fn list(agents: &[String]) -> String {
    match agents {
        [] => "An agent".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, three, more @ ..] => format!("{one}, {two}, {three} and {} more", more.len()),
    }
}

/// Returns what to search for in the dashboard.
fn reference(summary: &EventSummary<'_>, person: Option<String>) -> Option<String> {
    let Some(chat) = summary.chat_id.and_then(name) else {
        return Some(format!("Ticket {}", name(summary.ticket_id?)?));
    };
    let person = person.map(|person| format!(" with {person}")).unwrap_or_default();
    Some(format!("Chat {chat}{person}"))
}

fn subject(event: &Event) -> Option<String> {
    let Event::TicketCreate(TicketCreate { ticket, .. }) = event else { return None };
    Some(line(ticket.subject.as_deref()?, MAX_SUBJECT_CHARS))
}

/// Returns a quote of what was written. Of a transcript it is the last reply of an agent, as the
/// first is usually a greeting, or the last message if the trigger is the transcript.
fn excerpt(event: &Event, trigger: Trigger) -> Option<String> {
    match event {
        Event::ChatStart(start) => {
            let message = start.message.as_ref()?;
            // The labels and values of a form are on lines of their own, which would run together.
            let form: Vec<_> =
                event.pre_chat_form().map(|(label, value)| format!("{label}: {value}")).collect();
            let form = (!form.is_empty()).then(|| form.join("; "));
            quote_with_files(form.as_deref().or(message.text.as_deref()), message.kind.as_ref(), 0)
        }
        Event::TranscriptCreated(transcript) => {
            transcript.chat.messages.iter().rev().find_map(|message| {
                let role = message.sender.as_ref().and_then(|sender| sender.role.as_ref());
                let agents_only = trigger == Trigger::AgentReply;
                if role == Some(&Role::System) || (agents_only && role != Some(&Role::Agent)) {
                    return None;
                }
                let files = message.attachments.len() + message.omitted_attachments;
                quote_with_files(message.text.as_deref(), message.kind.as_ref(), files)
            })
        }
        Event::TicketCreate(TicketCreate { ticket, .. }) => {
            quote(&html_to_text(ticket.message.as_deref()?), MAX_QUOTE_CHARS)
        }
        _ => None,
    }
}

fn quote_with_files(
    text: Option<&str>,
    kind: Option<&MessageKind>,
    files: usize,
) -> Option<String> {
    let files = match (files, kind) {
        (0, Some(MessageKind::WebrtcCall)) => Some("a call".to_owned()),
        (1, _) | (0, Some(MessageKind::File)) => Some("a file".to_owned()),
        (0, _) => None,
        (count, _) => Some(format!("{count} files")),
    };
    let quote = text.and_then(|text| quote(text, MAX_QUOTE_CHARS));
    let parts: Vec<_> = [quote, files].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

#[cfg(test)]
mod tests {
    use Trigger::{AgentReply, ChatEnd, ChatStart, Ticket, Transcript};
    use serde_json::{Value, json};
    use tower_tawk::test_util::samples;

    use super::*;
    use crate::notify::payloads;

    fn transcript(property: &str, messages: &Value) -> Event {
        let body = json!({
            "event": "chat:transcript_created",
            "property": { "id": "p", "name": property },
            "chat": { "id": "c", "messages": messages },
        });
        Event::from_slice(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_message_says_who_where_what_and_in_which_chat() {
        const HARBOR: &str = "Harbor Lane Outfitters";
        for (payload, trigger, title, text) in [
            (
                "08",
                AgentReply,
                format!("Ingrid Vale replied in {HARBOR}"),
                "“Yes, two pairs left in brown.”\n\
                 Chat b7064c20-6d10-11ef-a0f2-57c8e9104d3b with Tomasz Wielgosz",
            ),
            (
                "08",
                Transcript,
                format!("Transcript of a chat in {HARBOR}"),
                "“Perfect, ordering now. Thanks!”\n\
                 Chat b7064c20-6d10-11ef-a0f2-57c8e9104d3b with Tomasz Wielgosz",
            ),
            (
                "10",
                Transcript,
                format!("Transcript of a chat in {HARBOR}"),
                "“hola, ¿tienen envío a Medellín?”\nChat 8e55d0b0-5b33-11ef-8a7c-1d9f64c3b2e0",
            ),
            (
                "04",
                AgentReply,
                format!("An agent opened a chat in {HARBOR}"),
                "“Hi! I saw you in the cart. Anything I can help with?”\n\
                 Chat d2a9f1c0-6d15-11ef-9be3-2f4470aa61d8",
            ),
            (
                "03",
                ChatStart,
                format!("Tomasz Wielgosz opened a chat in {HARBOR}"),
                "“Is the Ridgeway boot in stock in 44?”\n\
                 Chat b7064c20-6d10-11ef-a0f2-57c8e9104d3b with Tomasz Wielgosz",
            ),
            (
                "02",
                ChatStart,
                format!("A visitor opened a chat in {HARBOR}"),
                "“hola, ¿tienen envío a Medellín?”\nChat 8e55d0b0-5b33-11ef-8a7c-1d9f64c3b2e0",
            ),
            (
                "07",
                ChatEnd,
                format!("A chat ended in {HARBOR}"),
                "Chat 8e55d0b0-5b33-11ef-8a7c-1d9f64c3b2e0",
            ),
            (
                "12",
                Ticket,
                format!("Léonie Béranger opened ticket 1042 in {HARBOR}"),
                "Retour d’un article\n\
                 “Bonjour, Je souhaite renvoyer la veste (commande n° A-5521). Merci d’avance 🙏 \
                 Léonie”\nTicket e81c2f40-7221-11ef-9a17-b30d5c46f2ee",
            ),
        ] {
            let message = Message::new(&payloads::one(payload), trigger);
            assert_eq!((message.title, message.text.as_str()), (title, text));
        }
    }

    #[test]
    fn a_person_without_a_name_or_with_an_email_address_as_the_name_is_not_named() {
        let replied = |name: Value| {
            let messages = json!([{ "sender": { "t": "a", "n": name }, "msg": "Hello" }]);
            Message::new(&transcript("P", &messages), AgentReply).title
        };
        for name in [json!(null), json!(""), json!("a@b.example"), json!("<a@b>")] {
            assert_eq!(replied(name), "An agent replied in P");
        }
        let ticket = samples::ticket("a@b.example", "", "");
        assert_eq!(
            Message::new(&ticket, Ticket).title,
            "A requester opened ticket 271 in Lantern & Loom"
        );
        let start = samples::chat_start("a@b", "Hello");
        assert_eq!(
            Message::new(&start, ChatStart).title,
            "A visitor opened a chat in Lantern & Loom"
        );
    }

    #[test]
    fn names_three_agents_and_counts_the_others() {
        let replied = |count: usize| {
            let message = |n| json!({ "sender": { "t": "a", "n": format!("Agent {n}") } });
            let messages: Value = (1..=count).map(message).collect();
            Message::new(&transcript("P", &messages), AgentReply).title
        };
        assert_eq!(replied(3), "Agent 1, Agent 2 and Agent 3 replied in P");
        assert_eq!(replied(5), "Agent 1, Agent 2, Agent 3 and 2 more replied in P");
        assert_eq!(replied(15), "Agent 1, Agent 2, Agent 3 and 12 more replied in P");
    }

    /// A different part is the longest each time.
    #[test]
    fn a_message_within_its_limits_keeps_its_reference() {
        let long = "👋é ".repeat(5_000);
        let messages: Value = (0..10)
            .map(|n| json!({ "sender": { "t": "a", "n": format!("{n}{long}") }, "msg": long }))
            .collect();
        for (event, trigger) in [
            (transcript(&long, &messages), AgentReply),
            (samples::transcript(&long, &[(Role::Visitor, &long)]), Transcript),
            (samples::chat_start(&long, &long), ChatStart),
            (samples::ticket(&long, &long, &long), Ticket),
        ] {
            let message = Message::new(&event, trigger);
            assert!(message.title.chars().count() <= 300, "{}", message.title);
            assert!(message.text.chars().count() <= 600, "{}", message.text);
            let last = message.text.lines().last().unwrap();
            assert!(last.starts_with("Chat ") || last.starts_with("Ticket "), "{}", message.text);
        }
    }

    #[test]
    fn a_name_or_a_text_does_not_start_a_new_line() {
        let text = "a\r\nb\u{2028}c\u{85}d";
        let ticket = Message::new(&samples::ticket(text, text, text), Ticket);
        assert_eq!(ticket.title, "a b c d opened ticket 271 in Lantern & Loom");
        assert_eq!(ticket.text.lines().count(), 3);
    }
    fn excerpt_of(payload: &str, trigger: Trigger) -> String {
        excerpt(&payloads::one(payload), trigger).unwrap()
    }

    fn last_reply(messages: &Value) -> Option<String> {
        excerpt(&transcript("P", messages), AgentReply)
    }

    #[test]
    fn mentions_files_and_calls_next_to_a_text_and_without_one() {
        assert_eq!(excerpt_of("05", ChatStart), "a file");
        assert_eq!(
            excerpt_of("09", AgentReply),
            "“Got it. Please fill in this form before Thursday.” and 2 files"
        );
        let call = json!({ "sender": { "t": "a" }, "type": "webrtc-call" });
        assert_eq!(last_reply(&json!([call])).unwrap(), "a call");
    }

    #[test]
    fn quotes_the_last_reply_that_has_content() {
        let reply = |text: &str, files: usize| {
            let files = vec![json!({}); files];
            json!({ "sender": { "t": "a" }, "msg": text, "attchs": files })
        };
        let visitor = json!({ "sender": { "t": "v" }, "msg": "Thanks!" });
        let replies = [reply("Hello", 0), reply("Brown", 0), reply("", 0), visitor];
        assert_eq!(last_reply(&json!(replies)).unwrap(), "“Brown”");
        assert_eq!(last_reply(&json!([reply("Hello", 0), reply("", 1)])).unwrap(), "a file");
        assert_eq!(last_reply(&json!([reply("", 0)])), None);
    }

    #[test]
    fn quotes_a_form_label_by_label_and_without_its_email_address() {
        assert_eq!(
            excerpt_of("01", ChatStart),
            "“Name (required): Nadia Okafor-Lind; Email (required): [email]; Phone: 5550142087; \
             How can we help?: Do the rain jackets run small?”"
        );
    }

    #[test]
    fn quotes_the_message_of_a_ticket_without_its_html() {
        let ticket = samples::ticket("A", "B", "<p>Bonjour,</p>\n<p>c&#64;d.example &amp; e</p>");
        assert_eq!(excerpt(&ticket, Ticket).unwrap(), "“Bonjour, [email] & e”");
    }

    #[test]
    fn quotes_nothing_if_nothing_was_written() {
        for event in [
            samples::chat_end("A"),
            samples::chat_start("A", ""),
            samples::chat_start("A", " \u{200b}\n"),
            samples::ticket("A", "B", ""),
            samples::transcript("A", &[(Role::System, "Welcome!")]),
            samples::unknown("chat:message"),
        ] {
            assert_eq!(excerpt(&event, Transcript), None);
        }
    }

    #[test]
    fn names_each_agent_who_has_a_name_once() {
        let names = ["Ingrid", "a@b.example", "Ingrid", "Wren\n"];
        let names = names.map(str::to_owned).into_iter().chain((0..10).map(|n| n.to_string()));
        let messages: Value =
            names.map(|name| json!({ "sender": { "t": "a", "n": name } })).collect();
        let message = Message::new(&transcript("P", &messages), AgentReply);
        assert_eq!(message.title, "Ingrid, Wren, 0 and 9 more replied in P");
    }
}
