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

    /// Returns the 50 newest notifications before `id` that wait or have failed.
    pub async fn unsent_before(&self, id: i64) -> Result<Vec<Notification>, StoreError> {
        let unsent = "id < $1 AND state <> 'sent' ORDER BY id DESC LIMIT 50";
        self.notifications(unsent, vec![id.into()]).await
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

    /// Returns the state of the last notification of each delivery on each channel.
    pub async fn states(&self, ids: &[i64]) -> Result<BTreeMap<i64, Vec<State>>, StoreError> {
        let places: Vec<_> = (1..=ids.len()).map(|place| format!("${place}")).collect();
        let sql = format!(
            "SELECT delivery_id, channel, state FROM outbox AS last \
             WHERE delivery_id IN ({}) AND NOT EXISTS (SELECT 1 FROM outbox \
             WHERE delivery_id = last.delivery_id AND channel = last.channel \
             AND replay > last.replay) ORDER BY id",
            places.join(", ")
        );
        let mut states: BTreeMap<_, _> = ids.iter().map(|id| (*id, Vec::new())).collect();
        if ids.is_empty() {
            return Ok(states);
        }
        let values = ids.iter().map(|id| (*id).into()).collect();
        for row in &self.database.read(&sql, values).await? {
            let state = (row.get("channel")?, row.get("state")?);
            states.entry(row.get("delivery_id")?).or_default().push(state);
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

    /// Makes a notification due now that has failed or waits, unless an attempt may be in flight.
    pub async fn retry(&self, id: i64) -> Result<(), StoreError> {
        const RETRY: &str = "UPDATE outbox SET state = 'waiting', created_at = $1, due_at = $1 \
                             WHERE id = $2 AND (state = 'failed' \
                             OR state = 'waiting' AND due_at > $3)";
        let now = SystemTime::now();
        let values = [to_unix_millis(now), id, to_unix_millis(now + LEASE)].map(Value::from);
        self.database.write(RETRY, values.to_vec()).await.map(drop)
    }
}
