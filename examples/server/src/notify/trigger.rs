//! [`Trigger`]: which events send a notification (`NOTIFY_ON`).

use std::str::FromStr;
use std::sync::Arc;

use clap::ValueEnum;
use tower_tawk::event::{Event, Role};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Trigger {
    /// An agent replied in a chat (known once its transcript arrives), or started one
    AgentReply,
    ChatStart,
    ChatEnd,
    /// A transcript arrived, with or without a reply of an agent
    Transcript,
    Ticket,
}

impl Trigger {
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

#[derive(Clone)]
pub struct Triggers(Arc<[Trigger]>);

impl Triggers {
    pub const DEFAULT: &str = "agent-reply,ticket";

    pub fn all() -> Self {
        Self(Trigger::value_variants().into())
    }

    /// Returns the trigger that matches an event. A reply says more than a transcript.
    pub fn find(&self, event: &Event) -> Option<Trigger> {
        // A ticket that an agent created is not a reply.
        let is_reply = match event {
            Event::ChatStart(_) => event.opened_by() == Some(&Role::Agent),
            _ => event.agent_replies().next().is_some(),
        };
        let reply = is_reply.then_some(Trigger::AgentReply);
        let kind = match event {
            Event::ChatStart(_) => Some(Trigger::ChatStart),
            Event::ChatEnd(_) => Some(Trigger::ChatEnd),
            Event::TranscriptCreated(_) => Some(Trigger::Transcript),
            Event::TicketCreate(_) => Some(Trigger::Ticket),
            _ => None,
        };
        [reply, kind].into_iter().flatten().find(|trigger| self.0.contains(trigger))
    }
}

impl FromStr for Triggers {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let triggers = text.split(',').map(|name| Trigger::from_str(name.trim(), true));
        triggers
            .collect::<Result<_, _>>()
            .map(Self)
            .map_err(|_| "expected a list of agent-reply,chat-start,chat-end,transcript,ticket")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tower_tawk::test_util::samples;

    use super::Trigger::{AgentReply, ChatEnd, ChatStart, Ticket, Transcript};
    use super::*;
    use crate::notify::payloads;

    fn find(triggers: &[Trigger], event: &Event) -> Option<Trigger> {
        Triggers(triggers.into()).find(event)
    }

    #[track_caller]
    fn assert_matches(triggers: &[Trigger], expected: &[(&str, Trigger)]) {
        let payloads = payloads::all();
        let matches = payloads
            .iter()
            .filter_map(|(name, event)| Some((name.as_str(), find(triggers, event)?)));
        assert_eq!(matches.collect::<Vec<_>>(), expected);
    }

    fn transcript(messages: &Value) -> Event {
        let body = json!({
            "event": "chat:transcript_created",
            "property": { "id": "p" },
            "chat": { "id": "c", "messages": messages },
        });
        Event::from_slice(body.to_string().as_bytes()).unwrap()
    }

    fn started_by(sender: &Value) -> Event {
        let body = json!({
            "event": "chat:start",
            "chatId": "c",
            "property": { "id": "p" },
            "message": { "sender": sender },
        });
        Event::from_slice(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn each_trigger_matches_its_events_and_no_others() {
        assert_matches(
            &[AgentReply],
            &[("04", AgentReply), ("08", AgentReply), ("09", AgentReply)],
        );
        assert_matches(&[ChatStart], &["01", "02", "03", "04", "05"].map(|name| (name, ChatStart)));
        assert_matches(&[ChatEnd], &[("06", ChatEnd), ("07", ChatEnd)]);
        assert_matches(&[Transcript], &["08", "09", "10"].map(|name| (name, Transcript)));
        assert_matches(&[Ticket], &[("11", Ticket), ("12", Ticket)]);
        assert_matches(&[], &[]);
    }

    #[test]
    fn prefers_the_agent_reply_if_several_triggers_match() {
        assert_matches(
            Trigger::value_variants(),
            &[
                ("01", ChatStart),
                ("02", ChatStart),
                ("03", ChatStart),
                ("04", AgentReply),
                ("05", ChatStart),
                ("06", ChatEnd),
                ("07", ChatEnd),
                ("08", AgentReply),
                ("09", AgentReply),
                ("10", Transcript),
                ("11", Ticket),
                ("12", Ticket),
            ],
        );
    }

    #[test]
    fn every_message_of_an_agent_is_a_reply_whatever_its_content() {
        let file = json!({ "type": "file", "content": { "file": { "name": "map.jpg" } } });
        for message in [
            json!({ "sender": { "t": "a", "n": "Ingrid" }, "type": "msg", "msg": "Two pairs." }),
            json!({ "sender": { "t": "a" }, "msg": "", "attchs": [file] }),
            json!({ "sender": { "t": "a", "n": null }, "type": "webrtc-call" }),
        ] {
            let visitor = json!({ "sender": { "t": "v" }, "msg": "In stock in 44?" });
            for messages in [json!([visitor, message]), json!([message, visitor])] {
                assert_eq!(find(&[AgentReply], &transcript(&messages)), Some(AgentReply));
            }
        }
    }

    #[test]
    fn a_transcript_without_a_message_of_an_agent_is_not_a_reply() {
        for messages in [
            json!(null),
            json!([]),
            json!([{ "sender": { "t": "s", "n": "Agent" }, "msg": "Welcome!" }]),
            json!([{ "sender": { "t": "v", "n": "a" }, "msg": "a" }, { "msg": "agent" }, {}]),
            json!([{ "sender": { "t": "agent" }, "msg": "x" }, { "sender": { "t": "b" } }]),
        ] {
            let event = transcript(&messages);
            assert_eq!(find(&[AgentReply], &event), None, "{event:?}");
            assert_eq!(find(&[AgentReply, Transcript], &event), Some(Transcript));
        }
    }

    #[test]
    fn a_chat_start_is_a_reply_only_if_an_agent_started_the_chat() {
        let trigger = |sender| find(&[AgentReply], &started_by(&sender));
        assert_eq!(trigger(json!({ "type": "agent" })), Some(AgentReply));
        for other in ["visitor", "system", "a", ""] {
            assert_eq!(trigger(json!({ "type": other })), None, "{other:?}");
        }
        assert_eq!(trigger(json!(null)), None);
    }

    #[test]
    fn unknown_and_undecodable_events_match_no_trigger() {
        let undecodable = Event::Undecodable(Event::from_slice(b"{}").unwrap_err());
        for event in [samples::unknown("chat:message"), undecodable] {
            assert_eq!(Triggers::all().find(&event), None);
        }
    }

    #[test]
    fn parses_a_comma_separated_list() {
        let parse = |text: &str| text.parse::<Triggers>().ok().map(|triggers| triggers.0.to_vec());
        assert_eq!(parse(Triggers::DEFAULT), Some(vec![AgentReply, Ticket]));
        assert_eq!(parse(" Agent-Reply, ticket"), Some(vec![AgentReply, Ticket]));
        assert_eq!(parse("chat-end"), Some(vec![ChatEnd]));
        for text in ["", ",", "ticket,", "tickets", "agent reply"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn triggers_are_named_as_in_the_setting() {
        let names: Vec<_> =
            Trigger::value_variants().iter().map(|trigger| trigger.name()).collect();
        assert_eq!(names, ["agent-reply", "chat-start", "chat-end", "transcript", "ticket"]);
    }
}
