-- Numbers the addresses of NOTIFY_URL. A plain hash of an address would confirm a guess.
CREATE TABLE channels (
    -- Numbers are never reused.
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- HMAC-SHA256 of the address under the key.
    digest BYTEA NOT NULL UNIQUE
);

-- One row.
CREATE TABLE channel_key (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    key BYTEA NOT NULL
);
