//! Who takes part: [`Role`], [`Visitor`], [`Requester`], [`Person`], and the [`Property`] that it
//! is about.

use std::fmt;

use serde::{Serialize, Serializer};

use super::error::EventError;
use super::json::Json;

/// The part that somebody plays in a chat or a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Somebody on the site.
    Visitor,
    /// Somebody who answers for the site.
    Agent,
    /// Tawk.to itself: greetings and notices.
    System,
    /// A role that this crate does not know, as it was sent.
    Other(String),
}

impl Role {
    /// The role's name, as `chat:start` and `ticket:create` have it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Visitor => "visitor",
            Self::Agent => "agent",
            Self::System => "system",
            Self::Other(other) => other,
        }
    }

    /// The role's letter, as transcripts have it.
    fn as_letter(&self) -> &str {
        match self {
            Self::Visitor => "v",
            Self::Agent => "a",
            Self::System => "s",
            Self::Other(other) => other,
        }
    }

    pub(super) fn read(json: Json<'_>) -> Option<Self> {
        let name = json.string()?;
        Some(match &*name {
            "visitor" => Self::Visitor,
            "agent" => Self::Agent,
            "system" => Self::System,
            _ => Self::Other(name),
        })
    }

    pub(super) fn read_letter(json: Json<'_>) -> Option<Self> {
        let letter = json.string()?;
        Some(match &*letter {
            "v" => Self::Visitor,
            "a" => Self::Agent,
            "s" => Self::System,
            _ => Self::Other(letter),
        })
    }

    pub(super) fn serialize_letter<S: Serializer>(
        role: &Option<Self>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        role.as_ref().map(Self::as_letter).serialize(serializer)
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_str().serialize(serializer)
    }
}

/// The visitor of a chat. `Debug` shows nothing of them.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Visitor {
    /// A name, or a placeholder for one: see [`Person::has_placeholder_name`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// An e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A city in lower case, or the word `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// A country by its two capitals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

impl Visitor {
    pub(super) fn read(json: Json<'_>) -> Option<Self> {
        let [name, email, city, country] =
            json.fields(["name", "email", "city", "country"]).map(|field| field?.string());
        json.is_object().then_some(Self { name, email, city, country })
    }

    pub(super) fn person(&self) -> Person<'_> {
        Person { name: self.name.as_deref(), email: self.email.as_deref() }
    }
}

impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor").finish_non_exhaustive()
    }
}

/// Whose request a ticket is. `Debug` shows their role alone.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Requester {
    /// A name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// An e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `agent` or `visitor`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

impl Requester {
    pub(super) fn read(json: Json<'_>) -> Option<Self> {
        let [name, email, role] = json.fields(["name", "email", "type"]);
        json.is_object().then(|| Self {
            name: name.and_then(Json::string),
            email: email.and_then(Json::string),
            role: role.and_then(Role::read),
        })
    }

    pub(super) fn person(&self) -> Person<'_> {
        Person { name: self.name.as_deref(), email: self.email.as_deref() }
    }
}

impl fmt::Debug for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requester").field("role", &self.role).finish_non_exhaustive()
    }
}

/// The person behind an event: a chat's visitor or a ticket's requester. `Debug` shows nothing of
/// them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Person<'a> {
    name: Option<&'a str>,
    email: Option<&'a str>,
}

impl<'a> Person<'a> {
    /// The name, which may be a placeholder.
    #[must_use]
    pub const fn name(&self) -> Option<&'a str> {
        self.name
    }

    /// The e-mail address.
    #[must_use]
    pub const fn email(&self) -> Option<&'a str> {
        self.email
    }

    /// Whether the name is one that Tawk.to has made up: `V` and about 16 digits.
    #[must_use]
    pub fn has_placeholder_name(&self) -> bool {
        self.name.and_then(|name| name.strip_prefix('V')).is_some_and(|digits| {
            (12..=20).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
        })
    }
}

impl fmt::Debug for Person<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").finish_non_exhaustive()
    }
}

/// The property (a site, most often) that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Property {
    /// 24 hex digits; kept as it was sent.
    pub id: String,
    /// Its name in the dashboard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Property {
    pub(super) fn read(json: Option<Json<'_>>, event: &str) -> Result<Self, EventError> {
        let [id, name] = json.map_or([None; 2], |json| json.fields(["id", "name"]));
        let id = id.and_then(Json::identifier);
        let id = id.ok_or_else(|| EventError::missing("property.id", event))?;
        Ok(Self { id, name: name.and_then(Json::string) })
    }
}
