package identity

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/identity/identitytest"
)

// notices keeps what members were told.
type notices struct {
	mu   sync.Mutex // guards list
	list []core.Notice
}

func (n *notices) Notify(notice core.Notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, notice)
}

// take gives the kinds of what was told since the last time.
func (n *notices) take() (kinds []core.NoticeKind) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, notice := range n.list {
		kinds = append(kinds, notice.Kind)
	}
	n.list = nil
	return kinds
}

func TestMembersAreToldWhatIsDoneWithTheirAccounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	told := &notices{}
	h.cfg.Notifier = told
	h.Identity = h.open(t)
	visit := Visit{Client: office, Agent: "Mozilla/5.0 Firefox/140.0", RequestID: "req-1"}

	_, err := h.Identity.SignIn(t.Context(), visit, ownerEmail, core.NewSecret("wrong horse battery"))
	require.Error(t, err)
	require.Empty(t, told.take(), "who did not come in is not told of")
	entry, err := h.Identity.SignIn(t.Context(), visit, ownerEmail, ownerPassword)
	require.NoError(t, err)
	require.Len(t, told.list, 1)
	first := told.list[0]
	require.WithinDuration(t, h.clock(), first.At, 60e9)
	first.At = core.Notice{}.At
	require.Equal(t, core.Notice{Kind: core.NewDeviceNotice, To: ownerEmail, Client: office.String(), Agent: visit.Agent}, first)
	told.take()

	known := visit
	known.Device = entry.Session.Device
	_, err = h.Identity.SignIn(t.Context(), known, ownerEmail, ownerPassword)
	require.NoError(t, err)
	require.Empty(t, told.take(), "the browser is known")
	_, err = h.Identity.SignIn(t.Context(), visit, ownerEmail, ownerPassword)
	require.NoError(t, err)
	require.Equal(t, []core.NoticeKind{core.NewDeviceNotice}, told.take(), "in the same network, but another browser")

	actor, err := h.Authenticate(t.Context(), entry.Session.AccessToken.Expose(), "")
	require.NoError(t, err)
	made, err := h.BeginTOTP(t.Context(), actor, "phone")
	require.NoError(t, err)
	require.Empty(t, told.take(), "it does not count yet")
	_, err = h.ConfirmTOTP(t.Context(), actor, made.Factor.ID, core.NewSecret(identitytest.Code(t, made.Seed.Expose(), h.clock())))
	require.NoError(t, err)
	require.Equal(t, []core.NoticeKind{core.FactorAddedNotice}, told.take())
	require.NoError(t, h.RemoveFactor(t.Context(), actor, made.Factor.ID))
	require.Equal(t, []core.NoticeKind{core.FactorRemovedNotice}, told.take())
	require.Error(t, h.RemoveFactor(t.Context(), actor, made.Factor.ID))

	next := core.NewSecret("quite another long password")
	require.Error(t, h.ChangePassword(t.Context(), actor, known, core.NewSecret("wrong horse battery"), next))
	require.Empty(t, told.take())
	require.NoError(t, h.ChangePassword(t.Context(), actor, known, ownerPassword, next))
	require.Equal(t, []core.NoticeKind{core.PasswordNotice}, told.take())
}
