BEGIN;
DELETE FROM signet.change_log WHERE kind = 'ticket';
ALTER TABLE signet.change_log DROP CONSTRAINT change_log_kind;
ALTER TABLE signet.change_log ADD CONSTRAINT change_log_kind CHECK (kind IN ('tenant', 'app', 'secret', 'legacy_host'));
DROP TABLE signet.ticket_leases;
DELETE FROM signet.migration_marks WHERE version = 8;
COMMIT;
