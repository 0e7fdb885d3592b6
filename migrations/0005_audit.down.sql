BEGIN;
DROP TABLE signet.platform_audit_head;
DROP TABLE signet.platform_audit;
DROP TABLE signet.audit_heads;
DROP TABLE signet.audit;
DELETE FROM signet.migration_marks WHERE version = 5;
COMMIT;
