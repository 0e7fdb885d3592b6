package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"signet/internal/auditing"
	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/custody"
)

// AuditProof is what is asked of VerifyAudit.
type AuditProof struct {
	Tenant      *core.TenantID // nil: every chain
	Checkpoints []string       // files
	Key         string         // fingerprint of a key whose checkpoints are accepted too
}

// VerifyAudit reads every chain and prints the first bad row of each; then it fails. A
// checkpoint that cannot be read or trusted is an error of its own: nothing is proved
// without it.
func VerifyAudit(ctx context.Context, cfg config.Config, ask AuditProof, out io.Writer) error {
	return withAudit(ctx, cfg, func(keys *custody.Keys) error {
		marks := auditing.Marks{}
		for _, path := range ask.Checkpoints {
			if err := takeCheckpoint(marks, keys.Audit, path, ask.Key); err != nil {
				return fmt.Errorf("--checkpoints %s: %w", path, err)
			}
		}
		report, err := auditing.Verify(ctx, auditing.Proof{Store: keys.Store, Keys: keys.Audit, Only: ask.Tenant, Marks: marks})
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "audit key fingerprint %s\n", keys.Audit.Fingerprints()[0])
		for _, u := range report.Unsigned {
			tellUnsigned(out, u)
		}
		for _, bad := range report.Bad {
			_, _ = fmt.Fprintf(out, "BAD %s\n", bad)
		}
		if len(report.Bad) > 0 {
			return fmt.Errorf("bad chains: %d of %d; each line above that begins with BAD names the first bad row of one, and docs/operations/audit.md says what to do", len(report.Bad), report.Chains)
		}
		_, err = fmt.Fprintf(out, "nothing is bad: chains %d, rows %d, rows that checkpoints name %d\n", report.Chains, report.Rows, report.Marks)
		return err
	})
}

// withAudit opens the audit keys for a command. It fails where there are none.
func withAudit(ctx context.Context, cfg config.Config, work func(*custody.Keys) error) error {
	return withKeys(ctx, cfg, func(with custody.Config) error {
		keys, err := custody.Read(ctx, with)
		if err == nil && keys.Audit == nil {
			_, err = auditing.Read(ctx, keys.Auditing()) // says why
		}
		if err != nil {
			return err
		}
		return work(keys)
	})
}

func takeCheckpoint(marks auditing.Marks, keys *auditing.Keys, path, pinned string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	c, err := auditing.ParseCheckpoint(text)
	if err != nil {
		return err
	}
	if !keys.Trusts(c, strings.ToLower(pinned)) {
		return fmt.Errorf("the platform does not have the key that signed it (fingerprint %s): if you know that key, give --key with its fingerprint; else it is not from this platform", auditing.Fingerprint(c.PublicKey))
	}
	return marks.Add(path, c)
}

// tellUnsigned names the rows without a mac, so that nobody hides one among them.
func tellUnsigned(out io.Writer, u auditing.Unsigned) {
	if u.Before > 0 {
		_, _ = fmt.Fprintf(out, "%s: rows 1 to %d may be without a mac: they are from before the first audit key, which vouches for them as they are\n", u.Chain, u.Before)
	}
	if len(u.Seqs) > 0 {
		_, _ = fmt.Fprintf(out, "%s: no mac, written without the identity file: rows %s\n", u.Chain, strings.Trim(fmt.Sprint(u.Seqs), "[]"))
	}
}

// WriteCheckpoint signs how far every chain goes, into a new file or to out where path
// is "-".
func WriteCheckpoint(ctx context.Context, cfg config.Config, path string, out io.Writer) error {
	return withAudit(ctx, cfg, func(keys *custody.Keys) error {
		text, chains, err := signHeads(ctx, keys)
		if err != nil {
			return err
		}
		if path == "-" {
			_, err = out.Write(text)
			return err
		}
		if err := writeNew(path, text); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
		_, err = fmt.Fprintf(out, "wrote %s: chains %d, signed by the audit key with fingerprint %s\n", path, chains, keys.Audit.Fingerprints()[0])
		return err
	})
}

func signHeads(ctx context.Context, keys *custody.Keys) (text []byte, chains int, err error) {
	heads, err := auditing.ReadHeads(ctx, keys.Store)
	if err != nil {
		return nil, 0, err
	}
	return keys.Audit.Checkpoint(heads, time.Now()), len(heads), nil
}

// writeNew writes a file that is there whole or not at all, and never in the place of
// another.
func writeNew(path string, text []byte) error {
	fresh, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(fresh.Name()) }()
	_, err = fresh.Write(text)
	if err == nil {
		err = fresh.Sync()
	}
	if err := errors.Join(err, fresh.Close()); err != nil {
		return err
	}
	if err := os.Link(fresh.Name(), path); errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already, and is not overwritten: name another file", path)
	} else if err != nil {
		return err
	}
	return nil
}

// RotateAuditKey makes a new audit key.
func RotateAuditKey(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withAudit(ctx, cfg, func(keys *custody.Keys) error {
		renewed, err := auditing.Renew(ctx, keys.Auditing())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "audit key fingerprint %s: it vouches for audit rows from now on, in a node from its next start on; rows of older keys are accepted on\n", renewed.Fingerprints()[0])
		return err
	})
}

// keepCheckpoint is the chore that gives the audit's state out of the house: the
// platform's chain as a line of the log, and every chain as a file where a folder is
// set.
func (s *Server) keepCheckpoint(ctx context.Context) error {
	keys := s.rooms.keys
	head, err := auditing.ReadPlatformHead(ctx, s.rooms.console)
	if err != nil {
		return err
	}
	now := time.Now()
	s.log.InfoContext(ctx, "audit checkpoint", "checkpoint", string(keys.Audit.Checkpoint(head, now)))
	if s.cfg.AuditCheckpointDir == "" {
		return nil
	}
	text, _, err := signHeads(ctx, keys)
	if err != nil {
		return err
	}
	name := "signet-audit-" + now.UTC().Format("20060102T150405.000Z") + ".jsonl"
	if err := writeNew(filepath.Join(s.cfg.AuditCheckpointDir, name), text); err != nil {
		return fmt.Errorf("%s: %w", config.AuditCheckpointDir, err)
	}
	return nil
}
