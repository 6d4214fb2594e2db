-- Names are qualified, since a pooler may run each statement on another connection. COLLATE "C" compares bytes: what looks alike is not
-- the same, and the order is that of code points.

-- One row per session. "owner" is the epoch that may write.
CREATE TABLE ${flyway:defaultSchema}.session (
  session_key   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id            TEXT   COLLATE "C" NOT NULL UNIQUE,
  owner         TEXT   COLLATE "C" NOT NULL,
  type          TEXT   NOT NULL,
  profile       TEXT   NOT NULL,
  name          TEXT,
  created_at    BIGINT NOT NULL,
  last_activity BIGINT NOT NULL,
  options       TEXT   NOT NULL,
  metadata      TEXT,
  recovery      TEXT
);

-- The order of the list of sessions.
CREATE INDEX session_newest ON ${flyway:defaultSchema}.session (created_at DESC, id DESC);

-- One row per transcript and per workspace file; the bytes are in its chunks. "staged" is one whose bytes are still being written.
CREATE TABLE ${flyway:defaultSchema}.content (
  content_key BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  session_key BIGINT NOT NULL REFERENCES ${flyway:defaultSchema}.session (session_key) ON DELETE CASCADE,
  kind        TEXT   COLLATE "C" NOT NULL CHECK (kind IN ('transcript', 'file', 'staged')),
  name        TEXT   COLLATE "C" NOT NULL,
  modified_at BIGINT NOT NULL,
  UNIQUE (session_key, kind, name)
);

-- The bytes [start_at, end_at) of a content. Chunks follow one another without a gap, so the last one's end is the content's size.
CREATE TABLE ${flyway:defaultSchema}.chunk (
  content_key BIGINT NOT NULL REFERENCES ${flyway:defaultSchema}.content (content_key) ON DELETE CASCADE,
  start_at    BIGINT NOT NULL,
  end_at      BIGINT NOT NULL,
  bytes       BYTEA  NOT NULL,
  PRIMARY KEY (content_key, start_at)
);

CREATE TABLE ${flyway:defaultSchema}.profile (
  id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  document TEXT NOT NULL
);
