//! Who is told of what: the settings of notifications.

use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use clap::{Args, ValueEnum};

/// Who is told of what. The addresses are a plain string, and not shown, since they may be secrets.
#[derive(Args)]
pub(crate) struct Notify {
    /// Where somebody is told: one address or several, separated by commas. https://HOST/PATH for
    /// what takes JSON as Slack does, ntfys://HOST/TOPIC for a push notification by ntfy; http://
    /// and ntfy:// without TLS
    #[arg(
        long,
        env,
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_name = "URLS"
    )]
    pub(crate) notify_url: String,

    /// What somebody is told of, separated by commas: agent-reply (an agent wrote in a chat, seen
    /// when its transcript comes, or opened one), chat-start, chat-end, transcript, ticket
    #[arg(long, env, default_value = Occasions::DEFAULT, value_name = "OCCASIONS")]
    pub(crate) notify_on: Occasions,
}

/// For what somebody is told of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Occasion {
    /// An agent wrote in a chat (seen when its transcript comes), or opened one
    AgentReply,
    /// A chat has begun
    ChatStart,
    /// A chat is over
    ChatEnd,
    /// A chat's transcript has come, whoever wrote in it
    Transcript,
    /// A ticket has come into being
    Ticket,
}

/// Those of a setting.
#[derive(Clone)]
pub(crate) struct Occasions(Arc<[Occasion]>);

impl Occasions {
    const DEFAULT: &str = "agent-reply,ticket";
}

impl Deref for Occasions {
    type Target = [Occasion];

    fn deref(&self) -> &[Occasion] {
        &self.0
    }
}

impl FromStr for Occasions {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Set to nothing is as good as not set: that is what an unfilled template leaves.
        let text = if text.is_empty() { Self::DEFAULT } else { text };
        let occasions = text.split(',').map(|name| Occasion::from_str(name.trim(), true));
        occasions
            .collect::<Result<_, _>>()
            .map(Self)
            .map_err(|_| "write some of agent-reply,chat-start,chat-end,transcript,ticket")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occasions(text: &str) -> Option<Vec<Occasion>> {
        text.parse::<Occasions>().ok().map(|occasions| occasions.to_vec())
    }

    #[test]
    fn occasions_are_named_with_commas_between_them() {
        let default = Some(vec![Occasion::AgentReply, Occasion::Ticket]);
        assert_eq!(occasions(""), default);
        assert_eq!(occasions(" Agent-Reply, ticket"), default);
        assert_eq!(occasions("chat-end"), Some(vec![Occasion::ChatEnd]));
        for text in [",", "ticket,", "tickets", "agent reply"] {
            assert_eq!(occasions(text), None, "{text}");
        }
    }
}
