BEGIN;
DROP TABLE signet.refused_calls;
DROP TABLE signet.tickets;
DELETE FROM signet.migration_marks WHERE version = 3;
COMMIT;
