-- Numbers the addresses of NOTIFY_URL. A plain hash of an address would confirm a guess.
CREATE TABLE channels (
    -- Numbers are never reused.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- HMAC-SHA256 of the address under the key.
    digest BLOB NOT NULL UNIQUE
);

-- One row.
CREATE TABLE channel_key (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    key BLOB NOT NULL
);
