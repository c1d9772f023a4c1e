-- Who is to be told of which delivery, written in the transaction that stores the delivery.
CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id BIGINT NOT NULL REFERENCES deliveries (id),
    -- Which address of NOTIFY_URL: its host and the beginning of a digest of it.
    channel TEXT NOT NULL,
    -- 0, or which replay it is.
    replay BIGINT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
    -- How often it was claimed. Whoever claims it has that number until the next one does.
    attempts BIGINT NOT NULL DEFAULT 0,
    -- Milliseconds since the Unix epoch. Claiming moves `due_at` on, which is the lease.
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    last_error TEXT,
    UNIQUE (delivery_id, channel, replay)
);

CREATE INDEX outbox_due ON outbox (channel, due_at) WHERE state = 'waiting';
CREATE INDEX outbox_created ON outbox (created_at);
