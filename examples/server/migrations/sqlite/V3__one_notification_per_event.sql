-- Two webhooks of the dashboard may deliver the same event, signed under different secrets. Both
-- deliveries are stored, and the first is notified. NULL if the event cannot be identified, and for
-- replays.
ALTER TABLE outbox ADD COLUMN event_key BLOB;

CREATE UNIQUE INDEX outbox_event ON outbox (channel, event_key) WHERE event_key IS NOT NULL;

-- No query uses it.
DROP INDEX deliveries_event_id;
