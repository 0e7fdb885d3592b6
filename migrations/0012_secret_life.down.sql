BEGIN;
ALTER TABLE signet.app_secrets DROP COLUMN activated_at;
DELETE FROM signet.migration_marks WHERE version = 12;
COMMIT;
