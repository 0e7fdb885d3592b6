BEGIN;
ALTER TABLE signet.change_log NO FORCE ROW LEVEL SECURITY; -- it binds the owner too, who would see no row
DELETE FROM signet.change_log WHERE kind = 'api_key';
ALTER TABLE signet.change_log FORCE ROW LEVEL SECURITY;
ALTER TABLE signet.change_log DROP CONSTRAINT change_log_kind;
ALTER TABLE signet.change_log ADD CONSTRAINT change_log_kind CHECK (kind IN ('tenant', 'app', 'secret', 'legacy_host', 'ticket'));
ALTER TABLE signet.apps DROP COLUMN server_only;
DROP TABLE signet.api_keys;
DELETE FROM signet.migration_marks WHERE version = 20;
COMMIT;
