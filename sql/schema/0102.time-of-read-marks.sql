-- The time of the marked message, in milliseconds (docs/protocol.md 11.4): marks
-- are compared by it, also when the message itself is gone.

ALTER TABLE room_user_messages ADD COLUMN lastReadTime BIGINT NULL;

UPDATE room_user_messages SET lastReadTime =
	(SELECT m.timestamp FROM message m WHERE m.msgId = room_user_messages.lastReadId)
WHERE lastReadTime IS NULL AND lastReadId IS NOT NULL;
