//! The people an event is about ([`Visitor`], [`Requester`], [`Person`]), their [`Role`], and its
//! [`Property`].

use std::fmt;

use serde::{Serialize, Serializer};

use super::error::EventErrorKind;
use super::json::Object;

/// The visitor of a chat. `Debug` output is redacted.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Visitor {
    /// The name, or a placeholder: see [`Person::has_placeholder_name`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The city in lower case, or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// The two-letter country code (ISO 3166-1 alpha-2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

impl Visitor {
    /// Decodes the field `visitor` of `parent`.
    pub(super) fn decode(parent: &Object<'_>) -> Option<Self> {
        let visitor = parent.object("visitor")?;
        Some(Self {
            name: visitor.string("name"),
            email: visitor.string("email"),
            city: visitor.string("city"),
            country: visitor.string("country"),
        })
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

/// The requester of a ticket. `Debug` output shows only the role.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Requester {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The role: an agent or a visitor.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

impl Requester {
    /// Decodes the field `requester` of `parent`.
    pub(super) fn decode(parent: &Object<'_>) -> Option<Self> {
        let requester = parent.object("requester")?;
        Some(Self {
            name: requester.string("name"),
            email: requester.string("email"),
            role: requester.string("type").map(Role::from_name),
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

/// The visitor of a chat or the requester of a ticket, returned by
/// [`Event::person`](super::Event::person). `Debug` output is redacted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Person<'a> {
    name: Option<&'a str>,
    email: Option<&'a str>,
}

impl<'a> Person<'a> {
    /// Returns the name, which may be a [placeholder](Self::has_placeholder_name).
    #[must_use]
    pub const fn name(&self) -> Option<&'a str> {
        self.name
    }

    /// Returns the email address.
    #[must_use]
    pub const fn email(&self) -> Option<&'a str> {
        self.email
    }

    /// Returns `true` if the name is a Tawk.to placeholder: `V` followed by 12 to 20 digits.
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

/// The property, usually a site, that an event belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Property {
    /// The id, 24 hex digits. Its format is not checked.
    pub id: String,
    /// The name shown in the dashboard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Property {
    /// Decodes the field `property` of `event`.
    pub(super) fn decode(event: &Object<'_>) -> Result<Self, EventErrorKind> {
        let property = event.object("property").unwrap_or_default();
        Ok(Self {
            id: property.require_identifier("id", "property.id")?,
            name: property.string("name"),
        })
    }
}

/// The role of a participant in a chat or ticket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// A visitor of the site.
    Visitor,
    /// An agent of the property.
    Agent,
    /// Tawk.to itself, for example in an automatic message.
    System,
    /// A role that this crate does not know.
    Other(String),
}

impl Role {
    /// Returns the role's name, as used in `chat:start` and `ticket:create`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Visitor => "visitor",
            Self::Agent => "agent",
            Self::System => "system",
            Self::Other(name) => name,
        }
    }

    pub(super) fn from_name(name: String) -> Self {
        match &*name {
            "visitor" => Self::Visitor,
            "agent" => Self::Agent,
            "system" => Self::System,
            _ => Self::Other(name),
        }
    }

    /// Returns the role's letter, as used in transcripts.
    fn as_letter(&self) -> &str {
        match self {
            Self::Visitor => "v",
            Self::Agent => "a",
            Self::System => "s",
            Self::Other(letter) => letter,
        }
    }

    pub(super) fn from_letter(letter: String) -> Self {
        match &*letter {
            "v" => Self::Visitor,
            "a" => Self::Agent,
            "s" => Self::System,
            _ => Self::Other(letter),
        }
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
