-- The sessions that a starting server takes up again.
CREATE INDEX session_recoverable ON session (created_at DESC, id DESC) WHERE recovery IS NOT NULL;

-- Made anew by each save.
ALTER TABLE profile ADD COLUMN version TEXT NOT NULL DEFAULT '1';
