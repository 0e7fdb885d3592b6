BEGIN;

-- Who of the platform's people is who at the sign-in provider. Written when they come
-- in from there for the first time; from then on the pair of issuer and subject says
-- who they are, and their e-mail address there says nothing any more.
-- One that was forgotten stays, for who asks later.
CREATE TABLE signet.oidc_identities (
    binding_id uuid        NOT NULL DEFAULT gen_random_uuid(),
    issuer     text        NOT NULL,
    subject    text        NOT NULL CONSTRAINT oidc_identities_subject_length CHECK (length(subject) BETWEEN 1 AND 255),
    member_id  uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz NOT NULL DEFAULT now(),
    unbound_at timestamptz,
    CONSTRAINT oidc_identities_pkey PRIMARY KEY (binding_id),
    CONSTRAINT oidc_identities_member FOREIGN KEY (member_id) REFERENCES signet.members (member_id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX oidc_identities_subject ON signet.oidc_identities (issuer, subject) WHERE unbound_at IS NULL;
CREATE UNIQUE INDEX oidc_identities_one_each ON signet.oidc_identities (issuer, member_id) WHERE unbound_at IS NULL;
ALTER TABLE signet.oidc_identities ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.oidc_identities FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.oidc_identities TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
GRANT SELECT, INSERT ON signet.oidc_identities TO signet_app;
GRANT UPDATE (used_at, unbound_at) ON signet.oidc_identities TO signet_app;

INSERT INTO signet.migration_marks (version) VALUES (23);
COMMIT;
