-- MySQL cannot undo a migration that was cut off, so each statement can be repeated. Ids and names are the bytes of their UTF-8, which
-- compare as what they are: case, accents and trailing spaces count, and the order is that of code points. 512 characters take up to 2048.

-- One row per session. "owner" is the epoch that may write.
CREATE TABLE IF NOT EXISTS session (
  session_key   BIGINT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
  id            VARBINARY(2048) NOT NULL,
  owner         VARBINARY(2048) NOT NULL,
  type          VARBINARY(2048) NOT NULL,
  profile       VARBINARY(2048) NOT NULL,
  name          VARBINARY(2048),
  created_at    BIGINT          NOT NULL,
  last_activity BIGINT          NOT NULL,
  options       LONGTEXT        NOT NULL,
  metadata      LONGTEXT,
  recovery      LONGTEXT,
  UNIQUE KEY session_id (id),
  -- The order of the list of sessions.
  KEY session_newest (created_at, id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One row per transcript and per workspace file; the bytes are in its chunks. "staged" is one whose bytes are still being written.
CREATE TABLE IF NOT EXISTS content (
  content_key BIGINT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
  session_key BIGINT          NOT NULL,
  kind        VARBINARY(16)   NOT NULL,
  name        VARBINARY(2048) NOT NULL,
  modified_at BIGINT          NOT NULL,
  UNIQUE KEY content_name (session_key, kind, name),
  CONSTRAINT content_session FOREIGN KEY (session_key) REFERENCES session (session_key) ON DELETE CASCADE
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The bytes [start_at, end_at) of a content. Chunks follow one another without a gap, so the last one's end is the content's size.
CREATE TABLE IF NOT EXISTS chunk (
  content_key BIGINT     NOT NULL,
  start_at    BIGINT     NOT NULL,
  end_at      BIGINT     NOT NULL,
  bytes       MEDIUMBLOB NOT NULL,
  PRIMARY KEY (content_key, start_at),
  CONSTRAINT chunk_content FOREIGN KEY (content_key) REFERENCES content (content_key) ON DELETE CASCADE
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS profile (
  id       VARBINARY(2048) NOT NULL PRIMARY KEY,
  document LONGTEXT        NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
