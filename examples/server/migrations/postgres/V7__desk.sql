-- Finds what belongs to a chat or ticket.
CREATE INDEX deliveries_chat ON deliveries ((coalesce(chat_id, ticket_id))) WHERE body IS NOT NULL;

-- Also counts chats and tickets a day.
DROP INDEX deliveries_kept;
CREATE INDEX deliveries_kept ON deliveries (received_at, event) WHERE body IS NOT NULL;
