-- Full-text indexes for the search (docs/protocol.md 8.8, 11.4). MySQL keeps its
-- own in step with the tables. SQLite gets a table that holds no texts but an
-- index of them, by the number of the message's row: the current text of each
-- message that is not deleted, and the number of its room's row as a word of its
-- own, so that what other rooms hold costs nothing. Triggers keep it in step.

$MYSQL CREATE FULLTEXT INDEX message_text ON message (message);
$MYSQL CREATE FULLTEXT INDEX message_edit_text ON message_edit (message);

$SQLITE CREATE VIRTUAL TABLE message_text USING fts5 (
	room,
	text,
	content = '',
	contentless_delete = 1,
	tokenize = 'unicode61'
);

$SQLITE CREATE VIEW IF NOT EXISTS message_current AS
	SELECT m._id AS _id, r._id AS room, COALESCE(e.message, m.message) AS text
	FROM message m JOIN room r ON r.clientId = m.roomId LEFT JOIN message_edit e ON e.clientId = m.editId
	WHERE m.status IS NULL OR m.status <> 'delete';

$SQLITE CREATE TRIGGER IF NOT EXISTS message_text_insert AFTER INSERT ON message BEGIN
	INSERT INTO message_text (rowid, room, text) SELECT _id, room, text FROM message_current WHERE _id = NEW._id; END;
$SQLITE CREATE TRIGGER IF NOT EXISTS message_text_update AFTER UPDATE OF message, editId, status, roomId ON message BEGIN
	DELETE FROM message_text WHERE rowid = OLD._id; INSERT INTO message_text (rowid, room, text) SELECT _id, room, text FROM message_current WHERE _id = NEW._id; END;
$SQLITE CREATE TRIGGER IF NOT EXISTS message_text_delete AFTER DELETE ON message BEGIN
	DELETE FROM message_text WHERE rowid = OLD._id; END;

$SQLITE INSERT INTO message_text (rowid, room, text)
	SELECT _id, room, text FROM message_current WHERE _id NOT IN (SELECT rowid FROM message_text);
