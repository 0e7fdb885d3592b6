package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"signet/internal/admin"
	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/custody"
	"signet/internal/fault"
	"signet/internal/identity"
	"signet/internal/seal"
	"signet/internal/store"
)

// InitKeys makes a master identity in a new file and prints its recipient and
// the recovery sheet.
func InitKeys(cfg config.Config, path string, postQuantum bool, out io.Writer) error {
	recovery, err := recoveryRecipients(cfg, slog.New(slog.DiscardHandler)) // the sheet warns louder
	if err != nil {
		return err
	}
	kind := seal.X25519
	if postQuantum {
		kind = seal.PostQuantum
	}
	master, content, err := seal.GenerateMaster(kind)
	if err != nil {
		return err
	}
	if err := seal.WriteMaster(path, content); err != nil {
		return err
	}
	sheet, err := seal.RecoverySheet(master, recovery, time.Now())
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintf(out, "wrote %s\nrecipient %s\n\n%s", path, master.Recipients()[0], sheet); err != nil {
		return notPrinted(path+" is written", err)
	}
	return nil
}

// notPrinted is the error of a command that has done its work, and whose recovery
// sheet nobody has seen.
func notPrinted(done string, err error) error {
	return fmt.Errorf("%s, but its recovery sheet could not be printed (%w): print it with `signet keys sheet`, which needs the database of that key", done, err)
}

// PrintSheets prints the recovery sheet of every root key, for somebody who has lost
// one. It changes nothing.
func PrintSheets(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withKeys(ctx, cfg, func(with custody.Config) error {
		keys, err := custody.Read(ctx, with)
		if err != nil {
			return err
		}
		return printEverySheet(keys, with.Recovery, out)
	})
}

func printEverySheet(keys *custody.Keys, recovery []seal.Recipient, out io.Writer) error {
	for _, e := range keys.Ring.Epochs() {
		sheet, err := sheetOf(keys, e, recovery)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "\n%s", sheet); err != nil {
			return err
		}
	}
	return nil
}

// withKeys opens what a command about keys works with, and closes it again.
func withKeys(ctx context.Context, cfg config.Config, work func(custody.Config) error) error {
	master, recovery, err := readKeys(cfg, slog.New(slog.DiscardHandler)) // the commands say it themselves
	if err != nil {
		return err
	}
	st, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer st.Close()
	return work(custody.Config{Store: st, Master: master, Recovery: recovery})
}

// KeyStatus prints the epochs of the root key, what lies under each, whom each is
// sealed to, what is being turned just now, and whether recovery is covered.
func KeyStatus(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withKeys(ctx, cfg, func(with custody.Config) error {
		keys, err := custody.Read(ctx, with)
		if errors.Is(err, custody.ErrNoRootKey) {
			_, err = fmt.Fprintln(out, err)
			return err
		}
		if err != nil {
			return err
		}
		status, err := keys.Status(ctx)
		if err != nil {
			return err
		}
		epochs := keys.Ring.Epochs()
		for _, e := range epochs {
			_, _ = fmt.Fprintf(out, "root key epoch %d  fingerprint %s  made %s\n", e.Number, e.Fingerprint, e.CreatedAt.UTC().Format(time.DateTime))
			for _, recipient := range e.Recipients {
				_, _ = fmt.Fprintf(out, "  opens with %s\n", recipient)
			}
			printHanging(out, status.Keys[e.Number], status.Values[e.Number])
		}
		if lost := status.Values[0]; lost.Sum() > 0 {
			_, _ = fmt.Fprintf(out, "%s cannot be opened, because the key of the tenant or of the platform is not there (%s): restore the schema signet_keys; signet keys check names them\n",
				core.Counted(lost.Sum(), "sealed value"), kindsOf(lost))
		}
		newest := epochs[len(epochs)-1].Number
		if len(epochs) > 1 {
			_, _ = fmt.Fprintf(out, "the root key is being turned from %d to %d: %s left; every node goes on with it, and so does signet keys rotate\n",
				epochs[0].Number, newest, core.Counted(status.Left(newest), "key"))
		}
		if p := status.Platform; p.From > 0 {
			_, _ = fmt.Fprintf(out, "the platform's own key is being turned from version %d to %d: %s left; every node goes on with it, and so does signet keys rotate --platform\n",
				p.From, p.To, core.Counted(p.Left, "value"))
		}
		for _, tenant := range status.Turning {
			_, _ = fmt.Fprintf(out, "the key of tenant %s is being turned\n", tenant)
		}
		if len(status.Turning) == custody.StatusTenants {
			_, _ = fmt.Fprintln(out, "and perhaps of more tenants")
		}
		_, err = fmt.Fprintln(out, recoveryWord(with, keys.Ring))
		return err
	})
}

// printHanging tells what lies below a root key.
func printHanging(out io.Writer, keys store.KeyCount, values custody.Values) {
	if keys.Sum() == 0 && values.Sum() == 0 {
		_, _ = fmt.Fprintf(out, "  nothing hangs on it\n")
		return
	}
	_, _ = fmt.Fprintf(out, "  keys that hang on it: %d (tenants %d, platform %d)\n", keys.Sum(), keys.Tenants, keys.Platform)
	_, _ = fmt.Fprintf(out, "  sealed values below those: %d (%s)\n", values.Sum(), kindsOf(values))
}

func kindsOf(v custody.Values) string {
	return fmt.Sprintf("app secrets %d, tokens and tickets %d, fetched by trials %d, answers to repeat %d, the platform's own %d", v.Secrets, v.Tickets, v.Trials, v.Answers, v.Platform)
}

func recoveryWord(with custody.Config, ring *seal.Ring) string {
	if len(with.Recovery) > 0 {
		if missing := ring.Uncovered(with.Recovery[0]); len(missing) > 0 {
			return fmt.Sprintf("recovery recipient: NOT covered at epochs %v", missing)
		}
		return "recovery recipient: covered at every epoch"
	}
	var others []string
	var alone []int32
	for _, e := range ring.Epochs() {
		besides := besidesOwn(with.Master, e)
		others = append(others, besides...)
		if len(besides) == 0 {
			alone = append(alone, e.Number)
		}
	}
	slices.Sort(others)
	switch word := fmt.Sprintf("recovery recipient: %s is not set here; besides the identity file the root keys are sealed to %s",
		config.RecoveryRecipient, strings.Join(slices.Compact(others), ", ")); {
	case len(others) == 0:
		return "recovery recipient: none set. If the identity file is lost, every secret is lost; see docs/custody.md"
	case len(alone) > 0:
		return word + fmt.Sprintf(", but NOT at epochs %v", alone)
	default:
		return word
	}
}

// besidesOwn lists who opens a root key and does not stand in the identity file.
func besidesOwn(master *seal.Master, e seal.Epoch) []string {
	return slices.DeleteFunc(slices.Clone(e.Recipients), func(to string) bool { return slices.Contains(master.Recipients(), to) })
}

// tellEvery is how many keys are wrapped anew between two lines of progress.
const tellEvery = 10_000

// RotateKeys turns the root key, or finishes a turning that was begun before, and
// prints how far it is and the recovery sheet of the new key. A sheet that cannot be
// printed does not stop the turning; the error says how to come by it.
func RotateKeys(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withKeys(ctx, cfg, func(with custody.Config) error {
		keys, err := custody.Read(ctx, with)
		if err != nil {
			return err
		}
		told, begun := int64(-1), false
		var unprinted error
		printSheet := func(format string, to seal.RootKeyRow) {
			if _, err := fmt.Fprintf(out, format, to.Epoch, keys.Ring.NextSheet(to, with.Recovery, time.Now())); err != nil {
				unprinted = notPrinted(fmt.Sprintf("root key %d is stored and seals from now on", to.Epoch), err)
			}
		}
		turned, err := keys.Rotate(ctx, func(t custody.Turning) {
			switch {
			case told < 0 && t.Begun:
				begun, told = true, 0
				printSheet("root key %d is stored and seals from now on; its recovery sheet:\n\n%s\n", t.To)
			case told < 0:
				told = 0
				_, _ = fmt.Fprintf(out, "a turning to root key %d was begun before; it is finished, and no other is begun\n", t.To.Epoch)
			case t.Done/tellEvery > told/tellEvery:
				told = t.Done
				_, _ = fmt.Fprintf(out, "wrapped anew so far: %s\n", core.Counted(t.Done, "key"))
			}
		})
		if err != nil {
			return errors.Join(unprinted, err)
		}
		_, _ = fmt.Fprintf(out, "wrapped anew by this run: %s; nothing lies under an older root key, and those are deleted\n", core.Counted(turned.Done, "key"))
		if !begun {
			printSheet("the recovery sheet of root key %d:\n\n%s", turned.To)
		}
		if unprinted == nil && len(with.Recovery) > 0 {
			_, _ = fmt.Fprintf(out, "Print this sheet, and keep the one of the root key before until the last backup of the keys\nfrom before now is deleted (%s, %s): that backup is recovered with its own sheet alone.\n",
				config.KeyBackupDays, core.Counted(cfg.KeyBackupDays, "day"))
		}
		return unprinted
	})
}

// RotatePlatformKey turns the platform's own key and all that it has sealed, or
// finishes what was begun of it.
func RotatePlatformKey(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withKeys(ctx, cfg, func(with custody.Config) error {
		keys, err := custody.Read(ctx, with)
		if err != nil {
			return err
		}
		turned, err := keys.RotatePlatform(ctx)
		if err != nil {
			return err
		}
		if turned.Begun {
			_, _ = fmt.Fprintf(out, "version %d of the platform's own key seals from now on\n", turned.To)
		} else {
			_, _ = fmt.Fprintf(out, "a turning to version %d of the platform's own key was begun before; it is finished, and no other is begun\n", turned.To)
		}
		_, err = fmt.Fprintf(out, "under it: %s, turned by this run: %d; nothing lies under an older one, and those are destroyed\n",
			core.Counted(turned.Values, "value"), turned.Done)
		return err
	})
}

// RotateSessionKey makes a new key for the console's access tokens. The former is
// trusted until its last token is over, or in an emergency no more, and then every
// session ends.
func RotateSessionKey(ctx context.Context, cfg config.Config, emergency bool, out io.Writer) error {
	return withKeys(ctx, cfg, func(with custody.Config) error {
		keys, err := custody.Read(ctx, with)
		if err != nil {
			return err
		}
		ended, err := identity.TurnSessionKey(ctx, identity.Config{
			Store: with.Store, Sealer: keys.Ring.Sealer(),
			NewPlatformKey: func() (seal.WrappedKey, error) { return keys.Ring.NewScopeKey(seal.Platform(), 1) },
		}, emergency)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintln(out, "a new key signs the console's access tokens; every node knows it within a minute")
		if emergency {
			_, err = fmt.Fprintf(out, "the former keys are trusted no more; ended: %s; everybody has to sign in again\n", core.Counted(ended, "session"))
			return err
		}
		_, err = fmt.Fprintln(out, "the former is trusted until the last of its tokens is over; nobody is signed out")
		return err
	})
}

// RotateTenantKey turns the key of one tenant and all that it has sealed, or
// finishes what was begun of it.
func RotateTenantKey(ctx context.Context, cfg config.Config, tenant core.TenantID, out io.Writer) error {
	return withKeys(ctx, cfg, func(with custody.Config) error {
		keys, err := custody.Read(ctx, with)
		if err != nil {
			return err
		}
		actions := admin.New(admin.Config{Store: with.Store, Sealer: keys.Ring.Sealer(), NewScopeKey: keys.Ring.NewScopeKey, RenewKeys: keys.Ring.Renew})
		actor := core.System("keys")
		key, err := actions.RotateTenantKey(ctx, actor, tenant)
		if fault.Has(err, fault.TenantUnknown) { // whose words are for a page of the console
			return fmt.Errorf("--tenant %s: there is no such tenant in this database; the console shows the id of each", tenant)
		}
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "version %d of the key of tenant %s seals from now on\n", key.Version, tenant)
		if err := keys.FinishTenant(ctx, tenant); err != nil {
			return err
		}
		if key, err = actions.GetTenantKey(ctx, actor, tenant); err != nil {
			return err
		}
		if len(key.Versions) > 1 {
			_, err = fmt.Fprintf(out, "something was sealed under an older version meanwhile; the nodes turn it, or run this again\n")
			return err
		}
		_, err = fmt.Fprintf(out, "under it: %s; nothing lies under an older one, and those are destroyed\n", core.Counted(key.Versions[0].Values, "value"))
		return err
	})
}

// RotateMaster hands the root keys over to the first identity of the file and
// prints what to do next.
func RotateMaster(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withKeys(ctx, cfg, func(with custody.Config) error {
		keys, err := custody.Read(ctx, with)
		if err != nil {
			return err
		}
		h, err := keys.TurnMaster(ctx)
		if err != nil {
			return err
		}
		printHandover(out, cfg, with.Master.Recipients(), h)
		if err := printEverySheet(keys, with.Recovery, out); err != nil {
			return notPrinted("the first identity of the file holds every root key", err)
		}
		return nil
	})
}

func printHandover(out io.Writer, cfg config.Config, recipients []string, h custody.Handover) {
	if len(h.Wrapped) == 0 && len(h.Freed) == 0 {
		_, _ = fmt.Fprintf(out, "the first identity of the file holds every root key already; nothing was to be done\n")
	}
	for _, epoch := range h.Wrapped {
		_, _ = fmt.Fprintf(out, "root key %d is sealed by and to the first identity of the file\n", epoch)
	}
	_, _ = fmt.Fprintf(out, "that identity alone opens every root key: %s\n", recipients[0])
	for _, gone := range h.Freed {
		_, _ = fmt.Fprintf(out, "it was taken from %s\n", gone)
	}
	for _, kept := range h.Kept {
		_, _ = fmt.Fprintf(out, "it was left with %s, which may be your recovery recipient: %s is not set here\n", kept, config.RecoveryRecipient)
	}
	_, _ = fmt.Fprintf(out, `What to do next:
  1. See that every node has the new file and was started with it.
  2. Take the other identities (%d) out of the file on every node, and start it again.
  3. If the old identity was stolen: run signet keys rotate as well, since root key 1
     comes out of it and older backups open with it, delete those backups of the keys,
     and reset the Secret of every app.
  4. If it was not: keep it, away from the nodes, until the last backup of the keys from
     before now is deleted (%s, %s). That one opens with the
     old identity alone, or is recovered with the recovery identity and its own sheet.
`, len(recipients)-1, config.KeyBackupDays, core.Counted(cfg.KeyBackupDays, "day"))
}

// sheetOf is the sheet of a root key. Where no recovery recipient is set here, it
// names whom the key is sealed to besides the identity file.
func sheetOf(keys *custody.Keys, e seal.Epoch, recovery []seal.Recipient) (seal.Sheet, error) {
	if len(recovery) == 0 {
		var err error
		if recovery, err = parseRecipients(besidesOwn(keys.Master, e)); err != nil {
			return seal.Sheet{}, err
		}
	}
	return keys.Ring.NextSheet(seal.RootKeyRow{Epoch: e.Number, Fingerprint: e.Fingerprint}, recovery, time.Now()), nil
}
