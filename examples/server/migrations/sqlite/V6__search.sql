-- What the inbox searches: email address and name of the person in the first line, then names,
-- subjects and messages. NULL until the listener has filled it for deliveries of an earlier version.
ALTER TABLE deliveries ADD COLUMN search_text TEXT;

-- Deliveries that are still to be filled.
CREATE INDEX deliveries_unsearchable ON deliveries (id)
    WHERE search_text IS NULL AND body IS NOT NULL;
