-- Indexes for the queries that run (docs/protocol.md 11.4). An index that begins
-- with the same columns makes a statement needless: MySQL has one for every
-- foreign key, SQLite has none.

CREATE INDEX message_by_time ON message (roomId, timestamp);
CREATE INDEX message_by_author ON message (fromId);
CREATE INDEX message_edit_by_message ON message_edit (msgId);
CREATE INDEX message_edit_by_editor ON message_edit (editBy);
CREATE INDEX message_status_by_message ON message_status (msgId);
CREATE INDEX message_status_by_setter ON message_status (setBy);
CREATE INDEX message_work_target_by_message ON message_work_target (msgId);
CREATE INDEX message_work_target_by_source ON message_work_target (source);
CREATE INDEX message_work_target_by_target ON message_work_target (target);
CREATE INDEX message_work_target_by_member ON message_work_target (memberId);
CREATE INDEX room_user_messages_by_account ON room_user_messages (userId);
CREATE INDEX room_user_messages_by_message ON room_user_messages (lastReadId);
CREATE INDEX authorized_for_room_by_account ON authorized_for_room (accountId);
CREATE INDEX workgroup_rooms_by_room ON workgroup_rooms (roomId);
CREATE INDEX workgroup_rooms_by_setter ON workgroup_rooms (setById);
CREATE INDEX user_relation_by_relation ON user_relation (relationId);
CREATE INDEX user_relation_by_contact ON user_relation (contactId);
CREATE INDEX user_relation_by_room ON user_relation (roomId);
CREATE INDEX user_relation_by_read_message ON user_relation (lastReadId);
CREATE INDEX user_relation_by_last_message ON user_relation (lastMsgId);
CREATE INDEX invite_token_by_room ON invite_token (roomId, type, isValid);
CREATE INDEX invite_token_by_target ON invite_token (targetId);
CREATE INDEX invite_token_by_maker ON invite_token (createdBy);
CREATE INDEX invite_token_used_by_token ON invite_token_used (tokenId);
CREATE INDEX account_by_login ON account (fUsername);
CREATE INDEX account_by_name ON account (name);
