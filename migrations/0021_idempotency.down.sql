BEGIN;
DROP TABLE signet.platform_answers;
DROP TABLE signet.idempotent_answers;
DELETE FROM signet.migration_marks WHERE version = 21;
COMMIT;
