-- Every verified delivery, once. Retention empties a row of all but its id, signature and time.
CREATE TABLE deliveries (
    -- Never given out again, so that an id means one delivery for ever.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The key of a repeat: equal signatures are equal bytes under the same secret.
    signature BLOB NOT NULL UNIQUE,
    -- Milliseconds since the Unix epoch.
    received_at INTEGER NOT NULL,
    secret_label TEXT,
    -- What Tawk.to says in X-Hook-Event-Id, which is not signed.
    event_id TEXT,
    event TEXT,
    chat_id TEXT,
    ticket_id TEXT,
    property_id TEXT,
    -- A JSON object, sensitive values redacted.
    headers TEXT,
    -- The bytes that were signed.
    body BLOB
);

CREATE INDEX deliveries_event_id ON deliveries (event_id) WHERE event_id IS NOT NULL;

-- What retention and the count of the inbox look at.
CREATE INDEX deliveries_kept ON deliveries (received_at) WHERE body IS NOT NULL;
