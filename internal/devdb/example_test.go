package devdb_test

import (
	"context"
	"fmt"
	"os"

	"signet/internal/devdb"
)

func Example() {
	ctx := context.Background()
	programs, err := devdb.Find(ctx, os.Getenv("SIGNET_POSTGRES_BIN_DIR"), os.Stderr)
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := devdb.Start(ctx, devdb.Config{Programs: programs, Throwaway: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = server.Stop(ctx) }()
	_ = server.SuperuserURL("postgres") // for a driver
}
