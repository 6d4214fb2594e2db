-- The sessions that a starting server takes up again. MySQL has no index of some rows only, so this one begins with what tells them apart.
-- MariaDB could add a column "if not exists"; MySQL cannot, and so asks first.
SET @missing = (SELECT count(*) = 0 FROM information_schema.columns
  WHERE table_schema = database() AND table_name = 'session' AND column_name = 'recoverable');
SET @change = IF(@missing,
  'ALTER TABLE session ADD COLUMN recoverable TINYINT GENERATED ALWAYS AS (recovery IS NOT NULL) STORED, ADD KEY session_recoverable (recoverable, created_at, id)',
  'DO 0');
PREPARE change_session FROM @change;
EXECUTE change_session;
DEALLOCATE PREPARE change_session;

-- Made anew by each save.
SET @missing = (SELECT count(*) = 0 FROM information_schema.columns
  WHERE table_schema = database() AND table_name = 'profile' AND column_name = 'version');
SET @change = IF(@missing, 'ALTER TABLE profile ADD COLUMN version VARBINARY(2048) NOT NULL DEFAULT ''1''', 'DO 0');
PREPARE change_profile FROM @change;
EXECUTE change_profile;
DEALLOCATE PREPARE change_profile;
