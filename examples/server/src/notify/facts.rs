//! [`Facts`]: what a notification says, for programs.

use std::collections::HashSet;

use serde_json::{Map, Value};
use tower_tawk::event::{Event, Timestamp};

use super::words::name;
use crate::config;
use crate::config::Occasion;

/// So many agents are named; the others are counted.
const AGENTS_MOST: usize = 10;

/// Each is on one line, cut, and without e-mail addresses.
pub(crate) struct Facts {
    pub(super) occasion: Occasion,
    pub(super) event: Option<String>,
    pub(super) event_time: Option<String>,
    pub(super) property_id: Option<String>,
    pub(super) property: Option<String>,
    pub(super) chat_id: Option<String>,
    pub(super) ticket_id: Option<String>,
    /// The names of those who replied, in the order of their first replies.
    pub(super) agents: Vec<String>,
    pub(super) more_agents: usize,
    /// How many messages a transcript has.
    pub(super) messages: Option<usize>,
    /// How many of them are by agents.
    pub(super) agent_replies: Option<usize>,
}

impl Facts {
    pub(super) fn of(event: &Event, occasion: Occasion) -> Self {
        let mut agents = agents(event);
        let more_agents = agents.len().saturating_sub(AGENTS_MOST);
        agents.truncate(AGENTS_MOST);
        let property = event.property();
        let messages = event.message_count();
        Self {
            occasion,
            event: name(event.name()),
            event_time: event.time().map(Timestamp::as_str).and_then(name),
            property_id: property.and_then(|property| name(&property.id)),
            property: property.and_then(|property| name(property.name.as_deref()?)),
            chat_id: event.chat_id().and_then(name),
            ticket_id: event.ticket_id().and_then(name),
            agents,
            more_agents,
            messages,
            agent_replies: messages.map(|_| event.agent_replies().count()),
        }
    }

    /// Under the names that the log has. What is not known is left out.
    pub(super) fn json(&self) -> Map<String, Value> {
        let texts = [
            ("event", &self.event),
            ("event_time", &self.event_time),
            ("property_id", &self.property_id),
            ("property", &self.property),
            ("chat_id", &self.chat_id),
            ("ticket_id", &self.ticket_id),
        ];
        let counts = [("messages", self.messages), ("agent_replies", self.agent_replies)];
        let mut facts = Map::new();
        facts.insert("occasion".to_owned(), config::name(&self.occasion).into());
        for (key, text) in texts {
            if let Some(text) = text {
                facts.insert(key.to_owned(), text.as_str().into());
            }
        }
        for (key, count) in counts {
            if let Some(count) = count {
                facts.insert(key.to_owned(), count.into());
            }
        }
        if !self.agents.is_empty() {
            facts.insert("agents".to_owned(), self.agents.clone().into());
        }
        facts
    }
}

/// Each once. An agent without a name is not among them.
fn agents(event: &Event) -> Vec<String> {
    let mut seen = HashSet::new();
    let names = event.agent_replies().filter_map(|reply| reply.sender.as_ref()?.name.as_deref());
    names.filter(|name| seen.insert(*name)).filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tower_tawk::test_util::samples;

    use super::*;
    use crate::notify::payloads;

    #[test]
    fn a_transcripts_facts_are_named_as_in_the_log() {
        let facts = Facts::of(&payloads::one("09"), Occasion::AgentReply).json();
        assert_eq!(
            Value::from(facts),
            json!({
                "occasion": "agent-reply",
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
    }

    #[test]
    fn a_tickets_facts_have_no_chat() {
        let facts = Facts::of(&samples::ticket("a@b", "c@d", "e@f"), Occasion::Ticket).json();
        let keys: Vec<_> = facts.keys().map(String::as_str).collect();
        let known = ["occasion", "event", "event_time", "property_id", "property", "ticket_id"];
        assert_eq!(keys, known);
    }

    #[test]
    fn agents_are_named_once_and_ten_of_them() {
        let names = ["Ingrid", "a@b.example", "Ingrid", "Wren\n"];
        let names = names.map(str::to_owned).into_iter().chain((0..10).map(|n| n.to_string()));
        let messages: Value =
            names.map(|name| json!({ "sender": { "t": "a", "n": name } })).collect();
        let body = json!({
            "event": "chat:transcript_created",
            "property": { "id": "p" },
            "chat": { "id": "c", "messages": messages },
        });
        let event = Event::from_slice(body.to_string().as_bytes()).unwrap();
        let facts = Facts::of(&event, Occasion::AgentReply);
        assert_eq!(facts.agents, ["Ingrid", "Wren", "0", "1", "2", "3", "4", "5", "6", "7"]);
        assert_eq!((facts.more_agents, facts.agent_replies), (2, Some(14)));
    }
}
