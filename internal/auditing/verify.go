package auditing

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"signet/internal/core"
	"signet/internal/store"
)

// Proof is what is proved, and against what.
type Proof struct {
	Store *store.Store
	Keys  *Keys
	Only  *core.TenantID // this tenant's chain alone; nil: every chain
	Marks Marks          // of checkpoints
}

// Report is what came of a proof.
type Report struct {
	Chains, Rows, Marks int64
	Bad                 []Bad      // the first bad row of each bad chain
	Unsigned            []Unsigned // rows without a mac that are accepted
}

// Bad is the first bad row of a chain.
type Bad struct {
	Chain core.AuditChain
	Seq   int64
	Wrong Wrong
	Hint  string // "" or which checkpoint, which key
}

// String says it in words.
func (b Bad) String() string {
	text := fmt.Sprintf("%s: row %d %s", b.Chain, b.Seq, b.Wrong)
	if b.Hint != "" {
		text += " (" + b.Hint + ")"
	}
	return text
}

// Wrong says what is wrong with a row. docs/operations/audit.md says what to do.
type Wrong string

// What can be wrong.
const (
	Missing    Wrong = "is missing"
	Changed    Wrong = "was changed: it has not the hash that it was written with"
	Unlinked   Wrong = "does not follow the row before it: one was inserted, taken out or written anew"
	NoMAC      Wrong = "has no mac, and nothing that writes without a key has written it"
	UnknownKey Wrong = "has the mac of a key that the platform does not have"
	WrongMAC   Wrong = "has a mac that no key of the platform has made for it: it was written past Signet"
	HeadOther  Wrong = "is the last one, and the head of the chain names another"
	HeadGone   Wrong = "is there, and the chain has no head"
	Beyond     Wrong = "stands behind the head of the chain"
	NotBefore  Wrong = "is another one than when the first audit key was made"
	NotMarked  Wrong = "is another one than a checkpoint says: the chain was written anew"
	CutOff     Wrong = "is missing, and a checkpoint says that the chain went on: its end was cut off"
)

// Wrongs lists them.
func Wrongs() []Wrong {
	return []Wrong{Missing, Changed, Unlinked, NoMAC, UnknownKey, WrongMAC, HeadOther, HeadGone, Beyond, NotBefore, NotMarked, CutOff}
}

// Unsigned are the rows of a chain that have no mac.
type Unsigned struct {
	Chain  core.AuditChain
	Before int64   // 1 to Before are from before there was a key
	Seqs   []int64 // behind that, written by a command without the identity file
}

// Mark is a row as a checkpoint names it.
type Mark struct {
	Hash   []byte
	MadeAt time.Time
	File   string
}

// Marks are the rows that checkpoints name, by chain and number.
type Marks map[core.AuditChain]map[int64]Mark

// Add takes up a checkpoint. Of several that name the same row the first stays; it
// fails where they disagree about one, since both were signed.
func (m Marks) Add(file string, c Checkpoint) error {
	for _, h := range c.Heads {
		rows := m[h.Chain]
		if rows == nil {
			rows = map[int64]Mark{}
			m[h.Chain] = rows
		}
		was, twice := rows[h.Seq]
		if twice && !bytes.Equal(was.Hash, h.Hash) {
			return fmt.Errorf("it names another row %d of %s than %s does: the chain was written anew between %s and %s",
				h.Seq, h.Chain, was.File, was.MadeAt.UTC().Format(time.DateTime), c.MadeAt.UTC().Format(time.DateTime))
		}
		if !twice {
			rows[h.Seq] = Mark{h.Hash, c.MadeAt, file}
		}
	}
	return nil
}

// Verify reads every chain from its first row to its last. It fails where it could not
// look; what is wrong stands in the report. Rows that are written meanwhile are left
// out. It holds a page of rows, and the marks.
func Verify(ctx context.Context, p Proof) (Report, error) {
	var report Report
	chains, err := p.chains(ctx)
	if err != nil {
		return report, err
	}
	for _, chain := range chains {
		if err := p.verify(ctx, chain, &report); err != nil {
			return report, fmt.Errorf("%s: %w", chain, err)
		}
	}
	return report, nil
}

// chains lists what is to be read: what there is, what there should be, and what
// checkpoints tell of.
func (p Proof) chains(ctx context.Context) ([]core.AuditChain, error) {
	if p.Only != nil {
		return []core.AuditChain{core.TenantChain(*p.Only)}, nil
	}
	var tenants []core.TenantID
	err := p.Store.System(ctx, func(tx *store.SystemTx) (err error) {
		tenants, err = tx.ListAuditedTenants(ctx)
		return err
	})
	chains, listed := []core.AuditChain{core.PlatformChain}, map[core.AuditChain]bool{core.PlatformChain: true}
	for _, tenant := range tenants {
		chains = append(chains, core.TenantChain(tenant))
		listed[core.TenantChain(tenant)] = true
	}
	for chain := range p.Marks {
		if !listed[chain] {
			chains = append(chains, chain)
		}
	}
	return chains, err
}

const pageRows = 1000

func (p Proof) verify(ctx context.Context, chain core.AuditChain, report *Report) error {
	report.Chains++
	end, err := p.end(ctx, chain)
	if err != nil {
		return err
	}
	until := end.Seq
	if !end.Headed {
		until = end.Last
	}
	w := walk{Proof: p, chain: chain, before: p.Keys.before(chain), unsigned: Unsigned{Chain: chain}}
	for w.seq < until && w.bad == nil {
		rows, err := p.read(ctx, chain, store.AuditSpan{After: w.seq, Until: until})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			if w.step(row); w.bad != nil {
				break
			}
		}
	}
	if w.bad == nil {
		w.finish(end, until)
	}
	report.Rows += w.seq
	report.Marks += w.marks
	if w.bad != nil {
		report.Bad = append(report.Bad, *w.bad)
	}
	if w.unsigned.Before > 0 || len(w.unsigned.Seqs) > 0 {
		report.Unsigned = append(report.Unsigned, w.unsigned)
	}
	return nil
}

// before gives the row that a chain ended with when the first key was made.
func (k *Keys) before(chain core.AuditChain) (last core.AuditHead) {
	for _, from := range k.beginnings {
		for _, h := range from.Heads {
			if h.Chain == chain && h.Seq > last.Seq {
				last = h
			}
		}
	}
	return last
}

// walk goes along a chain to its first bad row.
type walk struct {
	Proof
	chain    core.AuditChain
	before   core.AuditHead
	seq      int64 // of the last good row
	hash     []byte
	marks    int64
	unsigned Unsigned
	bad      *Bad
}

func (w *walk) refuse(seq int64, wrong Wrong, hint string) { w.bad = &Bad{w.chain, seq, wrong, hint} }

func (w *walk) step(row core.AuditRow) {
	seq := w.seq + 1
	mark, marked := w.Marks[w.chain][seq]
	switch {
	case row.Seq != seq:
		w.refuse(seq, Missing, "")
	case !bytes.Equal(row.HashIn(w.chain), row.Hash):
		w.refuse(seq, Changed, "")
	case !bytes.Equal(row.PreviousHash, w.hash):
		w.refuse(seq, Unlinked, "")
	case seq == w.before.Seq && !bytes.Equal(row.Hash, w.before.Hash):
		w.refuse(seq, NotBefore, "")
	case marked && !bytes.Equal(row.Hash, mark.Hash):
		w.refuse(seq, NotMarked, mark.hint())
	default:
		w.checkMAC(row)
	}
	if w.bad != nil {
		return
	}
	if marked {
		w.marks++
	}
	w.seq, w.hash = seq, row.Hash
}

func (w *walk) checkMAC(row core.AuditRow) {
	if len(row.MAC) == 0 && row.MACKey == "" {
		switch {
		case row.Seq <= w.before.Seq:
			w.unsigned.Before = row.Seq
		case needsNoKey(w.chain, row):
			w.unsigned.Seqs = append(w.unsigned.Seqs, row.Seq)
		default:
			w.refuse(row.Seq, NoMAC, "")
		}
		return
	}
	made, known := w.Keys.all[row.MACKey]
	switch {
	case !known:
		w.refuse(row.Seq, UnknownKey, fmt.Sprintf("key %q", row.MACKey))
	case !made.vouches(w.chain, row.Hash, row.MAC):
		w.refuse(row.Seq, WrongMAC, "")
	}
}

// needsNoKey tells whether a row may have been written where the audit keys were not
// at hand: an owner who is made before a node has ever run, a root key that the audit
// keys themselves lie under, and who is taken out of a restored database.
func needsNoKey(chain core.AuditChain, row core.AuditRow) bool {
	if row.ActorKind != core.ActorSystem {
		return false
	}
	return row.Action == "tenant.forget" || chain == core.PlatformChain && (row.Action == "member.create" || row.Action == "root_key.wrap")
}

// finish looks at where the chain ends.
func (w *walk) finish(end store.AuditEnd, until int64) {
	next, mark := w.nextMark()
	switch {
	case next > 0 && next > w.seq:
		w.refuse(w.seq+1, CutOff, fmt.Sprintf("%s names row %d", mark.hint(), next))
	case w.seq < until:
		w.refuse(w.seq+1, Missing, "")
	case w.before.Seq > w.seq:
		w.refuse(w.seq+1, NotBefore, fmt.Sprintf("the chain went to row %d then", w.before.Seq))
	case !end.Headed && end.Last > 0:
		w.refuse(end.Last, HeadGone, "")
	case end.Last > end.Seq:
		w.refuse(end.Seq+1, Beyond, "")
	case w.seq == 0: // every chain begins with who made the tenant, or the platform
		w.refuse(1, Missing, "")
	case !bytes.Equal(w.hash, end.Hash):
		w.refuse(w.seq, HeadOther, "")
	}
}

// nextMark gives the highest row that a checkpoint names.
func (w *walk) nextMark() (seq int64, mark Mark) {
	for at, m := range w.Marks[w.chain] {
		if at > seq {
			seq, mark = at, m
		}
	}
	return seq, mark
}

func (m Mark) hint() string {
	return fmt.Sprintf("checkpoint of %s, %s", m.MadeAt.UTC().Format(time.DateTime), m.File)
}

func (p Proof) end(ctx context.Context, chain core.AuditChain) (end store.AuditEnd, err error) {
	err = p.within(ctx, chain, func(tx reader) error {
		end, err = tx.GetAuditEnd(ctx)
		return err
	})
	return end, err
}

func (p Proof) read(ctx context.Context, chain core.AuditChain, span store.AuditSpan) (rows []core.AuditRow, err error) {
	err = p.within(ctx, chain, func(tx reader) error {
		rows, err = tx.ReadAudit(ctx, span, pageRows)
		return err
	})
	return rows, err
}

// reader is the door that a chain lies behind.
type reader interface {
	GetAuditEnd(ctx context.Context) (store.AuditEnd, error)
	ReadAudit(ctx context.Context, s store.AuditSpan, limit int) ([]core.AuditRow, error)
}

func (p Proof) within(ctx context.Context, chain core.AuditChain, work func(reader) error) error {
	if tenant, ok := chain.Tenant(); ok {
		return p.Store.Tenant(ctx, actor, tenant, func(tx *store.TenantTx) error { return work(tx) })
	}
	return p.Store.Platform(ctx, actor, func(tx *store.PlatformTx) error { return work(tx) })
}
