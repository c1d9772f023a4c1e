//! Statements that insert a batch of deliveries, a column as an array.

use std::collections::HashMap;

use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::store::model::{StoreError, Stored, to_unix_millis};
use crate::store::writer::PendingInsert;

const INSERT: &str = "INSERT INTO deliveries (signature, received_at, secret_label, event_id, \
     event, chat_id, ticket_id, property_id, headers, body) \
     SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::text[], $4::text[], $5::text[], \
     $6::text[], $7::text[], $8::text[], $9::text[], $10::bytea[]) \
     ON CONFLICT (signature) DO NOTHING RETURNING id, signature";

const NOTIFY: &str = "INSERT INTO outbox (delivery_id, channel, replay, created_at, due_at) \
     SELECT delivery_id, channel, 0, created_at, created_at \
     FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS new (delivery_id, channel, created_at)";

/// Inserts what is new. The unique constraint on the signature decides what is a duplicate, also
/// between several listeners.
pub async fn insert(client: &Client, inserts: &[PendingInsert]) -> Result<Vec<Stored>, StoreError> {
    let rows = || inserts.iter().map(|insert| &*insert.delivery);
    let signatures: Vec<_> = rows().map(|row| &row.signature.as_bytes()[..]).collect();
    let received_at: Vec<_> = rows().map(|row| to_unix_millis(row.received_at)).collect();
    let secret_labels: Vec<_> = rows().map(|row| &*row.secret_label).collect();
    let event_ids: Vec<_> = rows().map(|row| row.event_id.as_deref()).collect();
    let events: Vec<_> = rows().map(|row| row.event.as_deref()).collect();
    let chat_ids: Vec<_> = rows().map(|row| row.chat_id.as_deref()).collect();
    let ticket_ids: Vec<_> = rows().map(|row| row.ticket_id.as_deref()).collect();
    let property_ids: Vec<_> = rows().map(|row| row.property_id.as_deref()).collect();
    let headers: Vec<_> = rows().map(|row| &*row.headers).collect();
    let bodies: Vec<_> = rows().map(|row| &row.body[..]).collect();
    let new = client
        .query_typed(
            INSERT,
            &[
                (&signatures, Type::BYTEA_ARRAY),
                (&received_at, Type::INT8_ARRAY),
                (&secret_labels, Type::TEXT_ARRAY),
                (&event_ids, Type::TEXT_ARRAY),
                (&events, Type::TEXT_ARRAY),
                (&chat_ids, Type::TEXT_ARRAY),
                (&ticket_ids, Type::TEXT_ARRAY),
                (&property_ids, Type::TEXT_ARRAY),
                (&headers, Type::TEXT_ARRAY),
                (&bodies, Type::BYTEA_ARRAY),
            ],
        )
        .await?;
    let mut ids = HashMap::new();
    for row in &new {
        ids.insert(row.try_get::<_, &[u8]>("signature")?, row.try_get::<_, i64>("id")?);
    }
    // A duplicate in the same batch finds no id either.
    let stored = signatures.into_iter().map(|signature| match ids.remove(signature) {
        Some(id) => Stored::New { id },
        None => Stored::Duplicate,
    });
    Ok(stored.collect())
}

/// Inserts the notifications of new deliveries.
pub async fn notify(
    client: &Client,
    inserts: &[PendingInsert],
    stored: &[Stored],
) -> Result<(), StoreError> {
    let (mut ids, mut channels, mut created_at) = (Vec::new(), Vec::new(), Vec::new());
    for (insert, stored) in inserts.iter().zip(stored) {
        let Stored::New { id } = stored else { continue };
        for channel in insert.channels() {
            ids.push(*id);
            channels.push(channel);
            created_at.push(to_unix_millis(insert.delivery.received_at));
        }
    }
    if !ids.is_empty() {
        let values: [(&(dyn ToSql + Sync), Type); 3] = [
            (&ids, Type::INT8_ARRAY),
            (&channels, Type::TEXT_ARRAY),
            (&created_at, Type::INT8_ARRAY),
        ];
        client.execute_typed(NOTIFY, &values).await?;
    }
    Ok(())
}
