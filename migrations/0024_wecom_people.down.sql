BEGIN;
DROP TABLE signet.wecom_people;
ALTER TABLE signet.apps DROP COLUMN sign_in;
DELETE FROM signet.migration_marks WHERE version = 24;
COMMIT;
