BEGIN;
DROP TABLE signet.intake_links;
DELETE FROM signet.migration_marks WHERE version = 15;
COMMIT;
