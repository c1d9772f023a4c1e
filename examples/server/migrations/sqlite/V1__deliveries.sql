-- Every verified delivery, once. Retention keeps the id, signature and time of a row.
CREATE TABLE deliveries (
    -- Ids are never reused.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The deduplication key: equal signatures are equal bytes under the same secret.
    signature BLOB NOT NULL UNIQUE,
    -- Milliseconds since the Unix epoch.
    received_at INTEGER NOT NULL,
    secret_label TEXT,
    -- X-Hook-Event-Id, which is not signed.
    event_id TEXT,
    event TEXT,
    chat_id TEXT,
    ticket_id TEXT,
    property_id TEXT,
    -- A JSON object without credentials.
    headers TEXT,
    -- The signed bytes.
    body BLOB
);

CREATE INDEX deliveries_event_id ON deliveries (event_id) WHERE event_id IS NOT NULL;

-- For retention and the number of deliveries.
CREATE INDEX deliveries_kept ON deliveries (received_at) WHERE body IS NOT NULL;
