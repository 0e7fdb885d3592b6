BEGIN;
REVOKE UPDATE (trusted_until) ON signet.session_keys FROM signet_app;
ALTER TABLE signet.session_keys DROP COLUMN trusted_until;
DROP TABLE signet.tries;
DROP TABLE signet.devices;
DROP TABLE signet.ceremonies;
DROP TABLE signet.recovery_codes;
DROP TABLE signet.factors;
ALTER TABLE signet.sessions
    DROP COLUMN begun_with,
    DROP COLUMN second_factor,
    DROP COLUMN proved_at,
    DROP COLUMN client,
    DROP COLUMN agent,
    DROP COLUMN refreshed_at,
    DROP COLUMN only_tenant;
ALTER TABLE signet.tenants DROP COLUMN second_factor_required;
-- Whom nothing but a password brought in before cannot come in without one.
ALTER TABLE signet.members NO FORCE ROW LEVEL SECURITY;
DELETE FROM signet.members WHERE password_hash IS NULL;
ALTER TABLE signet.members FORCE ROW LEVEL SECURITY;
ALTER TABLE signet.members ALTER COLUMN password_hash SET NOT NULL;
DELETE FROM signet.migration_marks WHERE version = 18;
COMMIT;
