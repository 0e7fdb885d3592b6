package main

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/app"
	"signet/internal/config"
	"signet/internal/core"
)

type keysCommand struct {
	Init    keysInit    `cmd:"" help:"Make the master identity in a new file, and print its recipient and the recovery sheet."`
	Status  keysStatus  `cmd:"" help:"Tell the epochs of the root key, what hangs on each, what is being turned, and whether recovery is covered."`
	Rotate  keysRotate  `cmd:"" help:"Turn the root key, the platform's own key (--platform) or one tenant's (--tenant), or the key of the console's access tokens (--sessions), while nodes serve; or hand the root keys over to a new first identity (--master). Run again, it goes on."`
	Sheet   keysSheet   `cmd:"" help:"Print the recovery sheet of every root key again. Changes nothing."`
	Check   keysCheck   `cmd:"" help:"Prove that the identity file, or the offline recovery identity alone, opens everything. Writes nothing."`
	Recover keysRecover `cmd:"" help:"Hand the root keys over to a new identity file by the offline recovery identity, when the old file is lost."`

	Deletions keysDeletions `cmd:"" help:"Print the list of destroyed tenants, to be kept beside the backups."`
	Forget    keysForget    `cmd:"" help:"Destroy in a restored database the tenants on a list of deletions."`
}

type keysInit struct {
	Out         string `required:"" placeholder:"FILE" help:"The new file; mode 0600; never overwritten."`
	PostQuantum bool   `help:"Make a post-quantum hybrid identity instead of X25519."`
}

func (c *keysInit) Run(t *terminal) error {
	cfg, err := config.Read(config.FromProcess(nil))
	if err != nil {
		return err
	}
	return app.InitKeys(cfg, c.Out, c.PostQuantum, t.out)
}

type keysStatus struct{}

func (keysStatus) Run(ctx context.Context, t *terminal) error {
	cfg, err := readForKeys(config.IdentityFile)
	if err != nil {
		return err
	}
	return app.KeyStatus(ctx, cfg, t.out)
}

type keysSheet struct{}

func (keysSheet) Run(ctx context.Context, t *terminal) error {
	cfg, err := readForKeys(config.IdentityFile)
	if err != nil {
		return err
	}
	return app.PrintSheets(ctx, cfg, t.out)
}

type keysRotate struct {
	Master   bool   `xor:"what" help:"Hand the root keys over to the first identity of the file, and take them from all others."`
	Platform bool   `xor:"what" help:"Turn the platform's own key and all that it has sealed."`
	Tenant   string `xor:"what" placeholder:"ID" help:"Turn the key of one tenant and all that it has sealed."`
	Sessions bool   `xor:"what" help:"Make a new key for the console's access tokens; the former is trusted until its last token is over, and nobody is signed out."`

	Emergency bool `help:"With --sessions: trust the former keys no more, and sign everybody out."`
}

func (c *keysRotate) Run(ctx context.Context, t *terminal) error {
	var tenant core.TenantID
	if c.Tenant != "" {
		var err error
		if tenant, err = core.ParseTenantID(c.Tenant); err != nil {
			return wrongUse{fmt.Errorf("--tenant %q is no id of a tenant: the console shows it", c.Tenant)}
		}
	}
	if c.Emergency && !c.Sessions {
		return wrongUse{errors.New("--emergency signs everybody out of the console: give it with --sessions")}
	}
	cfg, err := readForKeys(config.IdentityFile)
	switch {
	case err != nil:
		return err
	case c.Sessions:
		return app.RotateSessionKey(ctx, cfg, c.Emergency, t.out)
	case c.Master:
		return app.RotateMaster(ctx, cfg, t.out)
	case c.Platform:
		return app.RotatePlatformKey(ctx, cfg, t.out)
	case !tenant.IsZero():
		return app.RotateTenantKey(ctx, cfg, tenant, t.out)
	}
	return app.RotateKeys(ctx, cfg, t.out)
}

type keysCheck struct {
	Recovery               string   `placeholder:"FILE" help:"The offline recovery identity, which is then used alone."`
	RecoveryPassphraseFile string   `placeholder:"FILE" help:"File that holds the passphrase of that identity's file, if it has one."`
	Sheet                  []string `placeholder:"EPOCH=FINGERPRINT" sep:"none" help:"What a recovery sheet says of a root key; once for each."`
}

func (c *keysCheck) Run(ctx context.Context, t *terminal) error {
	sheet, err := app.ParseSheet(c.Sheet)
	if err != nil {
		return wrongUse{err}
	}
	if c.RecoveryPassphraseFile != "" && c.Recovery == "" {
		return wrongUse{errors.New("--recovery-passphrase-file holds the passphrase of a recovery identity: name the file of that with --recovery")}
	}
	var needed []string
	if c.Recovery == "" {
		needed = append(needed, config.IdentityFile)
	}
	cfg, err := readForKeys(needed...)
	if err != nil {
		return err
	}
	return app.CheckKeys(ctx, cfg, app.RecoveryFile{Path: c.Recovery, Passphrase: c.RecoveryPassphraseFile}, sheet, t.out)
}

type keysRecover struct {
	Recovery               string   `required:"" placeholder:"FILE" help:"The offline recovery identity."`
	RecoveryPassphraseFile string   `placeholder:"FILE" help:"File that holds the passphrase of that identity's file, if it has one."`
	Sheet                  []string `required:"" placeholder:"EPOCH=FINGERPRINT" sep:"none" help:"What the recovery sheet says of a root key; once for each."`
}

func (c *keysRecover) Run(ctx context.Context, t *terminal) error {
	sheet, err := app.ParseSheet(c.Sheet)
	if err != nil {
		return wrongUse{err}
	}
	cfg, err := readForKeys(config.IdentityFile)
	if err != nil {
		return err
	}
	return app.RecoverKeys(ctx, cfg, app.RecoveryFile{Path: c.Recovery, Passphrase: c.RecoveryPassphraseFile}, sheet, t.out)
}

// readForKeys reads what every command needs that looks into the database's keys.
func readForKeys(more ...string) (config.Config, error) {
	return config.Read(config.FromProcess(nil), append([]string{config.DatabaseURL}, more...)...)
}
