package replay_test

import (
	"testing"

	"signet/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }
