-- The oldest program that may use this database, by the schema version that it
-- knows (docs/protocol.md 11.4). As long as only additions are made it stays.

CREATE TABLE presence_schema (
	_id $ID,
	minimumVersion INT UNSIGNED NOT NULL
) $OPTIONS;

INSERT INTO presence_schema (_id, minimumVersion)
	SELECT 1, 103 FROM (SELECT 1 AS one) AS x
	WHERE NOT EXISTS (SELECT 1 FROM presence_schema WHERE _id = 1);
