package failpoint

// Name is a place in the program.
type Name string

// The places. Each is passed once on its way, and in the order of this list.
const (
	RootBeforeStore  Name = "root-before-store"
	RootStored       Name = "root-stored"
	RootBeforeWrite  Name = "root-before-write"
	RootWritten      Name = "root-written"
	RootBeforeRetire Name = "root-before-retire"
	RootRetired      Name = "root-retired"

	MasterBeforeWrap   Name = "master-before-wrap"
	MasterWrapped      Name = "master-wrapped"
	MasterBeforeUnwrap Name = "master-before-unwrap"
	MasterUnwrapped    Name = "master-unwrapped"

	TenantBeforeKey    Name = "tenant-before-key"
	TenantKeyStored    Name = "tenant-key-stored"
	TenantBeforeReseal Name = "tenant-before-reseal"
	TenantResealed     Name = "tenant-resealed"
	TenantBeforeRetire Name = "tenant-before-retire"
	TenantRetired      Name = "tenant-retired"

	PlatformBeforeKey    Name = "platform-before-key"
	PlatformKeyStored    Name = "platform-key-stored"
	PlatformBeforeReseal Name = "platform-before-reseal"
	PlatformResealed     Name = "platform-resealed"
	PlatformBeforeRetire Name = "platform-before-retire"
	PlatformRetired      Name = "platform-retired"

	RecoverBeforeWrap Name = "recover-before-wrap"
	RecoverWrapped    Name = "recover-wrapped"

	PutTried        Name = "put-tried"
	PutBeforeCommit Name = "put-before-commit"
	PutCommitted    Name = "put-committed"

	ActivateTried        Name = "activate-tried"
	ActivateBeforeCommit Name = "activate-before-commit"
	ActivateCommitted    Name = "activate-committed"

	DueClaimed Name = "due-claimed"

	IntakeBeforeCommit Name = "intake-before-commit"
	IntakeCommitted    Name = "intake-committed"

	FallBackBeforeCommit Name = "fallback-before-commit"
	FallBackCommitted    Name = "fallback-committed"
)

// Names lists them all.
var Names = []Name{
	RootBeforeStore, RootStored, RootBeforeWrite, RootWritten, RootBeforeRetire, RootRetired,
	MasterBeforeWrap, MasterWrapped, MasterBeforeUnwrap, MasterUnwrapped,
	TenantBeforeKey, TenantKeyStored, TenantBeforeReseal, TenantResealed, TenantBeforeRetire, TenantRetired,
	PlatformBeforeKey, PlatformKeyStored, PlatformBeforeReseal, PlatformResealed, PlatformBeforeRetire, PlatformRetired,
	RecoverBeforeWrap, RecoverWrapped,
	PutTried, PutBeforeCommit, PutCommitted,
	ActivateTried, ActivateBeforeCommit, ActivateCommitted,
	DueClaimed,
	IntakeBeforeCommit, IntakeCommitted,
	FallBackBeforeCommit, FallBackCommitted,
}
