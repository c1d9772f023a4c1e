//! For which occasion, of those in `NOTIFY_ON`, somebody is told of an event.

use tower_tawk::event::{Event, Role};

use crate::config::Occasion;

impl Occasion {
    /// The one of `on` for which an event is told. None where it is not told, as events that are
    /// not known never are.
    pub(crate) fn of(event: &Event, on: &[Self]) -> Option<Self> {
        let is_reply = is_by_agent(event).then_some(Self::AgentReply);
        let named = match event {
            Event::ChatStart(_) => Some(Self::ChatStart),
            Event::ChatEnd(_) => Some(Self::ChatEnd),
            Event::TranscriptCreated(_) => Some(Self::Transcript),
            Event::TicketCreate(_) => Some(Self::Ticket),
            _ => None,
        };
        // Whoever asked for both is told once, of the reply: it says more.
        [is_reply, named].into_iter().flatten().find(|occasion| on.contains(occasion))
    }
}

/// Whether an agent wrote in the chat or opened it. Agents open tickets too, and reply to nobody
/// by that.
fn is_by_agent(event: &Event) -> bool {
    let opened_chat =
        matches!(event, Event::ChatStart(_)) && event.opened_by() == Some(&Role::Agent);
    opened_chat || event.agent_replies().next().is_some()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use serde_json::{Value, json};
    use tower_tawk::test_util::samples;

    use super::Occasion::{AgentReply, ChatEnd, ChatStart, Ticket, Transcript};
    use super::*;
    use crate::notify::payloads;

    const EVERYTHING: [Occasion; 5] = [Transcript, Ticket, ChatStart, ChatEnd, AgentReply];

    fn told(on: &[Occasion]) -> Vec<(String, Occasion)> {
        let told = |(name, event)| Some((name, Occasion::of(&event, on)?));
        payloads::all().into_iter().filter_map(told).collect()
    }

    #[track_caller]
    fn assert_told(on: &[Occasion], expected: &[(&str, Occasion)]) {
        let told = told(on);
        let told: Vec<_> = told.iter().map(|(name, occasion)| (name.as_str(), *occasion)).collect();
        assert_eq!(told, expected);
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
    fn each_occasion_tells_its_events_and_no_others() {
        assert_told(&[AgentReply], &[("04", AgentReply), ("08", AgentReply), ("09", AgentReply)]);
        assert_told(&[ChatStart], &["01", "02", "03", "04", "05"].map(|name| (name, ChatStart)));
        assert_told(&[ChatEnd], &[("06", ChatEnd), ("07", ChatEnd)]);
        assert_told(&[Transcript], &["08", "09", "10"].map(|name| (name, Transcript)));
        assert_told(&[Ticket], &[("11", Ticket), ("12", Ticket)]);
        assert_told(&[], &[]);
    }

    #[test]
    fn of_several_occasions_the_agents_reply_is_told() {
        assert_told(
            &EVERYTHING,
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
    fn a_message_that_an_agent_sent_is_a_reply_whatever_is_in_it() {
        let file = json!({ "type": "file", "content": { "file": { "name": "map.jpg" } } });
        for message in [
            json!({ "sender": { "t": "a", "n": "Ingrid" }, "type": "msg", "msg": "Two pairs." }),
            json!({ "sender": { "t": "a" }, "msg": "", "attchs": [file] }),
            json!({ "sender": { "t": "a", "n": null }, "type": "webrtc-call" }),
        ] {
            let visitor = json!({ "sender": { "t": "v" }, "msg": "In stock in 44?" });
            for messages in [json!([visitor, message]), json!([message, visitor])] {
                assert_eq!(Occasion::of(&transcript(&messages), &[AgentReply]), Some(AgentReply));
            }
        }
    }

    #[test]
    fn a_transcript_in_which_no_agent_wrote_is_no_reply() {
        for messages in [
            json!(null),
            json!([]),
            json!([{ "sender": { "t": "s", "n": "Agent" }, "msg": "Welcome!" }]),
            json!([{ "sender": { "t": "v", "n": "a" }, "msg": "a" }, { "msg": "agent" }, {}]),
            json!([{ "sender": { "t": "agent" }, "msg": "x" }, { "sender": { "t": "b" } }]),
        ] {
            let event = transcript(&messages);
            assert_eq!(Occasion::of(&event, &[AgentReply]), None, "{event:?}");
            assert_eq!(Occasion::of(&event, &[AgentReply, Transcript]), Some(Transcript));
        }
    }

    #[test]
    fn a_chat_is_a_reply_only_where_an_agent_opened_it() {
        let occasion = |sender| Occasion::of(&started_by(&sender), &[AgentReply]);
        assert_eq!(occasion(json!({ "type": "agent" })), Some(AgentReply));
        for other in ["visitor", "system", "a", ""] {
            assert_eq!(occasion(json!({ "type": other })), None, "{other:?}");
        }
        assert_eq!(occasion(json!(null)), None);
    }

    #[test]
    fn what_is_not_known_is_never_told() {
        let undecodable = Event::Undecodable(Event::from_slice(b"{}").unwrap_err());
        for event in [samples::unknown("chat:message"), undecodable] {
            assert_eq!(Occasion::of(&event, &EVERYTHING), None);
        }
    }

    #[test]
    fn occasions_are_named_as_in_the_setting() {
        let names = Occasion::value_variants().iter().map(crate::config::name);
        let names: Vec<_> = names.collect();
        assert_eq!(names, ["agent-reply", "chat-start", "chat-end", "transcript", "ticket"]);
    }
}
