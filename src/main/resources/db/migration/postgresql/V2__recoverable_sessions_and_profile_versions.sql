-- The sessions that a starting server takes up again.
CREATE INDEX session_recoverable ON ${flyway:defaultSchema}.session (created_at DESC, id DESC) WHERE recovery IS NOT NULL;

-- Made anew by each save.
ALTER TABLE ${flyway:defaultSchema}.profile ADD COLUMN version TEXT COLLATE "C" NOT NULL DEFAULT '1';
