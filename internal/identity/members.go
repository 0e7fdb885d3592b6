package identity

import (
	"context"

	"signet/internal/core"
	"signet/internal/store"
)

// CreateOwner makes an owner of the platform. It needs a Store and no keys, so
// that an owner can be made before a node has ever run. The audit row on the
// platform's chain names Signet itself: whoever may run the command owns the
// machine.
//
// It fails with fault.RequestInvalid for what is no e-mail address or no
// password of 12 to 256 bytes, with fault.MemberExists, and with
// fault.StoreUnavailable. It hashes outside the bound on sign-ins and is not for
// requests from the network.
func CreateOwner(ctx context.Context, st *store.Store, list *Breached, email string, password core.Secret) (core.Member, error) {
	return createOwner(ctx, st, list, email, password, defaultCost)
}

// CreateOwner is the function CreateOwner on the store of this Identity.
func (i *Identity) CreateOwner(ctx context.Context, email string, password core.Secret) (core.Member, error) {
	return createOwner(ctx, i.store, i.breached, email, password, i.passwords.cost)
}

func createOwner(ctx context.Context, st *store.Store, list *Breached, email string, password core.Secret, c cost) (core.Member, error) {
	email, err := core.ParseEmail("/email", email)
	if err != nil {
		return core.Member{}, err
	}
	if password, err = checkNewPassword(list, "/password", password, email); err != nil {
		return core.Member{}, err
	}
	m := core.Member{ID: core.NewMemberID(), Email: email, Platform: core.PlatformOwner}
	row := store.MemberRow{Member: m, PasswordHash: c.hash(password.Expose())}
	err = st.Platform(ctx, system(""), func(tx *store.PlatformTx) error {
		if err := tx.CreateMember(ctx, row); err != nil {
			return err
		}
		return tx.Audit(ctx, core.AuditEntry{
			Action: "member.create", SubjectKind: "member", Subject: m.ID.String(),
			Detail: map[string]string{"email": m.Email, "role": string(m.Platform)},
		})
	})
	if err != nil {
		return core.Member{}, err
	}
	return m, nil
}
