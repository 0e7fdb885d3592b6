package seal_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzOpen holds two promises: whatever the bytes, Open neither panics nor
// shows them in its error; and nothing opens but what was sealed here.
func FuzzOpen(f *testing.F) {
	p := newPlace(f)
	until, err := p.ring.Sealer().SealUntil(p.key, p.binding, p.value, time.Unix(1_900_000_000, 0))
	require.NoError(f, err)
	f.Add(p.sealed, p.key.Bytes)
	f.Add(until, p.key.Bytes)
	f.Add(flipped(p.sealed, 300), p.key.Bytes)
	f.Add(p.sealed[:45], []byte{})
	f.Add([]byte{}, p.key.Bytes)
	f.Add(append([]byte{2}, p.sealed[1:]...), flipped(p.key.Bytes, 200))
	opener := everyPurpose(p.ring)
	f.Fuzz(func(t *testing.T, sealed, wrapped []byte) {
		key := p.key
		key.Bytes = wrapped
		genuine := string(wrapped) == string(p.key.Bytes)
		value, err := opener.Open(key, p.binding, sealed)
		if opened := err == nil; opened != (genuine && string(sealed) == string(p.sealed)) {
			t.Fatalf("opened: %v", opened)
		}
		if err != nil && !value.IsZero() {
			t.Fatal("a value beside an error")
		}
		if len(sealed) > 16 && err != nil && strings.Contains(err.Error(), string(sealed)) {
			t.Fatal("the error shows the bytes")
		}
		_, _, err = opener.OpenUntil(key, p.binding, sealed)
		if opened := err == nil; opened != (genuine && string(sealed) == string(until)) {
			t.Fatalf("opened with an end: %v", opened)
		}
	})
}
