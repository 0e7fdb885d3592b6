package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"signet/internal/admin"
	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/store"
)

// destroyDue is the chore that destroys tenants whose grace time is over.
func (s *Server) destroyDue(ctx context.Context) error {
	destroyed, err := admin.NewDue(s.rooms.admin).DestroyTenants(ctx)
	if destroyed > 0 {
		s.log.InfoContext(ctx, "tenants whose grace time was over were destroyed", "tenants", destroyed)
	}
	return err
}

// deletion is a line of the list of deletions.
type deletion struct {
	TenantID       string `json:"tenantId"`
	DestroyedAt    string `json:"destroyedAt"`
	UnopenableFrom string `json:"unopenableFrom"`
}

// KeyDeletions writes the list of deletions, a line of JSON for each tenant that was
// destroyed: into the file, or to out where path is "". A file is put in the place of
// the former one whole or not at all. It fails where the former one names a tenant
// that this database does not know as destroyed: a list never gets shorter.
func KeyDeletions(ctx context.Context, cfg config.Config, path string, out io.Writer) error {
	st, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer st.Close()
	var list []core.Destroyed
	err = st.System(ctx, func(tx *store.SystemTx) error {
		list, err = tx.ListDeletions(ctx)
		return err
	})
	if err != nil {
		return err
	}
	text := writeDeletions(list)
	if path == "" {
		_, err = out.Write(text)
		return err
	}
	if err := refuseShorter(path, list); err != nil {
		return err
	}
	if err := replaceFile(path, text); err != nil {
		return fmt.Errorf("write the list of deletions: %w", err)
	}
	_, err = fmt.Fprintf(out, "wrote %s: tenants destroyed so far: %d\n", path, len(list))
	return err
}

func writeDeletions(list []core.Destroyed) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	for _, d := range list {
		_ = encoder.Encode(deletion{d.TenantID.String(), d.At.UTC().Format(time.RFC3339Nano), d.UnopenableFrom.Format(time.DateOnly)}) // three texts
	}
	return text.Bytes()
}

// refuseShorter keeps a database that was restored, and does not know yet of later
// deletions, from writing over the list that tells of them.
func refuseShorter(path string, now []core.Destroyed) error {
	former, err := readDeletionsFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	known := make(map[core.TenantID]bool, len(now))
	for _, d := range now {
		known[d.TenantID] = true
	}
	for _, d := range former {
		if !known[d.TenantID] {
			return fmt.Errorf("%s names tenant %s, which this database does not know as destroyed; if it was restored from a backup, run `signet keys forget --list %s` first, else write the list elsewhere",
				path, d.TenantID, path)
		}
	}
	return nil
}

// replaceFile puts text in the place of a file, whole or not at all.
func replaceFile(path string, text []byte) error {
	fresh, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(fresh.Name()) }() // gone already where all went well
	_, err = fresh.Write(text)
	if err == nil {
		err = fresh.Sync()
	}
	if err := errors.Join(err, fresh.Close()); err != nil {
		return err
	}
	return os.Rename(fresh.Name(), path)
}

func readDeletionsFile(path string) ([]core.Destroyed, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the list of deletions: %w", err)
	}
	list, err := readDeletions(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

// readDeletions reads a list of deletions whole. Its error names the line.
func readDeletions(text []byte) ([]core.Destroyed, error) {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return nil, fmt.Errorf("line %d ends without a newline, so the list was cut short; take an older copy of it", bytes.Count(text, []byte("\n"))+1)
	}
	var list []core.Destroyed
	lines := bufio.NewScanner(bytes.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		d, err := readDeletion(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w; it should look like %s", number, err, strings.TrimSpace(string(writeDeletions([]core.Destroyed{{}}))))
		}
		list = append(list, d)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", len(list)+1, err)
	}
	return list, nil
}

func readDeletion(line string) (core.Destroyed, error) {
	decoder := json.NewDecoder(strings.NewReader(line))
	decoder.DisallowUnknownFields()
	var d deletion
	if err := decoder.Decode(&d); err != nil {
		return core.Destroyed{}, errors.New("it is not JSON of a deletion")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return core.Destroyed{}, errors.New("there is more than one deletion in it")
	}
	tenant, err := core.ParseTenantID(d.TenantID)
	if err != nil {
		return core.Destroyed{}, fmt.Errorf("tenantId is %w", err)
	}
	at, err := time.Parse(time.RFC3339Nano, d.DestroyedAt)
	if err != nil {
		return core.Destroyed{}, errors.New("destroyedAt is not a time")
	}
	from, err := time.Parse(time.DateOnly, d.UnopenableFrom)
	if err != nil {
		return core.Destroyed{}, errors.New("unopenableFrom is not a day")
	}
	return core.Destroyed{TenantID: tenant, At: at, UnopenableFrom: from}, nil
}

// KeyForget destroys in a restored database what there is of the tenants on the list
// of deletions, and tells of each what was found. Done again it finds nothing. A list
// with a line that cannot be read, or that cannot be true, changes nothing. At the end
// it names the tenants whose secrets no key opens that is there. A dry run only tells
// what would be destroyed.
func KeyForget(ctx context.Context, cfg config.Config, path string, dryRun bool, out io.Writer) error {
	list, err := readDeletionsFile(path)
	if err != nil {
		return err
	}
	st, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer st.Close()
	vouchIfPossible(ctx, cfg, st)
	found, refused := findForgotten(ctx, st, list)
	if dryRun && (refused == nil || errors.Is(refused, admin.ErrNotDestroyed)) {
		tellFound(found, out)
	}
	if refused != nil || dryRun {
		return refused
	}
	destroyed := 0
	for _, d := range list {
		found, err := admin.Forget(ctx, st, d)
		if err != nil {
			return fmt.Errorf("tenant %s: %w; run it again, what was done stays done", d.TenantID, err)
		}
		if found.Anything() {
			destroyed++
		}
		_, _ = fmt.Fprintf(out, "tenant %s, destroyed %s: %s\n", d.TenantID, d.At.UTC().Format(time.DateTime), foundWord(found))
	}
	_, _ = fmt.Fprintf(out, "on the list: %s; destroyed here: %d\n", core.Counted(len(list), "tenant"), destroyed)
	return tellKeyless(ctx, st, out)
}

// findForgotten looks at every line before the first tenant is destroyed: of a list
// with a false line no other line is believed either. Its error names each such line;
// found has those that may be true.
func findForgotten(ctx context.Context, st *store.Store, list []core.Destroyed) (found []admin.Forgotten, err error) {
	var refused []error
	for _, d := range list {
		f, err := admin.FindForgotten(ctx, st, d)
		switch {
		case errors.Is(err, admin.ErrNotDestroyed):
			refused = append(refused, fmt.Errorf("tenant %s: %w", d.TenantID, err))
		case err != nil:
			return found, fmt.Errorf("tenant %s: %w; nothing was destroyed, run it again", d.TenantID, err)
		default:
			found = append(found, f)
		}
	}
	if len(refused) > 0 {
		return found, fmt.Errorf("nothing was destroyed; lines of the list that cannot be true: %d of %d\n%w", len(refused), len(list), errors.Join(refused...))
	}
	return found, nil
}

// tellFound tells what would be destroyed, by the tenants' names: a person is to see
// who that is.
func tellFound(found []admin.Forgotten, out io.Writer) {
	here := 0
	for _, f := range found {
		if !f.Anything() {
			_, _ = fmt.Fprintf(out, "tenant %s, destroyed %s: nothing of it is here\n", f.TenantID, f.Destroyed.At.UTC().Format(time.DateTime))
			continue
		}
		here++
		_, _ = fmt.Fprintf(out, "tenant %s, destroyed %s: would be destroyed here: %q, last changed or signed for %s; apps: %d, secrets: %d, keys: %d\n",
			f.TenantID, f.Destroyed.At.UTC().Format(time.DateTime), f.Name, f.LastTrace.UTC().Format(time.DateTime), f.Apps, f.Secrets, len(f.Keys))
	}
	_, _ = fmt.Fprintf(out, "would be destroyed here: %d; nothing was destroyed\n", here)
}

func foundWord(f admin.Forgotten) string {
	if !f.Anything() {
		return "nothing of it is here"
	}
	return fmt.Sprintf("destroyed here: %s, %s, %s", core.Counted(f.Apps, "app"), core.Counted(f.Secrets, "secret"), core.Counted(len(f.Keys), "key"))
}

// tellKeyless names the tenants that were restored without their keys.
func tellKeyless(ctx context.Context, st *store.Store, out io.Writer) error {
	var keyless []core.TenantID
	err := st.System(ctx, func(tx *store.SystemTx) error {
		var err error
		keyless, err = tx.ListKeylessTenants(ctx)
		return err
	})
	if err != nil {
		return err
	}
	for _, tenant := range keyless {
		_, _ = fmt.Fprintf(out, "tenant %s: a secret is sealed under a key that is not here\n", tenant)
	}
	if len(keyless) > 0 {
		_, err = fmt.Fprintf(out, "without a key that is needed: %s; data and keys are backups of different days: restore the keys of the same snapshot as the data (docs/operations/backup.md), or let these tenants enter their secrets anew\n", core.Counted(len(keyless), "tenant"))
		return err
	}
	_, err = fmt.Fprintln(out, "every secret's key is here")
	return err
}
