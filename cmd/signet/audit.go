package main

import (
	"context"
	"fmt"

	"signet/internal/app"
	"signet/internal/config"
	"signet/internal/core"
)

type auditCommand struct {
	Verify     auditVerify     `cmd:"" help:"Read every row of every chain and name the first bad one of each; exit status 1 if there is one. Writes nothing."`
	Checkpoint auditCheckpoint `cmd:"" help:"Sign how far every chain goes, to be kept elsewhere."`
	Rotate     auditRotate     `cmd:"" help:"Make a new audit key. Rows of the old ones are accepted on; a node takes it up when it is started."`
}

type auditVerify struct {
	Tenant      string   `placeholder:"ID" help:"The chain of this tenant alone."`
	Checkpoints []string `placeholder:"FILE" sep:"none" help:"A checkpoint that was kept elsewhere; once for each."`
	Key         string   `placeholder:"FINGERPRINT" help:"Accept checkpoints of the key with this fingerprint too."`
}

func (c *auditVerify) Run(ctx context.Context, t *terminal) error {
	ask := app.AuditProof{Checkpoints: c.Checkpoints, Key: c.Key}
	if c.Tenant != "" {
		tenant, err := core.ParseTenantID(c.Tenant)
		if err != nil {
			return wrongUse{fmt.Errorf("--tenant %q is no id of a tenant: the console shows it", c.Tenant)}
		}
		ask.Tenant = &tenant
	}
	cfg, err := readForKeys(config.IdentityFile)
	if err != nil {
		return err
	}
	return app.VerifyAudit(ctx, cfg, ask, t.out)
}

type auditCheckpoint struct {
	Out string `required:"" placeholder:"FILE" help:"The new file, never overwritten; - for standard output."`
}

func (c *auditCheckpoint) Run(ctx context.Context, t *terminal) error {
	cfg, err := readForKeys(config.IdentityFile)
	if err != nil {
		return err
	}
	return app.WriteCheckpoint(ctx, cfg, c.Out, t.out)
}

type auditRotate struct{}

func (auditRotate) Run(ctx context.Context, t *terminal) error {
	cfg, err := readForKeys(config.IdentityFile)
	if err != nil {
		return err
	}
	return app.RotateAuditKey(ctx, cfg, t.out)
}
