-- What a server of version 1 left. It is never changed: files like it are out there.
CREATE TABLE sandboxes (
	id       TEXT PRIMARY KEY,
	state    TEXT NOT NULL,
	created  INTEGER NOT NULL, -- nanoseconds since 1970
	expires  INTEGER,          -- likewise; NULL: never
	document TEXT NOT NULL     -- the rest, as JSON
) STRICT, WITHOUT ROWID;
INSERT INTO sandboxes VALUES ('1', 'Running', 1795599000123456000, 1795602600123456001,
	'{"image":"debian:12","credentials":true,"entrypoint":["sh","-c","exit \"3\"\n"],"env":{"A":"ü","B":""},"metadata":{"project":"apollo"},"reason":"READY","message":"it runs","lastTransitionAt":"2026-11-25T09:30:01.123456Z","token":"secret","nanoCPUs":500000000,"memoryBytes":1073741824,"gpus":1}');
INSERT INTO sandboxes VALUES ('2', 'Terminated', 1795599001123456000, NULL,
	'{"image":"debian:12","entrypoint":["sleep"],"lastTransitionAt":"2026-11-25T09:30:01.123456Z","token":"secret"}');
PRAGMA user_version = 1;
