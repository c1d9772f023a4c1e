//! Reads the outbox for people, and adds to it on their request.

use std::collections::BTreeMap;
use std::time::SystemTime;

use rusqlite::types::Value;

use super::model::{Notification, StoreError, to_unix_millis};
use super::{LEASE, Store};

/// Name of the channel of a notification, and its state.
pub type State = (String, String);

impl Store {
    /// Returns the next 1000 notifications, the oldest first.
    pub async fn notifications_after(&self, id: i64) -> Result<Vec<Notification>, StoreError> {
        self.notifications("id > $1 ORDER BY id LIMIT 1000", vec![id.into()]).await
    }

    /// Returns the 50 newest notifications before `id` that are in a state, or not sent.
    pub async fn notifications_before(
        &self,
        id: i64,
        state: Option<&str>,
    ) -> Result<Vec<Notification>, StoreError> {
        let state = match state {
            Some("waiting") => "state = 'waiting'",
            Some("failed") => "state = 'failed'",
            Some("sent") => "state = 'sent'",
            _ => "state <> 'sent'",
        };
        let condition = format!("id < $1 AND {state} ORDER BY id DESC LIMIT 50");
        self.notifications(&condition, vec![id.into()]).await
    }

    pub async fn notifications_of(&self, delivery: i64) -> Result<Vec<Notification>, StoreError> {
        self.notifications("delivery_id = $1 ORDER BY id", vec![delivery.into()]).await
    }

    async fn notifications(
        &self,
        condition: &str,
        values: Vec<Value>,
    ) -> Result<Vec<Notification>, StoreError> {
        let sql = format!("SELECT * FROM outbox WHERE {condition}");
        let rows = self.database.read(&sql, values).await?;
        rows.iter().map(Notification::from_row).collect()
    }

    /// Returns the states of the last notification of each delivery on each channel.
    pub async fn states(&self, ids: &[i64]) -> Result<BTreeMap<i64, Vec<State>>, StoreError> {
        let mut states = BTreeMap::<i64, Vec<State>>::new();
        for ids in ids.chunks(100) {
            let places: Vec<_> = (1..=ids.len()).map(|place| format!("${place}")).collect();
            let sql = format!(
                "SELECT delivery_id, channel, state FROM outbox AS last \
                 WHERE delivery_id IN ({}) AND NOT EXISTS (SELECT 1 FROM outbox \
                 WHERE delivery_id = last.delivery_id AND channel = last.channel \
                 AND replay > last.replay) ORDER BY id",
                places.join(", ")
            );
            let values = ids.iter().map(|id| (*id).into()).collect();
            for row in &self.database.read(&sql, values).await? {
                let state = (row.get("channel")?, row.get("state")?);
                states.entry(row.get("delivery_id")?).or_default().push(state);
            }
        }
        Ok(states)
    }

    /// Adds a notification of a delivery on each of `channels`, whatever was sent before.
    pub async fn replay(&self, id: i64, channels: &[String]) -> Result<(), StoreError> {
        const REPLAY: &str = "INSERT INTO outbox \
             (delivery_id, channel, replay, created_at, due_at) \
             SELECT $1, $2, 1 + coalesce(max(replay), 0), $3, $3 FROM outbox \
             WHERE delivery_id = $1 AND channel = $2";
        let now = to_unix_millis(SystemTime::now());
        for channel in channels {
            let values = vec![id.into(), channel.clone().into(), now.into()];
            self.database.write(REPLAY, values).await?;
        }
        Ok(())
    }

    /// Sends a notification now: adds one that has failed again, and moves the next attempt of one
    /// that waits forward, unless it may be in flight. Returns `false` if there is nothing to do.
    pub async fn retry(&self, id: i64) -> Result<bool, StoreError> {
        const HASTEN: &str = "UPDATE outbox SET due_at = $1 WHERE id = $2 AND state = 'waiting' \
                              AND due_at > $3 RETURNING id";
        let rows = self.notifications("id = $1 AND state = 'failed'", vec![id.into()]).await?;
        if let Some(Notification { delivery_id, channel, .. }) = rows.into_iter().next() {
            self.replay(delivery_id, &[channel]).await?;
            return Ok(true);
        }
        let now = SystemTime::now();
        let values = [to_unix_millis(now), id, to_unix_millis(now + LEASE)].map(Value::from);
        Ok(!self.database.write(HASTEN, values.to_vec()).await?.is_empty())
    }
}
