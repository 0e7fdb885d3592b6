BEGIN;
DROP TABLE signet.session_keys;
DROP TABLE signet.refresh_tokens;
DROP TABLE signet.sessions;
DROP TABLE signet.memberships;
DROP TABLE signet.members;
DELETE FROM signet.migration_marks WHERE version = 4;
COMMIT;
