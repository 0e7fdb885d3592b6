package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/custody"
	"signet/internal/seal"
)

// ParseSheet reads what was typed from recovery sheets: EPOCH=FINGERPRINT each.
func ParseSheet(lines []string) (map[int32]seal.RootFingerprint, error) {
	sheet := make(map[int32]seal.RootFingerprint, len(lines))
	for _, line := range lines {
		number, text, ok := strings.Cut(line, "=")
		epoch, err := strconv.ParseInt(strings.TrimSpace(number), 10, 32)
		if !ok || err != nil || epoch < 1 {
			return nil, fmt.Errorf("--sheet %q: write the number of the root key, = and its fingerprint, as in 1=0123…", line)
		}
		fingerprint, err := seal.ParseRootFingerprint(text)
		if err != nil {
			return nil, fmt.Errorf("--sheet %q: %w", line, err)
		}
		if _, twice := sheet[int32(epoch)]; twice {
			return nil, fmt.Errorf("--sheet %q: root key %d is given twice", line, epoch)
		}
		sheet[int32(epoch)] = fingerprint
	}
	return sheet, nil
}

// A RecoveryFile holds the offline recovery identity.
type RecoveryFile struct {
	Path       string
	Passphrase string // the file with its passphrase; "": it is not protected
}

func (f RecoveryFile) read() (*seal.Master, error) {
	recovery, err := readIdentity(f.Path, f.Passphrase)
	switch {
	case errors.Is(err, seal.ErrEncrypted):
		return nil, fmt.Errorf("--recovery: the recovery identity in %s is protected by a passphrase: write that into a file with mode 0600 and name the file with --recovery-passphrase-file", f.Path)
	case errors.Is(err, fs.ErrNotExist) && !exists(f.Path): // no new one helps, so the words are not those of an identity file
		return nil, fmt.Errorf("--recovery: there is no file %s: give the path of the offline recovery identity, or bring that here", f.Path)
	case err != nil:
		return nil, fmt.Errorf("--recovery: %w", err)
	}
	return recovery, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// CheckKeys proves that the identity file opens everything, or that the offline
// recovery identity in a file does so alone. It writes nothing.
func CheckKeys(ctx context.Context, cfg config.Config, recovery RecoveryFile, sheet map[int32]seal.RootFingerprint, out io.Writer) error {
	if recovery.Path != "" {
		cfg.IdentityFile = "" // the proof is that it can be done without
	}
	return withKeys(ctx, cfg, func(with custody.Config) error {
		keys, err := openToCheck(ctx, with, recovery, sheet)
		if err != nil {
			return err
		}
		before := keys.Ring.Epochs()
		printSheets(out, before, sheet)
		told := int64(0)
		checked, err := keys.Check(ctx, func(c custody.Checked) {
			if c.Tenants/tellEvery > told/tellEvery {
				told = c.Tenants
				_, _ = fmt.Fprintf(out, "looked at so far: %s\n", core.Counted(c.Tenants, "tenant"))
			}
		})
		if err != nil {
			return err
		}
		if now := comeSince(before, keys.Ring.Epochs()); len(now) > 0 {
			_, _ = fmt.Fprintln(out, "the root key was turned meanwhile")
			printEpochs(out, now, sheet)
		}
		if err := checked.Err(); err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "all of it opens: %s, %s of tenants and the platform, %s of %s and the platform\n",
			core.Counted(checked.RootKeys, "root key"), core.Counted(checked.ScopeKeys, "key"),
			core.Counted(checked.Values, "value"), core.Counted(checked.Tenants, "tenant"))
		return err
	})
}

func openToCheck(ctx context.Context, with custody.Config, recovery RecoveryFile, sheet map[int32]seal.RootFingerprint) (*custody.Keys, error) {
	if recovery.Path != "" {
		alone, err := recovery.read()
		if err != nil {
			return nil, err
		}
		return custody.Prover(ctx, with, alone, sheet)
	}
	keys, err := custody.Read(ctx, with)
	if err != nil {
		return nil, err
	}
	for _, e := range keys.Ring.Epochs() {
		if wanted, ok := sheet[e.Number]; ok && wanted.String() != e.Fingerprint.String() {
			return nil, fmt.Errorf("root key %d has the fingerprint %s, and the recovery sheet says %s: it is not the key that the sheet was printed for", e.Number, e.Fingerprint, wanted)
		}
	}
	return keys, nil
}

func printSheets(out io.Writer, epochs []seal.Epoch, sheet map[int32]seal.RootFingerprint) {
	printEpochs(out, epochs, sheet)
	for _, number := range slices.Sorted(maps.Keys(sheet)) {
		if !hasEpoch(epochs, number) {
			_, _ = fmt.Fprintf(out, "root key %d  is on a recovery sheet and not here: it was turned, or is not made yet\n", number)
		}
	}
}

// printEpochs tells of each root key whether it is the one on its recovery sheet.
func printEpochs(out io.Writer, epochs []seal.Epoch, sheet map[int32]seal.RootFingerprint) {
	for _, e := range epochs {
		word := "as on the recovery sheet"
		if _, ok := sheet[e.Number]; !ok {
			word = fmt.Sprintf("NOT compared with a recovery sheet; to do so give --sheet %d=FINGERPRINT", e.Number)
		}
		_, _ = fmt.Fprintf(out, "root key %d  fingerprint %s  %s\n", e.Number, e.Fingerprint, word)
	}
}

func hasEpoch(epochs []seal.Epoch, number int32) bool {
	return slices.ContainsFunc(epochs, func(e seal.Epoch) bool { return e.Number == number })
}

// comeSince lists the root keys that were not there before.
func comeSince(before, now []seal.Epoch) []seal.Epoch {
	return slices.DeleteFunc(now, func(e seal.Epoch) bool { return hasEpoch(before, e.Number) })
}

// RecoverKeys hands the root keys over to the new identity file by the offline
// recovery identity, with the fingerprints of the recovery sheets as the proof.
func RecoverKeys(ctx context.Context, cfg config.Config, file RecoveryFile, sheet map[int32]seal.RootFingerprint, out io.Writer) error {
	return withKeys(ctx, cfg, func(with custody.Config) error {
		recovery, err := file.read()
		if err != nil {
			return err
		}
		keys, err := custody.Recover(ctx, with, recovery, sheet)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "every root key has the fingerprint of its sheet, every key below opens, and %s holds them now\n", with.Master.Recipients()[0])
		to, err := parseRecipients(recovery.Recipients())
		if err != nil {
			return err
		}
		if err := printEverySheet(keys, to, out); err != nil {
			return notPrinted("the identity file holds every root key", err)
		}
		return nil
	})
}

func parseRecipients(texts []string) (list []seal.Recipient, err error) {
	for _, text := range texts {
		r, err := seal.ParseRecipient(text)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}
