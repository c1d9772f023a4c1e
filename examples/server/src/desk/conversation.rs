//! A chat as a conversation, from the deliveries about it, and a ticket.

use std::sync::Arc;

use anyhow::Result;
use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;
use tower_tawk::event::{
    Attachment, ChatStart, Event, Message, Property, Role, TicketCreate, TranscriptCreated,
};

use super::Desk;
use super::inbox::newest;
use super::page::{Page, PageError, Time, link, render, sent_at, size};
use super::row::{Row, person};
use crate::notify::html_to_text;
use crate::store::{Filter, Store};

/// Messages on a page of a transcript.
const PAGE: usize = 200;

#[derive(Deserialize)]
pub struct Selection {
    id: String,
    #[serde(default)]
    page: usize,
}

/// What chats and tickets have in common.
struct Subject {
    id: String,
    person: String,
    email: Option<String>,
    property: String,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "chat.html")]
struct Chat {
    subject: Subject,
    place: String,
    domain: Option<String>,
    referrer: Option<String>,
    referrer_link: Option<String>,
    started: Option<Time>,
    ended: Option<Time>,
    has_ended: bool,
    has_transcript: bool,
    form: Vec<(String, String)>,
    messages: Vec<Line>,
    omitted: usize,
    /// The number of this page, from 0 on.
    page: usize,
    pages: usize,
}

/// A message.
struct Line {
    class: &'static str,
    sender: String,
    time: Option<Time>,
    kind: Option<String>,
    text: Option<String>,
    files: Vec<File>,
    omitted_files: usize,
}

/// An attachment. The link is never fetched by the desk.
struct File {
    name: String,
    link: Option<String>,
    size: Option<String>,
}

#[derive(Template)]
#[template(path = "ticket.html")]
struct Ticket {
    subject: Subject,
    title: String,
    number: Option<u64>,
    role: Option<String>,
    created: Option<Time>,
    message: String,
}

/// Returns the events about a chat or ticket, the newest first, and what they have in common.
async fn find(
    store: &Store,
    id: &str,
    what: &'static str,
) -> Result<(Vec<Event>, Subject), PageError> {
    let filter = Filter { chat: Some(id.to_owned()), ..Filter::default() };
    let (found, _) = newest(store, &filter, None).await?;
    let events: Vec<_> = found.iter().map(|stored| stored.delivery.event()).collect();
    if events.is_empty() {
        return Err(PageError::NotFound(what));
    }
    let name = |Property { id, name, .. }: &Property| name.as_ref().unwrap_or(id).clone();
    let email = |event: &Event| Some(event.person()?.email()?.to_owned());
    let subject = Subject {
        id: id.to_owned(),
        person: events.iter().map(person).find(|person| !person.is_empty()).unwrap_or_default(),
        email: events.iter().find_map(email),
        property: events.iter().find_map(Event::property).map(name).unwrap_or_default(),
        rows: Row::all(store, &found).await?,
    };
    Ok((events, subject))
}

pub async fn chat(State(desk): State<Arc<Desk>>, Query(selection): Query<Selection>) -> Page {
    let (events, subject) = find(&desk.store, &selection.id, "chat").await?;
    let start = events.iter().find_map(|event| match event {
        Event::ChatStart(start) => Some(start),
        _ => None,
    });
    let end = events.iter().find(|event| matches!(event, Event::ChatEnd(_)));
    let transcript = events.iter().find_map(|event| match event {
        Event::TranscriptCreated(transcript) => Some(transcript),
        _ => None,
    });
    let visitor = events.iter().find_map(|event| match event {
        Event::ChatStart(start) => start.visitor.as_ref(),
        Event::TranscriptCreated(transcript) => transcript.chat.visitor.as_ref(),
        _ => None,
    });
    let place = visitor.map(|visitor| [visitor.city.clone(), visitor.country.clone()]);
    let place: Vec<_> = place.into_iter().flatten().flatten().collect();
    let (domain, referrer) = match (start, transcript) {
        (Some(ChatStart { domain, referrer, .. }), _)
        | (None, Some(TranscriptCreated { domain, referrer, .. })) => {
            (domain.clone(), referrer.clone())
        }
        _ => (None, None),
    };
    let form = |start: &ChatStart| {
        let event = Event::ChatStart(start.clone());
        let answer = |(label, answer): (&str, &str)| (label.to_owned(), answer.to_owned());
        event.pre_chat_form().map(answer).collect()
    };
    let messages = transcript.map_or(&[][..], |transcript| &transcript.chat.messages);
    let pages = messages.len().div_ceil(PAGE).max(1);
    let page = selection.page.min(pages - 1);
    let mut lines: Vec<_> = messages
        .iter()
        .skip(page * PAGE)
        .take(PAGE)
        .map(|message| Line::new(message, &subject))
        .collect();
    if transcript.is_none() {
        lines.extend(start.and_then(|start| Line::first(start, &subject)));
    }
    render(&Chat {
        place: place.join(", "),
        domain,
        referrer_link: link(referrer.as_deref()),
        referrer,
        started: start.and_then(|start| sent_at(start.time.as_ref())),
        ended: end.and_then(|end| sent_at(end.time())),
        has_ended: end.is_some() || transcript.is_some(),
        has_transcript: transcript.is_some(),
        form: start.map(form).unwrap_or_default(),
        messages: lines,
        omitted: transcript.map_or(0, |transcript| transcript.chat.omitted_messages),
        page,
        pages,
        subject,
    })
}

impl Line {
    fn new(message: &Message, subject: &Subject) -> Self {
        let sender = message.sender.clone().unwrap_or_default();
        let kind = message.kind.as_ref().map(|kind| kind.as_str().to_owned());
        Self {
            sender: sender.name.unwrap_or_else(|| sender_name(sender.role.as_ref(), subject)),
            class: class(sender.role.as_ref()),
            time: sent_at(message.time.as_ref()),
            kind: kind.filter(|kind| kind != "msg"),
            text: message.text.clone(),
            files: message.attachments.iter().map(File::new).collect(),
            omitted_files: message.omitted_attachments,
        }
    }

    /// Returns the first message, which is all that is known of a chat before its transcript.
    fn first(ChatStart { message, time, .. }: &ChatStart, subject: &Subject) -> Option<Self> {
        let message = message.as_ref()?;
        let kind = message.kind.as_ref().map(|kind| kind.as_str().to_owned());
        Some(Self {
            sender: sender_name(message.sender.as_ref(), subject),
            class: class(message.sender.as_ref()),
            time: sent_at(time.as_ref()),
            kind: kind.filter(|kind| kind != "msg"),
            text: message.text.clone(),
            files: Vec::new(),
            omitted_files: 0,
        })
    }
}

fn sender_name(role: Option<&Role>, subject: &Subject) -> String {
    match role {
        Some(Role::Visitor) if !subject.person.is_empty() => subject.person.clone(),
        role => role.map_or("unknown", Role::as_str).to_owned(),
    }
}

const fn class(role: Option<&Role>) -> &'static str {
    match role {
        Some(Role::Visitor) => "visitor",
        Some(Role::Agent) => "agent",
        _ => "system",
    }
}

impl File {
    fn new(Attachment { url, name, size: bytes, .. }: &Attachment) -> Self {
        let name = name.as_ref().or(url.as_ref()).cloned();
        Self {
            name: name.unwrap_or_else(|| "attachment".to_owned()),
            link: link(url.as_deref()),
            size: bytes.map(size),
        }
    }
}

pub async fn ticket(State(desk): State<Arc<Desk>>, Query(selection): Query<Selection>) -> Page {
    let (events, subject) = find(&desk.store, &selection.id, "ticket").await?;
    let created = events.into_iter().find_map(|event| match event {
        Event::TicketCreate(created) => Some(created),
        _ => None,
    });
    let TicketCreate { ticket, requester, time, .. } =
        created.ok_or(PageError::NotFound("ticket"))?;
    let role = requester.and_then(|requester| requester.role);
    render(&Ticket {
        title: ticket.subject.unwrap_or_else(|| "Ticket without a subject".to_owned()),
        number: ticket.human_id,
        role: role.map(|role| role.as_str().to_owned()),
        created: sent_at(time.as_ref()),
        message: ticket.message.as_deref().map(html_to_text).unwrap_or_default(),
        subject,
    })
}
