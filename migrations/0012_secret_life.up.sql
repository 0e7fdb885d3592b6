BEGIN;
ALTER TABLE signet.app_secrets ADD COLUMN activated_at timestamptz;
INSERT INTO signet.migration_marks (version) VALUES (12);
COMMIT;
