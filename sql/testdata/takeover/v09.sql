-- A database of the predecessor at version 9, with rows in every table that it had.

CREATE TABLE db_history (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	version INT UNSIGNED NOT NULL,
	comment VARCHAR(191) NOT NULL,
	applied TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_unicode_ci;

CREATE TABLE account (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	clientId VARCHAR(191) NOT NULL,
	login VARCHAR(191) NOT NULL,
	pass VARCHAR(191) NOT NULL,
	name VARCHAR(191) NOT NULL,
	avatar TEXT NULL,
	settings JSON NOT NULL,
	active BOOLEAN NOT NULL DEFAULT 1,
	created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	lastLogin TIMESTAMP NULL DEFAULT NULL,
	lastOnline TIMESTAMP NULL DEFAULT NULL,
	CONSTRAINT clientId UNIQUE (clientId),
	CONSTRAINT login UNIQUE (login)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_unicode_ci;

CREATE TABLE room (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	clientId VARCHAR(191) NOT NULL,
	name VARCHAR(191) NOT NULL,
	ownerId VARCHAR(191) NOT NULL,
	settings JSON NOT NULL,
	isPrivate BOOLEAN NOT NULL DEFAULT 1,
	created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	lastActivity TIMESTAMP NULL DEFAULT NULL,
	CONSTRAINT clientId UNIQUE (clientId)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_unicode_ci;

CREATE TABLE authorized_for_room (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	roomId VARCHAR(191) NOT NULL,
	accountId VARCHAR(191) NOT NULL,
	CONSTRAINT roomId UNIQUE (roomId, accountId),
	FOREIGN KEY (roomId) REFERENCES room (clientId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (accountId) REFERENCES account (clientId) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_unicode_ci;

CREATE TABLE message (
	_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	msgId VARCHAR(191) NOT NULL,
	roomId VARCHAR(191) NOT NULL,
	accountId VARCHAR(191) NULL,
	timestamp BIGINT NOT NULL,
	type VARCHAR(20) NOT NULL,
	name VARCHAR(191) NULL,
	message TEXT NOT NULL,
	CONSTRAINT msgId UNIQUE (msgId),
	FOREIGN KEY (roomId) REFERENCES room (clientId) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (accountId) REFERENCES account (clientId) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_unicode_ci;

INSERT INTO db_history (version, comment) VALUES
	(9, 'account avatar column');

INSERT INTO account (clientId, login, pass, name, avatar, settings, created) VALUES
	('acc-ada', 'ada', 'secret-of-ada', 'Ada Lovelace', 'data:image/png;base64,iVBORw0KGgo=', '{"hideInSearch":false}', '2017-07-01 12:00:00'),
	('acc-bo', 'bo', 'secret-of-bo', 'Bo Ærøskøbing', NULL, '{}', '2017-07-01 12:00:01'),
	('acc-cy', 'cy', 'secret-of-cy', 'Cy Ωμέγα', NULL, '{}', '2017-07-01 12:00:02'),
	('acc-dee', 'dee', 'secret-of-dee', 'Dee', NULL, '{}', '2017-07-01 12:00:03'),
	('acc-eve', 'eve', 'secret-of-eve', 'Eve', NULL, '{}', '2017-07-01 12:00:04');

INSERT INTO room (clientId, name, ownerId, settings, isPrivate, created, lastActivity) VALUES
	('room-harbor', 'Harbor', 'acc-ada', '{"userLimit":5}', 1, '2017-07-02 08:00:00', NULL),
	('room-quiet', 'Quiet Ünïcödé', 'acc-bo', '{"isClassroom":true}', 1, '2017-07-03 08:00:00', '2018-01-01 00:00:00'),
	('room-guest', 'Of a guest', 'guest-1', '{}', 1, '2017-07-04 08:00:00', NULL);

INSERT INTO authorized_for_room (roomId, accountId) VALUES
	('room-harbor', 'acc-ada'),
	('room-harbor', 'acc-bo'),
	('room-harbor', 'acc-cy'),
	('room-quiet', 'acc-bo'),
	('room-quiet', 'acc-ada'),
	('room-harbor', 'acc-eve');

INSERT INTO message (msgId, roomId, accountId, timestamp, type, name, message) VALUES
	('msg-1', 'room-harbor', 'acc-ada', 1500000000001, 'msg', 'Ada Lovelace', 'first in the harbor'),
	('msg-2', 'room-harbor', NULL, 1500000000002, 'msg', 'A guest', 'words of a guest '),
	('msg-3', 'room-harbor', 'acc-bo', 1500000000003, 'msg', 'Bo Ærøskøbing', 'before it was edited'),
	('msg-4', 'room-harbor', 'acc-bo', 1500000000004, 'msg', 'Bo Ærøskøbing', 'to be deleted'),
	('msg-5', 'room-harbor', 'acc-cy', 1500000000005, 'msg', NULL, REPEAT('long and ünïcödé ', 2500)),
	('msg-6', 'room-harbor', 'acc-ada', 1500000000006, 'msg', 'Ada Lovelace', 'last in the harbor'),
	('msg-7', 'room-quiet', 'acc-bo', 1500000000007, 'msg', 'Bo Ærøskøbing', 'its quiet; here -- and "quoted" \\ ');

UPDATE room SET created = '0000-00-00 00:00:00', lastActivity = '0000-00-00 00:00:00' WHERE clientId = 'room-guest';
UPDATE account SET settings = '[1]' WHERE clientId = 'acc-dee';
