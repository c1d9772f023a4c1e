//! `inbox export --format csv`.

use serde_json::json;

use super::search::{deliver, start, ticket, transcript};
use crate::support::Store;

/// Returns the heading and the rows.
fn export(store: &Store) -> Vec<Vec<String>> {
    let finished = store.inbox(&["export", "--format", "csv"]);
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{finished:?}");
    let mut csv =
        csv::ReaderBuilder::new().has_headers(false).from_reader(finished.stdout.as_bytes());
    csv.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

pub(crate) fn exports_a_row_for_each_message(store: &Store) {
    let file = json!({ "content": { "file": { "url": "https://example.com/f" } } });
    let reply = json!({
        "sender": { "t": "a", "n": "Ingrid" },
        "msg": "two\nlines",
        "time": "2026-01-31T09:00:00.000Z",
        "attchs": [file, file],
    });
    let mut with_reply = transcript("a", "Ada", "ada@example.com", &["Hello"]);
    with_reply["chat"]["messages"].as_array_mut().unwrap().push(reply);
    let end = json!({ "event": "chat:end", "chatId": "a", "property": { "id": "shop" } });
    let bodies = [
        start("a", "Ada", "ada@example.com", "Hello, \"you\""),
        end,
        with_reply,
        ticket("t", "ravi@example.com", "Broken", "The lantern"),
        transcript("b", "Ines", "", &[]),
    ];
    deliver(&store.listener(), &bodies);
    let rows = export(store);
    assert_eq!(
        rows[0].join(","),
        "id,received_at,event,property_id,chat_id,ticket_id,name,email,sent_at,sender,\
         sender_name,subject,message,attachments"
    );
    let rows = rows[1..].iter().map(|row| [&row[..1], &row[2..]].concat().join("|"));
    let transcript = "3|chat:transcript_created|shop|a||Ada|ada@example.com";
    let expected = [
        "1|chat:start|shop|a||Ada|ada@example.com||visitor|||Hello, \"you\"|".to_owned(),
        "2|chat:end|shop|a|||||||||".to_owned(),
        format!("{transcript}||visitor|||Hello|"),
        format!(
            "{transcript}|2026-01-31T09:00:00.000Z|agent|Ingrid||two\nlines|\
             https://example.com/f\nhttps://example.com/f"
        ),
        "4|ticket:create|other||t|Ravi|ravi@example.com||visitor||Broken|The lantern|".to_owned(),
        "5|chat:transcript_created|shop|b||Ines|||||||".to_owned(),
    ];
    assert_eq!(rows.collect::<Vec<_>>(), expected);
}

pub(crate) fn a_spreadsheet_runs_no_cell(store: &Store) {
    let texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "a=1", "\u{1b}[2J\u{9b}"];
    deliver(&store.listener(), &[transcript("=a", "@Ada", "+ada@example.com", &texts)]);
    let rows = export(store);
    assert_eq!(rows[1][4], "'=a");
    assert_eq!((&*rows[1][6], &*rows[1][7]), ("'@Ada", "'+ada@example.com"));
    let messages: Vec<_> = rows[1..].iter().map(|row| &*row[12]).collect();
    let safe = [
        "'=1+1",
        "'+1",
        "'-1",
        "'@SUM(A1)",
        "'\t=1",
        "'\r=1",
        "'＝1",
        "a=1",
        "\u{fffd}[2J\u{fffd}",
    ];
    assert_eq!(messages, safe);
}
