BEGIN;
ALTER TABLE signet.tenants DROP COLUMN secret_max_age_days;
DROP TABLE signet.trial_grants;
DROP INDEX signet.audit_of_subject;
REVOKE UPDATE (sealed, activation) ON signet.app_secrets FROM signet_app;
REVOKE SELECT (name) ON signet.apps FROM signet_system;
REVOKE SELECT (created_at) ON signet.app_secrets FROM signet_system;
ALTER TABLE signet.app_secrets
    DROP COLUMN activated_at,
    DROP COLUMN moved_at,
    DROP COLUMN fell_back,
    DROP COLUMN activate_at,
    DROP COLUMN try_after;
DELETE FROM signet.migration_marks WHERE version = 12;
COMMIT;
