package seal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/seal"
)

// Each includes unwrapping the scope key, as every call does.

func BenchmarkOpen(b *testing.B) {
	p := newPlace(b)
	opener := p.ring.Opener(seal.AppSecret)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := opener.Open(p.key, p.binding, p.sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	p := newPlace(b)
	sealer := p.ring.Sealer()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sealer.Seal(p.key, p.binding, p.value); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFingerprint(b *testing.B) {
	p := newPlace(b)
	sealer := p.ring.Sealer()
	for b.Loop() {
		if _, err := sealer.Fingerprint(p.key, p.value); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckScopeKey(b *testing.B) {
	p := newPlace(b)
	for b.Loop() {
		if err := p.ring.CheckScopeKey(p.key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenRing(b *testing.B) {
	for _, kind := range []seal.Kind{seal.X25519, seal.PostQuantum} {
		b.Run(string(kind), func(b *testing.B) {
			m, _ := newMaster(b, kind)
			row, err := seal.FirstRootKey(m, nil)
			require.NoError(b, err)
			for b.Loop() {
				if _, err := seal.OpenRing(m, []seal.RootKeyRow{row}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
