//! What the listener should say of some of the payloads in `examples/payloads`.

use serde_json::{Value, json};

fn person(name: &str, email: &str) -> Value {
    json!({ "name": name, "placeholder": false, "email": email })
}

fn nobody(placeholder: &str) -> Value {
    json!({ "name": placeholder, "placeholder": true, "email": null })
}

/// A payload of each sort, what a summary says of it, and what is added from `payload` on.
pub(super) fn events() -> [(&'static str, Value, Value); 7] {
    let lantern = "Harbor Lane Outfitters";
    let dental = "Pinewood Dental";
    [
        (
            "01-chat-start-prechat-form",
            json!({
                "event": "chat:start",
                "event_time": "2024-08-15T09:12:41.307Z",
                "chat_id": "3c1f7a90-5b2e-11ef-9d41-6f0b2a8e4c17",
                "property_id": "64b1f0c29d3e7a5518c2e9d4",
                "opened_by": "visitor",
            }),
            json!({
                "person": person("Nadia Okafor-Lind", "nadia.okafor@example.com"),
                "property": lantern,
                "text": "Name (required) : Nadia Okafor-Lind\r\nEmail (required) : \
                         nadia.okafor@example.com\r\nPhone : 5550142087\r\nHow can we help? : Do \
                         the rain jackets run small?",
                "pre_chat_form": {
                    "Name (required)": "Nadia Okafor-Lind",
                    "Email (required)": "nadia.okafor@example.com",
                    "Phone": "5550142087",
                    "How can we help?": "Do the rain jackets run small?",
                },
            }),
        ),
        (
            "04-chat-start-by-agent",
            json!({
                "event": "chat:start",
                "event_time": "2024-09-07T16:20:33.118Z",
                "chat_id": "d2a9f1c0-6d15-11ef-9be3-2f4470aa61d8",
                "property_id": "64b1f0c29d3e7a5518c2e9d4",
                "opened_by": "agent",
            }),
            json!({
                "person": nobody("V1725725990017734"),
                "property": lantern,
                "text": "Hi! I saw you in the cart. Anything I can help with?",
            }),
        ),
        (
            "06-chat-end",
            json!({
                "event": "chat:end",
                "event_time": "2024-09-07T15:58:27.511Z",
                "chat_id": "b7064c20-6d10-11ef-a0f2-57c8e9104d3b",
                "property_id": "64b1f0c29d3e7a5518c2e9d4",
            }),
            json!({
                "person": person("Tomasz Wielgosz", "t.wielgosz@example.com"),
                "property": lantern,
            }),
        ),
        (
            "08-transcript",
            json!({
                "event": "chat:transcript_created",
                "event_time": "2024-09-07T16:01:30.077Z",
                "chat_id": "b7064c20-6d10-11ef-a0f2-57c8e9104d3b",
                "property_id": "64b1f0c29d3e7a5518c2e9d4",
                "opened_by": "visitor",
                "messages": 4,
                "agent_replies": 1,
            }),
            json!({
                "person": person("Tomasz Wielgosz", "t.wielgosz@example.com"),
                "property": lantern,
                "replies": [{ "name": "Ingrid Vale", "text": "Yes, two pairs left in brown." }],
            }),
        ),
        (
            "10-transcript-anonymous",
            json!({
                "event": "chat:transcript_created",
                "event_time": "2024-08-15T11:22:10.415Z",
                "chat_id": "8e55d0b0-5b33-11ef-8a7c-1d9f64c3b2e0",
                "property_id": "64b1f0c29d3e7a5518c2e9d4",
                "opened_by": "visitor",
                "messages": 2,
                "agent_replies": 0,
            }),
            json!({
                "person": nobody("V1723713174402881"),
                "property": lantern,
                "replies": [],
            }),
        ),
        (
            "11-ticket-create-by-agent",
            json!({
                "event": "ticket:create",
                "event_time": "2024-09-12T13:07:13.512Z",
                "ticket_id": "5a0e6b70-7106-11ef-8c2d-4f9b7d1e3a60",
                "property_id": "65c9ab3417f2d80e6a4b1573",
                "opened_by": "agent",
            }),
            json!({
                "person": person("Ruth Abenov", "ruth.abenov@example.com"),
                "property": dental,
                "subject": "Call back about crown",
                "text": "Patient asked for a call after 4 pm.",
            }),
        ),
        (
            "12-ticket-create-by-visitor",
            json!({
                "event": "ticket:create",
                "event_time": "2024-09-13T22:41:55.083Z",
                "ticket_id": "e81c2f40-7221-11ef-9a17-b30d5c46f2ee",
                "property_id": "64b1f0c29d3e7a5518c2e9d4",
                "opened_by": "visitor",
            }),
            json!({
                "person": person("Léonie Béranger", "leonie.beranger@example.com"),
                "property": lantern,
                "subject": "Retour d’un article",
                "text": "Bonjour,\n\nJe souhaite renvoyer la veste (commande n° A-5521).\nMerci \
                         d’avance 🙏\n\nLéonie",
            }),
        ),
    ]
}
