BEGIN;

-- When a page was last signed with a ticket, as far as was known when the ticket
-- was written; NULL before the first. Tickets of apps that nobody uses are not
-- renewed, and a node that starts reads from here which are in use.
ALTER TABLE signet.tickets ADD COLUMN used_at timestamptz;
GRANT UPDATE (used_at) ON signet.tickets TO signet_app;
CREATE POLICY system_reads ON signet.tickets FOR SELECT TO signet_system USING (true);
GRANT SELECT (tenant_id, kind, fetched_by, expires_at, used_at) ON signet.tickets TO signet_system;

-- When a value was last fetched although the one that was held had not ended.
ALTER TABLE signet.ticket_leases ADD COLUMN forced_at timestamptz;
GRANT UPDATE (forced_at) ON signet.ticket_leases TO signet_app;

INSERT INTO signet.migration_marks (version) VALUES (11);
COMMIT;
