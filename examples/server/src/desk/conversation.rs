//! A chat as a conversation, from the deliveries about it, or a ticket with its message.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use tower_tawk::event::{
    ChatEnd, ChatStart, Event, Message, Role, Sender, TicketCreate, Timestamp, TranscriptCreated,
};

use super::Shared;
use super::inbox::newest;
use super::page::{Page, PageError, render};
use super::row::Row;
use crate::notify::html_to_text;
use crate::store::Filter;

/// Messages on a page of a transcript.
const PAGE: usize = 200;

#[derive(Deserialize)]
pub struct Selection {
    id: String,
    #[serde(default)]
    page: usize,
}

#[derive(Template)]
#[template(path = "conversation.html")]
struct Conversation<'a> {
    id: String,
    rows: &'a [Row],
    start: Option<&'a ChatStart>,
    end: Option<&'a ChatEnd>,
    transcript: Option<&'a TranscriptCreated>,
    ticket: Option<&'a TicketCreate>,
    form: Vec<(&'a str, &'a str)>,
    /// Those of this page, which is counted from 0.
    messages: &'a [Message],
    page: usize,
    pages: usize,
}

pub async fn show(State(desk): Shared, Query(selection): Query<Selection>) -> Page {
    let Selection { id, page } = selection;
    let filter = Filter { chat: Some(id.clone()), ..Filter::default() };
    let (found, _) = newest(&desk.store, &filter, None).await?;
    if found.is_empty() {
        return Err(PageError::new(StatusCode::NOT_FOUND, "There is no such chat or ticket."));
    }
    let rows = &Row::all(&desk.store, found).await?;
    let (mut start, mut end, mut transcript, mut ticket, mut form) = Default::default();
    for event in rows.iter().rev().map(|row| &row.event) {
        match event {
            Event::ChatStart(event_start) => {
                (start, form) = (Some(event_start), event.pre_chat_form().collect());
            }
            Event::ChatEnd(event) => end = Some(event),
            Event::TranscriptCreated(event) => transcript = Some(event),
            Event::TicketCreate(event) => ticket = Some(event),
            _ => {}
        }
    }
    // All that is known of a chat before its transcript.
    let first = ticket.map(ticket_message).or_else(|| first_message(start?));
    let messages = transcript
        .map_or(first.as_slice(), |transcript: &TranscriptCreated| &transcript.chat.messages);
    let pages = messages.chunks(PAGE).len().max(1);
    let page = page.min(pages - 1);
    let messages = messages.chunks(PAGE).nth(page).unwrap_or_default();
    render(&Conversation { id, rows, start, end, transcript, ticket, form, messages, page, pages })
}

fn first_message(start: &ChatStart) -> Option<Message> {
    let first = start.message.as_ref()?;
    Some(message(first.sender.clone(), first.text.clone(), start.time.clone()))
}

/// Returns the message, which may be HTML, as text.
fn ticket_message(TicketCreate { requester, ticket, time, .. }: &TicketCreate) -> Message {
    let role = requester.as_ref().and_then(|requester| requester.role.clone());
    message(role, ticket.message.as_deref().map(html_to_text), time.clone())
}

fn message(role: Option<Role>, text: Option<String>, time: Option<Timestamp>) -> Message {
    let (mut message, mut sender) = (Message::default(), Sender::default());
    sender.role = role;
    (message.sender, message.text, message.time) = (Some(sender), text, time);
    message
}

fn role(message: &Message) -> &str {
    let sender = message.sender.as_ref();
    sender.and_then(|sender| sender.role.as_ref()).map_or("unknown", Role::as_str)
}

fn sender<'a>(message: &'a Message, person: &Option<&'a str>) -> &'a str {
    let name = message.sender.as_ref().and_then(|sender| sender.name.as_deref());
    name.or(person.filter(|_| role(message) == "visitor")).unwrap_or(role(message))
}
