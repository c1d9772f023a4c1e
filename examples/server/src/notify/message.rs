//! [`Message`]: what somebody is told of an event, before a channel gives it its form.
//!
//! The title says who and where, the text what was said and to whom. A phone shows the title and
//! the beginning of the text, so that neither repeats the other, and the text begins with the words
//! that somebody else has written. Those are cleaned (`words.rs`) before they come in here;
//! a channel still has to escape what acts on its own receivers.

use tower_tawk::event::{Event, Role, TicketCreate};

use super::facts::Facts;
use super::said::said;
use super::words::{cut, line, list, name};
use crate::config::Occasion;

/// Limits, in characters. A phone cuts earlier; Discord takes no more than 2,000 in all.
const TITLE_LENGTH_MOST: usize = 80;
const TEXT_LENGTH_MOST: usize = 600;
const SUBJECT_LENGTH_MOST: usize = 120;

const AGENTS_NAMED_MOST: usize = 3;

/// It holds what people wrote, and has no `Debug` for that reason.
pub(crate) struct Message {
    pub(crate) title: String,
    /// One to three lines.
    pub(crate) text: String,
    pub(crate) facts: Facts,
}

impl Message {
    pub(crate) fn new(event: &Event, occasion: Occasion) -> Self {
        let facts = Facts::of(event, occasion);
        let person = person(event);
        let place = facts.property.as_ref().or(facts.property_id.as_ref());
        let place = place.map(|place| format!(" in {place}")).unwrap_or_default();
        let title = format!("{}{place}", what_happened(event, &facts, person.as_deref()));
        let mut reference = reference(&facts, person);
        let cut_title = cut(&title, TITLE_LENGTH_MOST);
        // Long names leave no room in the title to say where.
        if cut_title != title {
            reference.push_str(&place);
        }
        let lines = [subject(event), said(event, occasion), Some(reference)];
        let lines: Vec<_> = lines.into_iter().flatten().filter(|line| !line.is_empty()).collect();
        Self { title: cut_title, text: cut(&lines.join("\n"), TEXT_LENGTH_MOST), facts }
    }
}

/// The visitor or the requester, if they go by a name.
fn person(event: &Event) -> Option<String> {
    let person = event.person().filter(|person| !person.has_placeholder_name())?;
    name(person.name()?)
}

fn what_happened(event: &Event, facts: &Facts, person: Option<&str>) -> String {
    match (event, event.opened_by()) {
        (Event::ChatStart(_), Some(Role::Agent)) => "An agent opened a chat".to_owned(),
        (Event::ChatStart(_), _) => format!("{} opened a chat", person.unwrap_or("A visitor")),
        (Event::ChatEnd(_), _) => "A chat ended".to_owned(),
        (Event::TranscriptCreated(_), _) if facts.occasion == Occasion::AgentReply => {
            format!("{} replied", agents(facts))
        }
        (Event::TranscriptCreated(_), _) => "Transcript of a chat".to_owned(),
        (Event::TicketCreate(TicketCreate { ticket, .. }), _) => {
            let number = ticket.human_id.map(|number| format!("ticket {number}"));
            let ticket = number.as_deref().unwrap_or("a ticket");
            format!("{} opened {ticket}", person.unwrap_or("Somebody"))
        }
        _ => facts.event.clone().unwrap_or_else(|| "Something happened".to_owned()),
    }
}

fn agents(facts: &Facts) -> String {
    if facts.agents.is_empty() {
        return "An agent".to_owned();
    }
    let (named, others) = facts.agents.split_at(facts.agents.len().min(AGENTS_NAMED_MOST));
    list(named, others.len() + facts.more_agents)
}

/// A ticket's.
fn subject(event: &Event) -> Option<String> {
    let Event::TicketCreate(TicketCreate { ticket, .. }) = event else { return None };
    Some(line(ticket.subject.as_deref()?, SUBJECT_LENGTH_MOST))
}

/// What to look for in the dashboard.
fn reference(facts: &Facts, person: Option<String>) -> String {
    match (&facts.chat_id, &facts.ticket_id, person) {
        (Some(chat), _, Some(person)) => format!("Chat {chat} with {person}"),
        (Some(chat), _, None) => format!("Chat {chat}"),
        (None, Some(ticket), _) => format!("Ticket {ticket}"),
        (None, None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use Occasion::{AgentReply, ChatEnd, ChatStart, Ticket, Transcript};
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
    fn a_message_says_who_where_what_and_to_whom() {
        const HARBOR: &str = "Harbor Lane Outfitters";
        for (payload, occasion, title, text) in [
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
            let message = Message::new(&payloads::one(payload), occasion);
            assert_eq!((message.title, message.text.as_str()), (title, text));
        }
    }

    #[test]
    fn whoever_has_no_name_or_an_address_for_one_is_told_without() {
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
            "Somebody opened ticket 271 in Lantern & Loom"
        );
        let start = samples::chat_start("a@b", "Hello");
        assert_eq!(
            Message::new(&start, ChatStart).title,
            "A visitor opened a chat in Lantern & Loom"
        );
    }

    #[test]
    fn three_agents_are_named_and_the_others_counted() {
        let replied = |count: usize| {
            let message = |n| json!({ "sender": { "t": "a", "n": format!("Agent {n}") } });
            let messages: Value = (1..=count).map(message).collect();
            Message::new(&transcript("P", &messages), AgentReply).title
        };
        assert_eq!(replied(3), "Agent 1, Agent 2 and Agent 3 replied in P");
        assert_eq!(replied(5), "Agent 1, Agent 2, Agent 3 and 2 more replied in P");
        assert_eq!(replied(15), "Agent 1, Agent 2, Agent 3 and 12 more replied in P");
    }

    /// Which part is the longest is another one each time.
    #[test]
    fn no_message_is_longer_than_its_limits_or_loses_its_reference() {
        let long = "👋é ".repeat(5_000);
        let messages = json!([{ "sender": { "t": "a", "n": long }, "msg": long }]);
        for (event, occasion) in [
            (transcript(&long, &messages), AgentReply),
            (samples::transcript(&long, &[(Role::Visitor, &long)]), Transcript),
            (samples::chat_start(&long, &long), ChatStart),
            (samples::ticket(&long, &long, &long), Ticket),
        ] {
            let message = Message::new(&event, occasion);
            assert!(message.title.chars().count() <= TITLE_LENGTH_MOST, "{}", message.title);
            assert!(message.text.chars().count() <= TEXT_LENGTH_MOST, "{}", message.text);
            let last = message.text.lines().last().unwrap();
            assert!(last.starts_with("Chat ") || last.starts_with("Ticket "), "{}", message.text);
            if message.title.ends_with('…') {
                let property = message.facts.property.unwrap();
                assert!(last.ends_with(&format!(" in {property}")), "{}", message.text);
            }
        }
    }

    #[test]
    fn a_name_or_a_text_begins_no_line_of_its_own() {
        let text = "a\r\nb\u{2028}c\u{85}d";
        let ticket = Message::new(&samples::ticket(text, text, text), Ticket);
        assert_eq!(ticket.title, "a b c d opened ticket 271 in Lantern & Loom");
        assert_eq!(ticket.text.lines().count(), 3);
    }
}
