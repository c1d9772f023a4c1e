-- Pending and sent notifications, inserted in the transaction that stores the delivery.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery_id INTEGER NOT NULL REFERENCES deliveries (id),
    -- Identifies an address of NOTIFY_URL: its host and the beginning of its hash.
    channel TEXT NOT NULL,
    -- 0, or the number of the replay.
    replay INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
    -- How often it was claimed. The number identifies the claim.
    attempts INTEGER NOT NULL DEFAULT 0,
    -- Milliseconds since the Unix epoch. A claim postpones `due_at` by the lease.
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    last_error TEXT,
    UNIQUE (delivery_id, channel, replay)
);

CREATE INDEX outbox_due ON outbox (channel, due_at) WHERE state = 'waiting';
CREATE INDEX outbox_created ON outbox (created_at);
