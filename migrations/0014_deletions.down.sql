BEGIN;
REVOKE SELECT (key_version) ON signet.app_secrets FROM signet_system;
REVOKE SELECT (version) ON signet_keys.tenant_keys FROM signet_system;
DROP TABLE signet.deletions;
REVOKE SELECT (deletion_requested_at, deletion_due_at, deletion_requested_by) ON signet.tenants FROM signet_system;
DROP INDEX signet.tenants_due;
ALTER TABLE signet.tenants
    DROP CONSTRAINT tenants_deletion,
    DROP COLUMN deletion_requested_at,
    DROP COLUMN deletion_due_at,
    DROP COLUMN deletion_requested_by;
DELETE FROM signet.migration_marks WHERE version = 14;
COMMIT;
