-- A database of the predecessor at version 28, with rows in every table that it had.

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
	fUsername VARCHAR(191) NOT NULL,
	name VARCHAR(191) NOT NULL,
	avatar TEXT NULL,
	settings JSON NOT NULL,
	active BOOLEAN NOT NULL DEFAULT 1,
	created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	lastLogin TIMESTAMP NULL DEFAULT NULL,
	lastOnline TIMESTAMP NULL DEFAULT NULL,
	CONSTRAINT clientId UNIQUE (clientId),
	CONSTRAINT fUsername UNIQUE (fUsername)
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
	CONSTRAINT msgId UNIQUE (msgId),
	FOREIGN KEY (roomId) REFERENCES room (clientId) ON DELETE CASCADE ON UPDATE CASCADE,
	CONSTRAINT fk_fromId FOREIGN KEY (fromId) REFERENCES account (clientId) ON DELETE CASCADE ON UPDATE CASCADE
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

CREATE TABLE message_work_target (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	msgId VARCHAR(191) NOT NULL,
	source VARCHAR(191) NOT NULL,
	target VARCHAR(191) NOT NULL,
	memberId VARCHAR(191) NULL,
	FOREIGN KEY (msgId) REFERENCES message (msgId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (memberId) REFERENCES account (clientId) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE user_relation (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	relationId VARCHAR(191) NOT NULL,
	userId VARCHAR(191) NOT NULL,
	contactId VARCHAR(191) NOT NULL,
	created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	roomId VARCHAR(191) NULL,
	lastReadId VARCHAR(191) NULL,
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
	token VARCHAR(191) NOT NULL,
	roomId VARCHAR(191) NOT NULL,
	singleUse BOOLEAN NOT NULL,
	isValid BOOLEAN NOT NULL DEFAULT 1,
	createdBy VARCHAR(191) NOT NULL,
	created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	invalidatedBy VARCHAR(191) NULL,
	invalidated TIMESTAMP NULL DEFAULT NULL,
	CONSTRAINT token UNIQUE (token),
	FOREIGN KEY (roomId) REFERENCES room (clientId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (createdBy) REFERENCES account (clientId) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE invite_token_used (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	tokenId INT UNSIGNED NOT NULL,
	usedTime TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	usedBy VARCHAR(191) NULL,
	FOREIGN KEY (tokenId) REFERENCES invite_token (_id) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

INSERT INTO db_history (version, comment) VALUES
	(21, 'tables.sql'),
	(27, 'message edit id'),
	(28, 'message edit table');

INSERT INTO account (clientId, fUserId, fUsername, name, avatar, settings, created) VALUES
	('acc-ada', NULL, 'ada', 'Ada Lovelace', 'data:image/png;base64,iVBORw0KGgo=', '{"hideInSearch":false}', '2017-07-01 12:00:00'),
	('acc-bo', NULL, 'bo', 'Bo Ærøskøbing', NULL, '{}', '2017-07-01 12:00:01'),
	('acc-cy', NULL, 'cy', 'Cy Ωμέγα', NULL, '{}', '2017-07-01 12:00:02'),
	('acc-dee', NULL, 'dee', 'Dee', NULL, '{}', '2017-07-01 12:00:03'),
	('acc-eve', NULL, 'eve', 'Eve', NULL, '{}', '2017-07-01 12:00:04');

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

INSERT INTO message (msgId, roomId, fromId, timestamp, type, name, message, editId) VALUES
	('msg-1', 'room-harbor', 'acc-ada', 1500000000001, 'msg', 'Ada Lovelace', 'first in the harbor', NULL),
	('msg-2', 'room-harbor', NULL, 1500000000002, 'msg', 'A guest', 'words of a guest 😀 👩‍🚀 ', NULL),
	('msg-3', 'room-harbor', 'acc-bo', 1500000000003, 'msg', 'Bo Ærøskøbing', 'before it was edited', 'edit-2'),
	('msg-4', 'room-harbor', 'acc-bo', 1500000000004, 'msg', 'Bo Ærøskøbing', 'to be deleted', NULL),
	('msg-5', 'room-harbor', 'acc-cy', 1500000000005, 'msg', NULL, REPEAT('long and ünïcödé ', 2500), NULL),
	('msg-6', 'room-harbor', 'acc-ada', 1500000000006, 'msg', 'Ada Lovelace', 'last in the harbor', NULL),
	('msg-7', 'room-quiet', 'acc-bo', 1500000000007, 'msg', 'Bo Ærøskøbing', 'its quiet; here -- and "quoted" \\ ', NULL),
	('msg-8', 'cont-ada-bo', 'acc-ada', 1500000000008, 'msg', 'Ada Lovelace', 'hello bo 😀 👩‍🚀 ', NULL),
	('msg-9', 'cont-ada-bo', 'acc-bo', 1500000000009, 'msg', 'Bo', 'hello ada', NULL),
	('msg-10', 'cont-ada-bo', 'acc-bo', 1500000000010, 'msg', 'Bo', 'are you there?', NULL),
	('msg-11', 'cont-ada-cy', 'acc-cy', 1500000000011, 'msg', 'Cy', 'from cy', NULL),
	('wrk-1', 'worg-1', 'acc-ada', 1500000000012, 'work-msg', 'Ada', 'work for all', NULL),
	('wrk-2', 'worg-1', 'acc-ada', 1500000000013, 'work-msg', 'Ada', 'work for bo', NULL);

INSERT INTO message_edit (clientId, msgId, editBy, editTime, reason, message) VALUES
	('edit-1', 'msg-3', 'acc-bo', 1500000000100, 'typo', 'edited once'),
	('edit-2', 'msg-3', 'acc-ada', 1500000000101, NULL, 'edited twice');

INSERT INTO message_work_target (msgId, source, target, memberId) VALUES
	('wrk-1', 'friend_wg_7', 'friend_wg_8', NULL),
	('wrk-2', 'friend_wg_7', 'friend_wg_8', 'acc-bo');

INSERT INTO user_relation (relationId, userId, contactId, roomId, lastReadId, lastMsgId) VALUES
	('rel-ada-bo', 'acc-ada', 'acc-bo', 'cont-ada-bo', 'msg-9', 'msg-10'),
	('rel-ada-bo', 'acc-bo', 'acc-ada', 'cont-ada-bo', NULL, 'msg-10'),
	('rel-ada-cy', 'acc-ada', 'acc-cy', 'cont-ada-cy', NULL, 'msg-11'),
	('rel-cy-bo-1', 'acc-cy', 'acc-bo', NULL, NULL, NULL),
	('rel-cy-bo-2', 'acc-bo', 'acc-cy', NULL, NULL, NULL);

INSERT INTO invite_token (token, roomId, singleUse, isValid, createdBy, created, invalidatedBy, invalidated) VALUES
	('public-0001', 'room-harbor', 0, 1, 'acc-ada', '2018-03-01 10:00:00', NULL, NULL),
	('private-0002', 'room-harbor', 1, 0, 'acc-ada', '2018-03-02 10:00:00', NULL, '2018-03-03 10:00:00'),
	('private-0003', 'room-harbor', 1, 0, 'acc-bo', '2018-03-04 10:00:00', 'acc-bo', '2018-03-05 10:00:00'),
	('private-0004', 'room-quiet', 1, 1, 'acc-bo', '2018-03-06 10:00:00', NULL, NULL);

INSERT INTO invite_token_used (tokenId, usedBy) VALUES
	(2, 'guest-77');

UPDATE account SET settings = '[1]' WHERE clientId = 'acc-dee';
