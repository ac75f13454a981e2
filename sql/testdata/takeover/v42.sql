-- A database of the predecessor at version 42, with rows in every table that it had.

CREATE TABLE db_history (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	version INT UNSIGNED NOT NULL,
	comment VARCHAR(191) NOT NULL,
	applied TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE account (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	clientId VARCHAR(191) NOT NULL,
	fUserId VARCHAR(191) NULL,
	fUsername VARCHAR(191) NULL,
	fLastUpdate BIGINT NULL,
	fIsDisabled BOOLEAN NULL,
	name VARCHAR(191) NOT NULL,
	avatar TEXT NULL,
	settings JSON NOT NULL,
	active BOOLEAN NOT NULL DEFAULT 1,
	created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	lastLogin TIMESTAMP NULL DEFAULT NULL,
	lastOnline TIMESTAMP NULL DEFAULT NULL,
	CONSTRAINT clientId UNIQUE (clientId),
	CONSTRAINT U_acc_fuid UNIQUE (fUserId)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE room (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	clientId VARCHAR(191) NOT NULL,
	workgroupId VARCHAR(191) NULL,
	name VARCHAR(191) NOT NULL,
	ownerId VARCHAR(191) NOT NULL,
	settings JSON NOT NULL,
	isPrivate BOOLEAN NOT NULL DEFAULT 1,
	created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	lastActivity TIMESTAMP NULL DEFAULT NULL,
	CONSTRAINT clientId UNIQUE (clientId),
	CONSTRAINT workgroupId UNIQUE (workgroupId)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE authorized_for_room (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	roomId VARCHAR(191) NOT NULL,
	accountId VARCHAR(191) NOT NULL,
	CONSTRAINT roomId UNIQUE (roomId, accountId),
	FOREIGN KEY (roomId) REFERENCES room (clientId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (accountId) REFERENCES account (clientId) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE workgroup_rooms (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	fId VARCHAR(191) NOT NULL,
	roomId VARCHAR(191) NOT NULL,
	setById VARCHAR(191) NOT NULL,
	setTime TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	CONSTRAINT fId UNIQUE (fId, roomId),
	FOREIGN KEY (roomId) REFERENCES room (clientId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (setById) REFERENCES account (clientId) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE message (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	msgId VARCHAR(191) NOT NULL,
	roomId VARCHAR(191) NOT NULL,
	fromId VARCHAR(191) NULL,
	timestamp BIGINT NOT NULL,
	type VARCHAR(20) NOT NULL,
	name VARCHAR(191) NULL,
	message TEXT NOT NULL,
	editId VARCHAR(191) NULL,
	statusId VARCHAR(191) NULL,
	status VARCHAR(20) NOT NULL,
	CONSTRAINT msgId UNIQUE (msgId),
	FOREIGN KEY (roomId) REFERENCES room (clientId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (fromId) REFERENCES account (clientId) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE message_edit (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	clientId VARCHAR(191) NOT NULL,
	msgId VARCHAR(191) NOT NULL,
	editBy VARCHAR(191) NULL,
	editTime BIGINT NOT NULL,
	reason TEXT NULL,
	message TEXT NOT NULL,
	CONSTRAINT clientId UNIQUE (clientId),
	FOREIGN KEY (msgId) REFERENCES message (msgId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (editBy) REFERENCES account (clientId) ON DELETE SET NULL ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE message_status (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	status VARCHAR(191) NOT NULL,
	clientId VARCHAR(191) NOT NULL,
	msgId VARCHAR(191) NOT NULL,
	setBy VARCHAR(191) NULL,
	setTime BIGINT NOT NULL,
	reason TEXT NULL,
	message TEXT NULL,
	CONSTRAINT clientId UNIQUE (clientId),
	CONSTRAINT FK_ms_message FOREIGN KEY (msgId) REFERENCES message (msgId) ON DELETE CASCADE ON UPDATE CASCADE,
	CONSTRAINT FK_ms_account FOREIGN KEY (setBy) REFERENCES account (clientId) ON DELETE SET NULL ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE message_work_target (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	msgId VARCHAR(191) NOT NULL,
	source VARCHAR(191) NOT NULL,
	target VARCHAR(191) NOT NULL,
	memberId VARCHAR(191) NULL,
	FOREIGN KEY (msgId) REFERENCES message (msgId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (memberId) REFERENCES account (clientId) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE room_user_messages (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	userId VARCHAR(191) NOT NULL,
	roomId VARCHAR(191) NOT NULL,
	lastReadId VARCHAR(191) NULL,
	CONSTRAINT roomId UNIQUE (roomId, userId),
	FOREIGN KEY (userId) REFERENCES account (clientId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (roomId) REFERENCES room (clientId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (lastReadId) REFERENCES message (msgId) ON DELETE SET NULL ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE user_relation (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	relationId VARCHAR(191) NOT NULL,
	userId VARCHAR(191) NOT NULL,
	contactId VARCHAR(191) NOT NULL,
	created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	roomId VARCHAR(191) NULL,
	lastReadId VARCHAR(191) NULL,
	lastReadTime BIGINT NULL,
	lastMsgId VARCHAR(191) NULL,
	CONSTRAINT userId UNIQUE (userId, contactId),
	FOREIGN KEY (userId) REFERENCES account (clientId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (contactId) REFERENCES account (clientId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (roomId) REFERENCES room (clientId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (lastReadId) REFERENCES message (msgId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (lastMsgId) REFERENCES message (msgId) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE invite_token (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	type VARCHAR(191) NOT NULL,
	token VARCHAR(191) NOT NULL,
	roomId VARCHAR(191) NOT NULL,
	singleUse BOOLEAN NOT NULL,
	isValid BOOLEAN NOT NULL DEFAULT 1,
	targetId VARCHAR(191) NULL,
	createdBy VARCHAR(191) NOT NULL,
	created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	invalidatedBy VARCHAR(191) NULL,
	invalidated TIMESTAMP NULL DEFAULT NULL,
	CONSTRAINT token UNIQUE (token),
	FOREIGN KEY (roomId) REFERENCES room (clientId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (createdBy) REFERENCES account (clientId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (targetId) REFERENCES account (clientId) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE invite_token_used (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	tokenId INT UNSIGNED NOT NULL,
	usedTime TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	usedBy VARCHAR(191) NULL,
	FOREIGN KEY (tokenId) REFERENCES invite_token (_id) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

INSERT INTO db_history (version, comment) VALUES
	(42, 'tables.sql');

INSERT INTO account (clientId, fUserId, fUsername, fLastUpdate, fIsDisabled, name, avatar, settings, created) VALUES
	('acc-ada', 'friend-0', 'ada', 1600000000, 0, 'Ada Lovelace', 'data:image/png;base64,iVBORw0KGgo=', '{"hideInSearch":false}', '2017-07-01 12:00:00'),
	('acc-bo', 'friend-1', 'bo', 1600000001, 0, 'Bo Ærøskøbing', NULL, '{}', '2017-07-01 12:00:01'),
	('acc-cy', 'friend-2', 'cy', 1600000002, NULL, 'Cy Ωμέγα', NULL, '{}', '2017-07-01 12:00:02'),
	('acc-dee', NULL, 'dee', NULL, NULL, 'Dee', NULL, '{}', '2017-07-01 12:00:03'),
	('acc-eve', NULL, 'eve', NULL, 1, 'Eve', NULL, '{}', '2017-07-01 12:00:04');

INSERT INTO room (clientId, name, ownerId, settings, isPrivate, created, lastActivity) VALUES
	('room-harbor', 'Harbor', 'acc-ada', '{"userLimit":5}', 0, '2017-07-02 08:00:00', NULL),
	('room-quiet', 'Quiet Ünïcödé', 'acc-bo', '{"isClassroom":true}', 0, '2017-07-03 08:00:00', '2018-01-01 00:00:00'),
	('room-guest', 'Of a guest', 'guest-1', '{}', 0, '2017-07-04 08:00:00', NULL),
	('cont-ada-bo', 'contact-room', 'rel-ada-bo', '{}', 1, '2018-02-01 08:00:00', NULL),
	('cont-ada-cy', 'contact-room', 'rel-ada-cy', '{}', 1, '2018-02-02 08:00:00', NULL);

INSERT INTO room (clientId, workgroupId, name, ownerId, settings, isPrivate) VALUES
	('worg-1', 'friend_wg_7', 'Crew', 'system', '{}', 0),
	('worg-2', 'friend_wg_8', 'Crew below', 'system', '{}', 0);

INSERT INTO authorized_for_room (roomId, accountId) VALUES
	('room-harbor', 'acc-ada'),
	('room-harbor', 'acc-bo'),
	('room-harbor', 'acc-cy'),
	('room-quiet', 'acc-bo'),
	('room-quiet', 'acc-ada'),
	('room-harbor', 'acc-eve'),
	('cont-ada-bo', 'acc-ada'),
	('cont-ada-bo', 'acc-bo'),
	('cont-ada-cy', 'acc-ada'),
	('cont-ada-cy', 'acc-cy');

INSERT INTO workgroup_rooms (fId, roomId, setById) VALUES
	('7', 'room-quiet', 'acc-bo'),
	('8', 'room-quiet', 'acc-bo');

INSERT INTO message (msgId, roomId, fromId, timestamp, type, name, message, editId, statusId, status) VALUES
	('msg-1', 'room-harbor', 'acc-ada', 1500000000001, 'msg', 'Ada Lovelace', 'first in the harbor', NULL, NULL, ''),
	('msg-2', 'room-harbor', NULL, 1500000000002, 'msg', 'A guest', 'words of a guest 😀 👩‍🚀 ', NULL, NULL, ''),
	('msg-3', 'room-harbor', 'acc-bo', 1500000000003, 'msg', 'Bo Ærøskøbing', 'before it was edited', 'edit-2', NULL, ''),
	('msg-4', 'room-harbor', 'acc-bo', 1500000000004, 'msg', 'Bo Ærøskøbing', 'to be deleted', NULL, 'delete-1', 'delete'),
	('msg-5', 'room-harbor', 'acc-cy', 1500000000005, 'msg', NULL, REPEAT('long and ünïcödé ', 2500), NULL, NULL, ''),
	('msg-6', 'room-harbor', 'acc-ada', 1500000000006, 'msg', 'Ada Lovelace', 'last in the harbor', NULL, NULL, ''),
	('msg-7', 'room-quiet', 'acc-bo', 1500000000007, 'msg', 'Bo Ærøskøbing', 'its quiet; here -- and "quoted" \\ ', NULL, NULL, ''),
	('msg-8', 'cont-ada-bo', 'acc-ada', 1500000000008, 'msg', 'Ada Lovelace', 'hello bo 😀 👩‍🚀 ', NULL, NULL, ''),
	('msg-9', 'cont-ada-bo', 'acc-bo', 1500000000009, 'msg', 'Bo', 'hello ada', NULL, NULL, ''),
	('msg-10', 'cont-ada-bo', 'acc-bo', 1500000000010, 'msg', 'Bo', 'are you there?', NULL, NULL, ''),
	('msg-11', 'cont-ada-cy', 'acc-cy', 1500000000011, 'msg', 'Cy', 'from cy', NULL, NULL, ''),
	('wrk-1', 'worg-1', 'acc-ada', 1500000000012, 'work-msg', 'Ada', 'work for all', NULL, NULL, ''),
	('wrk-2', 'worg-1', 'acc-ada', 1500000000013, 'work-msg', 'Ada', 'work for bo', NULL, NULL, '');

INSERT INTO message_edit (clientId, msgId, editBy, editTime, reason, message) VALUES
	('edit-1', 'msg-3', 'acc-bo', 1500000000100, 'typo', 'edited once'),
	('edit-2', 'msg-3', 'acc-ada', 1500000000101, NULL, 'edited twice');

INSERT INTO message_status (status, clientId, msgId, setBy, setTime) VALUES
	('delete', 'delete-1', 'msg-4', 'acc-ada', 1500000000102);

INSERT INTO message_work_target (msgId, source, target, memberId) VALUES
	('wrk-1', 'friend_wg_7', 'friend_wg_8', NULL),
	('wrk-2', 'friend_wg_7', 'friend_wg_8', 'acc-bo');

INSERT INTO room_user_messages (userId, roomId, lastReadId) VALUES
	('acc-ada', 'room-harbor', 'msg-6'),
	('acc-bo', 'room-harbor', 'msg-4'),
	('acc-bo', 'room-quiet', NULL),
	('acc-ada', 'room-quiet', 'msg-6'),
	('acc-eve', 'room-harbor', 'msg-1');

INSERT INTO user_relation (relationId, userId, contactId, roomId, lastReadId, lastMsgId, lastReadTime) VALUES
	('rel-ada-bo', 'acc-ada', 'acc-bo', 'cont-ada-bo', 'msg-9', 'msg-10', 1500000000200),
	('rel-ada-bo', 'acc-bo', 'acc-ada', 'cont-ada-bo', NULL, 'msg-10', NULL),
	('rel-ada-cy', 'acc-ada', 'acc-cy', 'cont-ada-cy', NULL, 'msg-11', NULL),
	('rel-cy-bo-1', 'acc-cy', 'acc-bo', NULL, NULL, NULL, NULL),
	('rel-cy-bo-2', 'acc-bo', 'acc-cy', NULL, NULL, NULL, NULL);

INSERT INTO invite_token (type, token, roomId, singleUse, isValid, createdBy, created, invalidatedBy, invalidated, targetId) VALUES
	('public', 'public-0001', 'room-harbor', 0, 1, 'acc-ada', '2018-03-01 10:00:00', NULL, NULL, NULL),
	('private', 'private-0002', 'room-harbor', 1, 0, 'acc-ada', '2018-03-02 10:00:00', NULL, '2018-03-03 10:00:00', NULL),
	('private', 'private-0003', 'room-harbor', 1, 0, 'acc-bo', '2018-03-04 10:00:00', 'acc-bo', '2018-03-05 10:00:00', NULL),
	('private', 'private-0004', 'room-quiet', 1, 1, 'acc-bo', '2018-03-06 10:00:00', NULL, NULL, NULL),
	('room', 'room-0005', 'room-quiet', 1, 1, 'acc-bo', '2018-03-07 10:00:00', NULL, NULL, 'acc-cy');

INSERT INTO invite_token_used (tokenId, usedBy) VALUES
	(2, 'guest-77');

ALTER TABLE room MODIFY settings LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL;
UPDATE room SET settings = '' WHERE clientId = 'room-guest';
UPDATE account SET settings = '[1]' WHERE clientId = 'acc-dee';
INSERT INTO message (msgId, roomId, fromId, timestamp, type, name, message, status) VALUES
	('msg-12', 'room-quiet', 'acc-bo', 1500000000020, 'msg', 'Bo', 'deleted by halves', ''),
	('msg-13', 'room-quiet', 'acc-bo', 1500000000021, 'msg', 'Bo', 'edited by halves', '');
INSERT INTO message_status (status, clientId, msgId, setBy, setTime) VALUES ('delete', 'delete-2', 'msg-12', 'acc-bo', 1500000000120);
INSERT INTO message_edit (clientId, msgId, editBy, editTime, reason, message) VALUES
	('edit-3', 'msg-13', 'acc-bo', 1500000000122, NULL, 'edited wholly'),
	('edit-4', 'msg-13', 'acc-bo', 1500000000121, NULL, 'edited before that');
ALTER TABLE message MODIFY status VARCHAR(20) NULL;
UPDATE message SET status = NULL WHERE status = '' AND _id <= 3;
