-- One row per session. "owner" is the epoch that may write.
CREATE TABLE session (
  session_key   INTEGER PRIMARY KEY,
  id            TEXT    NOT NULL UNIQUE,
  owner         TEXT    NOT NULL,
  type          TEXT    NOT NULL,
  profile       TEXT    NOT NULL,
  name          TEXT,
  created_at    BIGINT  NOT NULL,
  last_activity BIGINT  NOT NULL,
  options       TEXT    NOT NULL,
  metadata      TEXT,
  recovery      TEXT
);

-- The order of the list of sessions.
CREATE INDEX session_newest ON session (created_at DESC, id DESC);

-- One row per transcript and per workspace file; the bytes are in its chunks. "staged" is one whose bytes are still being written.
CREATE TABLE content (
  content_key INTEGER PRIMARY KEY,
  session_key BIGINT  NOT NULL REFERENCES session (session_key) ON DELETE CASCADE,
  kind        TEXT    NOT NULL CHECK (kind IN ('transcript', 'file', 'staged')),
  name        TEXT    NOT NULL,
  modified_at BIGINT  NOT NULL,
  UNIQUE (session_key, kind, name)
);

-- The bytes [start_at, end_at) of a content. Chunks follow one another without a gap, so the last one's end is the content's size.
CREATE TABLE chunk (
  content_key BIGINT NOT NULL REFERENCES content (content_key) ON DELETE CASCADE,
  start_at    BIGINT NOT NULL,
  end_at      BIGINT NOT NULL,
  bytes       BLOB   NOT NULL,
  PRIMARY KEY (content_key, start_at)
);

CREATE TABLE profile (
  id       TEXT NOT NULL PRIMARY KEY,
  document TEXT NOT NULL
);
