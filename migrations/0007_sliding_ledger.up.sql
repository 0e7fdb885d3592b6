BEGIN;

-- WeCom counts wrong calls over the hour that has just gone by, not over the
-- hour of the clock; so the ledger counts by minute and adds up what lies in it.
ALTER TABLE signet.refused_calls RENAME COLUMN hour TO minute;
ALTER INDEX signet.refused_calls_of_hour RENAME TO refused_calls_of_minute;

-- What no statement across tenants reads.
REVOKE SELECT (tenant_id, api, errcode) ON signet.refused_calls FROM signet_system;
REVOKE SELECT (name, kind, activation, version, created_at, updated_at) ON signet.apps FROM signet_system;
REVOKE SELECT (problem) ON signet.app_secrets FROM signet_system;
REVOKE SELECT (domain_id, created_at) ON signet.trusted_domains FROM signet_system;
REVOKE SELECT (created_at) ON signet.legacy_hosts FROM signet_system;
REVOKE SELECT (at) ON signet.change_log FROM signet_system;

INSERT INTO signet.migration_marks (version) VALUES (7);
COMMIT;
