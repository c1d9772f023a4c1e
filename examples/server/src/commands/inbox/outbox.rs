//! `inbox outbox`: notifications and forwards, each with its last attempts.

use anyhow::Result;
use humantime::format_rfc3339_millis;

use super::print;
use crate::escape::printable;
use crate::store::{Attempt, Notification, Store};

const HEADING: &str = "    id  delivery  channel                           state    tries  \
                       sent, failed or due       why";

pub async fn run(store: &Store) -> Result<()> {
    print(HEADING)?;
    let mut last = 0;
    loop {
        let notifications = store.notifications_after(last).await?;
        for notification in &notifications {
            let Notification { id, delivery_id, channel, state, attempts, .. } = notification;
            let at = format_rfc3339_millis(notification.at);
            let row = format!("{id:>6}  {delivery_id:>8}  {channel:32}  {state:7}  {attempts:>5}");
            print(&printable(format!("{row}  {at}  {}", why(notification)).trim_end()))?;
            for attempt in &notification.history {
                let at = format_rfc3339_millis(attempt.time());
                let Attempt { millis, outcome, .. } = attempt;
                print(&printable(&format!("{:18}{at}  {millis:>6} ms  {outcome}", "")))?;
            }
            last = notification.id;
        }
        if notifications.is_empty() {
            return Ok(());
        }
    }
}

/// Returns the part of the error that the last attempt does not say.
fn why(Notification { last_error, history, .. }: &Notification) -> &str {
    let error = last_error.as_deref().unwrap_or_default();
    let last = history.last().map_or("", |attempt| &attempt.outcome);
    error.strip_prefix(last).unwrap_or(error).trim_start_matches("; ")
}
