-- The last attempts: a JSON array of `at` (milliseconds since the Unix epoch), `millis` (duration) and
-- `outcome` (what the receiver responded, or why it did not). NULL before the first has ended.
ALTER TABLE outbox ADD COLUMN history TEXT;
