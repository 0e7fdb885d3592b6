BEGIN;

-- What grows by itself is deleted when nobody can need it any more. The bound
-- stands in a restrictive policy, so that whoever may delete can delete nothing
-- younger, by whatever statement and through whatever door.
CREATE POLICY age_bound ON signet.change_log AS RESTRICTIVE FOR DELETE TO signet_app
    USING (at < now() - interval '24 hours');
GRANT SELECT (xid, at), DELETE ON signet.change_log TO signet_app;

-- Its refresh tokens go with a session.
CREATE INDEX sessions_expiry ON signet.sessions (expires_at);
CREATE POLICY age_bound ON signet.sessions AS RESTRICTIVE FOR DELETE TO signet_app
    USING (expires_at < now() - interval '24 hours');
GRANT DELETE ON signet.sessions TO signet_app;

-- The highest transaction id of a change that was deleted, so that who has read
-- less far knows that something is missing (store/feed.go).
CREATE TABLE signet.change_log_trimmed (
    one boolean NOT NULL DEFAULT true CONSTRAINT change_log_trimmed_one CHECK (one),
    xid xid8    NOT NULL,
    CONSTRAINT change_log_trimmed_pkey PRIMARY KEY (one)
);
ALTER TABLE signet.change_log_trimmed ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.change_log_trimmed FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.change_log_trimmed TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
CREATE POLICY system_reads ON signet.change_log_trimmed FOR SELECT TO signet_system USING (true);
GRANT SELECT, INSERT ON signet.change_log_trimmed TO signet_app;
GRANT UPDATE (xid) ON signet.change_log_trimmed TO signet_app;
GRANT SELECT (xid) ON signet.change_log_trimmed TO signet_system;

-- A strict app is signed for only by a node that hears of changes.
ALTER TABLE signet.apps ADD COLUMN strict boolean NOT NULL DEFAULT false;
GRANT UPDATE (strict) ON signet.apps TO signet_app;
GRANT SELECT (strict) ON signet.apps TO signet_system;

INSERT INTO signet.migration_marks (version) VALUES (10);
COMMIT;
