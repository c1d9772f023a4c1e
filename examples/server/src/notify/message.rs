//! [`Message`]: the text of a notification, before a channel formats it.
//!
//! The title says who and where, the text what was written and in which chat. A phone shows the
//! title and the start of the text, so the text starts with the quote. Everything that a visitor or
//! an agent wrote is sanitized here. A channel still escapes what its own receivers interpret.

use serde_json::{Map, Value};
use tower_tawk::event::{Event, FirstMessage, MessageKind, Role, TicketCreate};

use super::sanitize::{html_to_text, line, name, quote, truncate};
use super::trigger::Trigger;
use crate::event_summary::EventSummary;

/// Limits in characters. A phone truncates earlier, and Discord accepts 2,000 in total.
const MAX_TITLE_CHARS: usize = 80;
const MAX_TEXT_CHARS: usize = 600;
const MAX_SUBJECT_CHARS: usize = 120;
const MAX_QUOTE_CHARS: usize = 300;

/// Maximum agents named in a title. The others are counted.
const MAX_AGENTS_IN_TITLE: usize = 3;

/// Maximum agents listed in `fields`.
const MAX_AGENTS: usize = 10;

/// The content of a notification. It holds personal data, so there is no `Debug`.
pub struct Message {
    pub trigger: Trigger,
    pub title: String,
    /// One to three lines.
    pub text: String,
    /// The event's fields for programs, named as in log records.
    pub fields: Map<String, Value>,
}

impl Message {
    pub fn new(event: &Event, trigger: Trigger) -> Self {
        let summary = EventSummary::new(event);
        let agents: Vec<_> = summary.agents().into_iter().filter_map(name).collect();
        let person = person(&summary);
        let place = summary.property.and_then(name).or_else(|| name(summary.property_id?));
        let place = place.map(|place| format!(" in {place}")).unwrap_or_default();
        let full_title = format!("{}{place}", action(event, trigger, &agents, person.as_deref()));
        let title = truncate(&full_title, MAX_TITLE_CHARS);
        let mut reference = reference(&summary, person);
        if title != full_title {
            // Long names leave no room for the place in the title.
            reference.push_str(&place);
        }
        let subject = summary.subject.map(|subject| line(subject, MAX_SUBJECT_CHARS));
        let lines = [subject, excerpt(event, trigger), Some(reference)].into_iter().flatten();
        let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
        let text = truncate(&lines.join("\n"), MAX_TEXT_CHARS);
        Self { trigger, title, text, fields: fields(&summary, trigger, agents) }
    }
}

/// Returns the fields that are known.
fn fields(
    summary: &EventSummary<'_>,
    trigger: Trigger,
    mut agents: Vec<String>,
) -> Map<String, Value> {
    let text = |text: Option<&str>| text.and_then(name).map(Value::from);
    agents.truncate(MAX_AGENTS);
    let fields = [
        ("trigger", Some(trigger.name().into())),
        ("event", text(summary.event)),
        ("event_time", text(summary.event_time)),
        ("property_id", text(summary.property_id)),
        ("property", text(summary.property)),
        ("chat_id", text(summary.chat_id)),
        ("ticket_id", text(summary.ticket_id)),
        ("messages", summary.messages.map(Value::from)),
        ("agent_replies", summary.agent_replies.map(Value::from)),
        ("agents", Some(agents).filter(|agents| !agents.is_empty()).map(Value::from)),
    ];
    fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// Returns the name of the visitor or the requester, if there is one.
fn person(summary: &EventSummary<'_>) -> Option<String> {
    let person = summary.person.filter(|person| !person.has_placeholder_name())?;
    name(person.name()?)
}

/// Returns who did what.
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

/// Returns `Ingrid Vale`, `Ingrid Vale and Wren Okafor` or `Ingrid Vale, Wren Okafor and 2 more`.
fn list(agents: &[String]) -> String {
    let (named, others) = agents.split_at(agents.len().min(MAX_AGENTS_IN_TITLE));
    let more = (!others.is_empty()).then(|| format!("{} more", others.len()));
    let names: Vec<_> = named.iter().map(String::as_str).chain(more.as_deref()).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => "An agent".to_owned(),
    }
}

/// Returns what to search for in the dashboard.
fn reference(summary: &EventSummary<'_>, person: Option<String>) -> String {
    match (summary.chat_id.and_then(name), summary.ticket_id.and_then(name), person) {
        (Some(chat), _, Some(person)) => format!("Chat {chat} with {person}"),
        (Some(chat), _, None) => format!("Chat {chat}"),
        (None, Some(ticket), _) => format!("Ticket {ticket}"),
        (None, None, _) => String::new(),
    }
}

/// Returns a quote of what was written.
///
/// Of a transcript it is the last reply of an agent: the first is usually a greeting. If the
/// trigger is the transcript, it is the last message of an agent or the visitor.
fn excerpt(event: &Event, trigger: Trigger) -> Option<String> {
    match event {
        Event::ChatStart(start) => first_message(event, start.message.as_ref()?),
        Event::TranscriptCreated(transcript) => {
            let agents_only = trigger == Trigger::AgentReply;
            let mut messages =
                transcript.chat.messages.iter().rev().filter(|message| {
                    match message.sender.as_ref().and_then(|sender| sender.role.as_ref()) {
                        Some(Role::Agent) => true,
                        Some(Role::System) => false,
                        _ => !agents_only,
                    }
                });
            messages.find_map(|message| {
                let files = message.attachments.len() + message.omitted_attachments;
                quote_with_files(message.text.as_deref(), message.kind.as_ref(), files)
            })
        }
        Event::TicketCreate(created) => {
            quote(&html_to_text(created.ticket.message.as_deref()?), MAX_QUOTE_CHARS)
        }
        _ => None,
    }
}

/// The labels and values of a form are on lines of their own, which would run together.
fn first_message(event: &Event, message: &FirstMessage) -> Option<String> {
    let form: Vec<_> =
        event.pre_chat_form().map(|(label, value)| format!("{label}: {value}")).collect();
    let form = (!form.is_empty()).then(|| form.join("; "));
    quote_with_files(form.as_deref().or(message.text.as_deref()), message.kind.as_ref(), 0)
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
    match (quote, files) {
        (Some(quote), Some(files)) => Some(format!("{quote} and {files}")),
        (quote, files) => quote.or(files),
    }
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
        let messages = json!([{ "sender": { "t": "a", "n": long }, "msg": long }]);
        for (event, trigger) in [
            (transcript(&long, &messages), AgentReply),
            (samples::transcript(&long, &[(Role::Visitor, &long)]), Transcript),
            (samples::chat_start(&long, &long), ChatStart),
            (samples::ticket(&long, &long, &long), Ticket),
        ] {
            let message = Message::new(&event, trigger);
            assert!(message.title.chars().count() <= MAX_TITLE_CHARS, "{}", message.title);
            assert!(message.text.chars().count() <= MAX_TEXT_CHARS, "{}", message.text);
            let last = message.text.lines().last().unwrap();
            assert!(last.starts_with("Chat ") || last.starts_with("Ticket "), "{}", message.text);
            if message.title.ends_with('…') {
                let property = message.fields["property"].as_str().unwrap();
                assert!(last.ends_with(&format!(" in {property}")), "{}", message.text);
            }
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
    fn fields_are_named_as_in_the_log_and_those_not_known_left_out() {
        assert_eq!(
            Value::from(Message::new(&payloads::one("09"), AgentReply).fields),
            json!({
                "trigger": "agent-reply",
                "event": "chat:transcript_created",
                "event_time": "2024-09-11T07:31:44.256Z",
                "property_id": "65c9ab3417f2d80e6a4b1573",
                "property": "Pinewood Dental",
                "chat_id": "0f3d8840-7011-11ef-b6c5-93d2fe01a7c4",
                "messages": 3,
                "agent_replies": 1,
                "agents": ["Dr. Osei's desk"],
            })
        );
        let ticket = Message::new(&samples::ticket("a@b", "c@d", "e@f"), Ticket);
        let keys: Vec<_> = ticket.fields.keys().map(String::as_str).collect();
        let known = ["trigger", "event", "event_time", "property_id", "property", "ticket_id"];
        assert_eq!(keys, known);
    }

    #[test]
    fn lists_ten_agents_who_have_a_name() {
        let names = ["Ingrid", "a@b.example", "Ingrid", "Wren\n"];
        let names = names.map(str::to_owned).into_iter().chain((0..10).map(|n| n.to_string()));
        let messages: Value =
            names.map(|name| json!({ "sender": { "t": "a", "n": name } })).collect();
        let message = Message::new(&transcript("P", &messages), AgentReply);
        assert_eq!(message.title, "Ingrid, Wren, 0 and 9 more replied in P");
        let expected = json!(["Ingrid", "Wren", "0", "1", "2", "3", "4", "5", "6", "7"]);
        assert_eq!(message.fields["agents"], expected);
        assert_eq!(message.fields["agent_replies"], 14);
    }
}
