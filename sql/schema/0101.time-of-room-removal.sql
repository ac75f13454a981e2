-- A removed room keeps its rows and is found by nobody (docs/protocol.md 7.7).

ALTER TABLE room ADD COLUMN removed TIMESTAMP NULL DEFAULT NULL;
