BEGIN;
DROP TABLE signet.oidc_identities;
DELETE FROM signet.migration_marks WHERE version = 23;
COMMIT;
