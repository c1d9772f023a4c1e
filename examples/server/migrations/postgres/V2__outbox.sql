-- Pending and sent notifications, inserted in the transaction that stores the delivery.
CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id BIGINT NOT NULL REFERENCES deliveries (id),
    -- Identifies an address of NOTIFY_URL: its host and the beginning of its hash.
    channel TEXT NOT NULL,
    -- 0, or the number of the replay.
    replay BIGINT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
    -- How often it was claimed. The number identifies the claim.
    attempts BIGINT NOT NULL DEFAULT 0,
    -- Milliseconds since the Unix epoch. A claim postpones `due_at` by the lease.
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    last_error TEXT,
    UNIQUE (delivery_id, channel, replay)
);

CREATE INDEX outbox_due ON outbox (channel, due_at) WHERE state = 'waiting';
CREATE INDEX outbox_created ON outbox (created_at);
