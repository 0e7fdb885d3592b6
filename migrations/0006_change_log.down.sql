BEGIN;
DROP TABLE signet.change_log;
DELETE FROM signet.migration_marks WHERE version = 6;
COMMIT;
