BEGIN;
ALTER TABLE signet.ticket_leases DROP COLUMN forced_at;
REVOKE SELECT (tenant_id, kind, fetched_by, expires_at, used_at) ON signet.tickets FROM signet_system;
DROP POLICY system_reads ON signet.tickets;
ALTER TABLE signet.tickets DROP COLUMN used_at;
DELETE FROM signet.migration_marks WHERE version = 11;
COMMIT;
