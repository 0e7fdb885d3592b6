package store_test

import (
	"context"
	"fmt"
	"os"

	"signet/internal/core"
	"signet/internal/store"
)

// A change of a tenant, its announcement to the other nodes and its audit row
// are one transaction: all of it happens, or nothing.
func ExampleStore_Tenant() {
	ctx := context.Background()
	st, err := store.Open(ctx, store.Config{
		TenantURL: os.Getenv("SIGNET_DATABASE_URL"),
		SystemURL: os.Getenv("SIGNET_SYSTEM_DATABASE_URL"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer st.Close()

	tenant := core.NewTenantID()
	err = st.Tenant(ctx, core.System("example"), tenant, func(tx *store.TenantTx) error {
		if err := tx.CreateTenant(ctx, "示例企业"); err != nil {
			return err
		}
		if err := tx.CreateCorp(ctx, "ww0123456789abcdef"); err != nil {
			return err
		}
		return tx.Audit(ctx, core.AuditEntry{Action: "tenant.create", SubjectKind: "tenant", Subject: tenant.String()})
	})
	if err != nil {
		fmt.Println(err)
	}
}
