BEGIN;
DROP SCHEMA signet_keys CASCADE;
DELETE FROM signet.migration_marks WHERE version = 2;
COMMIT;
