package seal

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"signet/internal/core"
)

// bindings draws from few and short texts that look like joints, so that a
// joining without lengths would soon collide.
func bindings() *rapid.Generator[Binding] {
	tenants := []core.TenantID{core.NewTenantID(), core.NewTenantID()}
	text := rapid.StringOfN(rapid.RuneFrom([]rune{'a', '1', '|', '/', 0, '版'}), 0, 4, -1)
	return rapid.Custom(func(t *rapid.T) Binding {
		return Binding{
			Scope:       rapid.SampledFrom([]Scope{Platform(), Tenant(tenants[0]), Tenant(tenants[1])}).Draw(t, "scope"),
			SubjectKind: text.Draw(t, "subject kind"),
			Subject:     text.Draw(t, "subject"),
			Purpose:     Purpose(text.Draw(t, "purpose")),
			Version:     rapid.Int64Range(0, 3).Draw(t, "version"),
		}
	})
}

func TestAssociatedDataOfTwoBindingsAreEqualOnlyIfTheBindingsAre(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := bindings().Draw(t, "a")
		b := a
		// Change one part, or move letters over a joint: the nearest things to a
		// collision.
		switch rapid.IntRange(0, 7).Draw(t, "change") {
		case 0:
			b = bindings().Draw(t, "b")
		case 1:
			whole := a.SubjectKind + a.Subject
			cut := rapid.IntRange(0, len(whole)).Draw(t, "cut")
			b.SubjectKind, b.Subject = whole[:cut], whole[cut:]
		case 2:
			whole := a.Subject + string(a.Purpose)
			cut := rapid.IntRange(0, len(whole)).Draw(t, "cut")
			b.Subject, b.Purpose = whole[:cut], Purpose(whole[cut:])
		case 3:
			b.Scope = rapid.SampledFrom([]Scope{Platform(), a.Scope, Tenant(core.NewTenantID())}).Draw(t, "scope")
		case 4:
			b.SubjectKind += "a"
		case 5:
			b.Subject += "a"
		case 6:
			b.Purpose += "a"
		case 7:
			b.Version++
		}
		same := bytes.Equal(a.associate(nil, labelValue), b.associate(nil, labelValue))
		if same != (a == b) {
			t.Fatalf("equal data: %v for %v and %v", same, a, b)
		}
		if bytes.Equal(a.associate(nil, labelValue), a.associate(nil, labelValueWithTime)) {
			t.Fatal("the format is not in the data")
		}
	})
}

func TestAssociatedDataOfTwoScopeKeysAreEqualOnlyIfTheKeysAre(t *testing.T) {
	t.Parallel()
	tenant := core.NewTenantID()
	keys := rapid.Custom(func(t *rapid.T) WrappedKey {
		return WrappedKey{
			Scope:     rapid.SampledFrom([]Scope{Platform(), Tenant(tenant)}).Draw(t, "scope"),
			Version:   rapid.Int32Range(0, 2).Draw(t, "version"),
			RootEpoch: rapid.Int32Range(0, 2).Draw(t, "epoch"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := keys.Draw(t, "a"), keys.Draw(t, "b")
		same := bytes.Equal(a.associate(nil), b.associate(nil))
		if same != (a.Scope == b.Scope && a.Version == b.Version && a.RootEpoch == b.RootEpoch) {
			t.Fatalf("equal data: %v", same)
		}
	})
}

func TestLabelsAreDistinct(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, label := range []string{labelFirstRoot, labelRowMAC, labelRootWrap, labelRootPrint, labelScopeSeal,
		labelScopePrint, labelRow, labelScopeKey, labelValue, labelValueWithTime} {
		if seen[label] {
			t.Errorf("label %q stands twice", label)
		}
		seen[label] = true
	}
}
