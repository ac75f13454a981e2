-- The time of the message, in milliseconds (docs/protocol.md 11.4): work messages
-- are read by whom they are aimed at and by time. Rows that the predecessor adds
-- later are filled in when work rooms are opened.

ALTER TABLE message_work_target ADD COLUMN sentTime BIGINT NULL;

UPDATE message_work_target SET sentTime =
	(SELECT m.timestamp FROM message m WHERE m.msgId = message_work_target.msgId)
WHERE sentTime IS NULL;

-- Where the target stood, seen from the room in which the message was written: 1
-- above, 2 below; null if the predecessor wrote it (docs/protocol.md 15.6).

ALTER TABLE message_work_target ADD COLUMN standing INT UNSIGNED NULL;

CREATE INDEX message_work_target_by_time ON message_work_target (target, sentTime);

-- What names one account; what is for whole workgroups; what one account wrote in work
-- rooms; and rows of a source that have no time yet.
CREATE INDEX message_work_target_by_member_and_time ON message_work_target (memberId, sentTime);
CREATE INDEX message_work_target_by_members_and_time ON message_work_target (target, memberId, sentTime);
CREATE INDEX message_work_target_by_source_and_time ON message_work_target (source, sentTime);
CREATE INDEX message_by_author_and_time ON message (fromId, type, timestamp);
