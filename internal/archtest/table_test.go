package archtest

// A floor is how far up a room lies. Imports go down.
type floor int

const (
	f0      floor = 0  // nouns and the names of failures: no I/O
	f1      floor = 10 // one room for each thing outside
	between floor = 15 // the ledgers that every call to WeCom in a tenant's name passes
	f2      floor = 20 // one room for each capability
	f3      floor = 30 // HTTP
	f4      floor = 40 // wiring
	f5      floor = 50 // commands
)

// A row is the law for one package of the module.
type row struct {
	room  string // its folder
	floor floor
	may   []string // the rooms that it may import
	kit   bool     // for tests only: no code that ships may import it
}

// everythingBelow stands in may for each room of a lower floor that ships.
const everythingBelow = "*"

// table is the import law: a row for every package, none without.
var table = []row{
	{room: "internal/fault", floor: f0},
	{room: "internal/core", floor: f0, may: []string{"internal/fault"}},
	{room: "internal/tracing", floor: f0, may: []string{"internal/core", "internal/fault"}},
	{room: "internal/failpoint", floor: f0},
	{room: "migrations", floor: f0},
	{room: "web-admin/console", floor: f0},
	{room: "docs/openapi", floor: f0},
	{room: "internal/archtest", floor: f0, kit: true},
	{room: "internal/papers", floor: f0, kit: true},

	{room: "internal/config", floor: f1, may: []string{"internal/core", "internal/fault"}},
	{room: "internal/seal", floor: f1, may: []string{"internal/core", "internal/fault"}},
	{room: "internal/wecom", floor: f1, may: []string{"internal/core", "internal/fault"}},
	{room: "internal/wecom/wecomtest", floor: f1, may: []string{"internal/core", "internal/fault", "internal/wecom"}},
	{room: "internal/store", floor: f1, may: []string{"internal/core", "internal/fault", "migrations", "internal/tracing"}},
	{room: "internal/store/storetest", floor: f1, kit: true, may: []string{"internal/core", "internal/store", "internal/devdb"}},
	{room: "internal/devdb", floor: f1, may: []string{"internal/core", "internal/fault"}},

	{room: "internal/journal", floor: f1},
	{room: "internal/outbound", floor: f1, may: []string{"internal/core"}},

	{room: "internal/upstream", floor: between, may: []string{"internal/core", "internal/fault", "internal/wecom", "internal/store", "internal/tracing"}},

	{room: "internal/sealed", floor: between, may: []string{"internal/core", "internal/fault", "internal/seal", "internal/store"}},
	{room: "internal/auditing", floor: between, may: []string{"internal/core", "internal/seal", "internal/store"}},
	{room: "internal/trial", floor: between, may: []string{"internal/core", "internal/fault", "internal/seal", "internal/sealed", "internal/store", "internal/upstream", "internal/wecom"}},

	{room: "internal/ticket", floor: f2, may: []string{"internal/core", "internal/failpoint", "internal/fault", "internal/seal", "internal/sealed", "internal/store", "internal/upstream", "internal/wecom", "internal/tracing"}},
	{room: "internal/signing", floor: f2, may: []string{"internal/core", "internal/fault", "internal/store", "internal/ticket", "internal/tracing"}},
	{room: "internal/identity", floor: f2, may: []string{"internal/core", "internal/fault", "internal/seal", "internal/store"}},
	{room: "internal/identity/identitytest", floor: f2, kit: true},
	{room: "internal/custody", floor: f2, may: []string{"internal/auditing", "internal/config", "internal/core", "internal/failpoint", "internal/fault", "internal/seal", "internal/store"}},
	{room: "internal/replay", floor: f2, may: []string{"internal/core", "internal/fault", "internal/seal", "internal/store"}},
	{room: "internal/admin", floor: f2, may: []string{"internal/core", "internal/fault", "internal/failpoint", "internal/seal", "internal/sealed", "internal/store", "internal/trial", "internal/upstream", "internal/wecom"}},

	{room: "internal/httpapi", floor: f3, may: []string{"internal/core", "internal/fault", "internal/tracing"}},
	{room: "internal/httpapi/httpapitest", floor: f3, kit: true},
	{room: "internal/httpapi/signapi", floor: f3, may: []string{"internal/core", "internal/fault", "internal/signing", "internal/httpapi", "internal/tracing"}},
	{room: "internal/httpapi/consoleapi", floor: f3, may: []string{"internal/core", "internal/fault", "internal/admin", "internal/identity", "internal/replay", "internal/httpapi", "docs/openapi", "web-admin/console", "internal/tracing"}},
	{room: "internal/httpapi/opsapi", floor: f3, may: []string{"internal/core", "internal/fault", "internal/httpapi"}},

	{room: "internal/app", floor: f4, may: []string{everythingBelow}},
	{room: "internal/app/apptest", floor: f4, kit: true, may: []string{everythingBelow, "internal/store/storetest"}},

	{room: "internal/chaos", floor: f5, kit: true},

	{room: "cmd/signet", floor: f5, may: []string{
		"internal/app", "internal/config", "internal/core", "internal/fault",
		"internal/seal", "internal/devdb", "internal/wecom/wecomtest", "internal/identity", "internal/journal",
	}},
}

// sideways lists the arrows between two rooms of one floor, besides those to
// the room that a room is nested in. A new one is a change of the design.
var sideways = map[[2]string]string{
	{"internal/core", "internal/fault"}:            "a noun says what is wrong with a value by its code",
	{"internal/tracing", "internal/core"}:          "a span names tenants and apps by their typed ids",
	{"internal/tracing", "internal/fault"}:         "of an error a span keeps the code",
	{"internal/store/storetest", "internal/devdb"}: "the tests' Postgres is the developer's",
	{"internal/signing", "internal/ticket"}:        "a signature is made of two tickets",
	{"internal/trial", "internal/upstream"}:        "a trial is three calls in a tenant's name",
	{"internal/trial", "internal/sealed"}:          "what is tried lies in a sealed row",
}

// The code that faces the internet has no word for a secret: from exposed,
// none of the guarded rooms can be reached but through the gate.
const (
	exposed = "internal/httpapi/signapi"
	gate    = "internal/signing"
)

var guarded = []string{"internal/seal", "internal/store", "internal/admin", "internal/identity"}

// A power is a name that not everyone who may import its room may use.
type power struct {
	room, name string
	users      []string
	why        string
}

var powers = []power{
	{"internal/wecom", "Client", []string{"internal/upstream", "internal/app"}, "a call to WeCom in a tenant's name passes the ledger of upstream"},
	{"internal/seal", "Resealer", []string{"internal/custody"}, "who turns values turns all of a key's, and counts them"},
	{"internal/wecom", "New", []string{"internal/app"}, "one client, so that one place knows where WeCom is"},
}

// Who opens app secrets: the cache that fetches tickets with them, the trials that
// ask WeCom about them, and nobody else. The wiring says so when it makes the two.
const (
	secretsRoom    = "internal/seal"
	secretsPurpose = "AppSecret"
	secretsText    = "app_secret" // what that purpose is written as
	secretsWiring  = "internal/app"
)

var secretsUsers = []string{"internal/ticket", "internal/trial"} // their Configs get the Opener

// An owner row says who imports a module that is not ours, and who else may not.
// A module without a row is a decision that nobody has taken yet.
type owner struct {
	module string
	rooms  []string // folders, with all below them; nobody else's shipped code
	tests  []string // whose tests and kits may as well; everyone stands for all
	why    string
}

const everyone = "*"

var owners = []owner{
	{"github.com/jackc/pgx/v5", []string{"internal/store"}, nil, "all SQL stands in one room"},
	{"github.com/golang-migrate/migrate/v4", []string{"internal/store"}, nil, "all SQL stands in one room"},
	{"filippo.io/age", []string{"internal/seal"}, nil, "one room knows how a secret is locked"},
	{"c2sp.org/CCTV/age", nil, []string{"internal/seal"}, "vectors that pin what age does"},
	{"github.com/golang-jwt/jwt/v5", []string{"internal/identity"}, nil, "one room says who is at the console"},
	{"github.com/go-webauthn/webauthn", []string{"internal/identity"}, nil, "one room says who is at the console"},
	{"github.com/coreos/go-oidc/v3", []string{"internal/identity"}, nil, "one room says who is at the console"},
	{"golang.org/x/oauth2", []string{"internal/identity"}, nil, "one room says who is at the console"},
	{"github.com/wneessen/go-mail", []string{"internal/outbound"}, nil, "one room sends mail"},
	{"github.com/pquerna/otp", []string{"internal/identity"}, nil, "one room says who is at the console"},
	{"github.com/gofiber/fiber/v2", []string{"internal/httpapi"}, nil, "its strings are overwritten by the next request"},
	{"github.com/valyala/fasthttp", []string{"internal/httpapi"}, nil, "its strings are overwritten by the next request"},
	{"github.com/alecthomas/kong", []string{"cmd/signet"}, nil, "commands and flags, nothing below knows them"},
	{"go.yaml.in/yaml/v3", []string{"docs/openapi"}, []string{"internal/core", "internal/app"}, "makes the JSON form of the API document"},
	{"github.com/prometheus/client_golang", []string{"internal"}, nil, "every room counts what it does"},
	{"github.com/prometheus/client_model", []string{"internal/app"}, nil, "what was counted, read back"},
	{"go.opentelemetry.io/otel", []string{"internal/tracing", "internal/app"}, nil, "one room says what a span may hold, the wiring where it goes"},
	{"github.com/prometheus/common", nil, []string{"internal/app"}, "reads metrics as Prometheus does"},
	{"github.com/prometheus/prometheus", nil, []string{"internal/app"}, "reads the expressions of rules and panels as Prometheus does"},
	{"go.opentelemetry.io/proto/otlp", nil, []string{"internal/app"}, "reads the spans that were sent"},
	{"google.golang.org/protobuf", nil, []string{"internal/app"}, "the form in which spans are sent"},
	{"github.com/google/uuid", []string{"internal"}, nil, "the ids of rows"},
	{"github.com/puzpuzpuz/xsync/v4", []string{"internal/ticket", "internal/signing", "internal/sealed", "internal/app"}, nil, "maps that no tenant can hold up"},
	{"github.com/sony/gobreaker/v2", []string{"internal/upstream"}, nil, "one room decides when WeCom is not asked"},
	{"golang.org/x/crypto", []string{"internal/seal", "internal/identity"}, nil, "ciphers and password hashes"},
	{"github.com/go-json-experiment/json", []string{"internal"}, nil, "JSON that refuses doubled and unknown members"},
	{"golang.org/x/net/idna", []string{"internal/core"}, nil, "host names as browsers write them"},
	{"golang.org/x/net/publicsuffix", []string{"internal/core"}, nil, "what no wildcard may cover"},
	{"golang.org/x/net/dns/dnsmessage", nil, []string{"internal/wecom"}, "a name server that lies"},
	{"golang.org/x/sync", []string{"internal"}, nil, "errgroup, singleflight and semaphore"},
	{"golang.org/x/time", []string{"internal/store"}, nil, "a bound on connections a second"},

	{"github.com/stretchr/testify", nil, []string{everyone}, "assertions"},
	{"github.com/google/go-cmp", nil, []string{everyone}, "differences that can be read"},
	{"pgregory.net/rapid", nil, []string{everyone}, "properties"},
	{"go.uber.org/goleak", nil, []string{everyone}, "goroutines that nobody waits for"},
	{"github.com/Shopify/toxiproxy/v2", nil, []string{"internal/chaos"}, "bad networks between a node and what it needs"},
	{"github.com/rs/zerolog", nil, []string{"internal/chaos"}, "the log that toxiproxy wants"},
	{"github.com/nlnwa/whatwg-url", nil, []string{"internal/signing"}, "the browser's opinion of an address"},
	{"github.com/getkin/kin-openapi", nil, []string{"internal/httpapi/consoleapi"}, "the API document as a client reads it"},
	{"github.com/santhosh-tekuri/jsonschema/v6", nil, []string{"internal/httpapi"}, "answers held against the API document"},
	{"github.com/compose-spec/compose-go/v2", nil, []string{"internal/archtest"}, "reads docker-compose.yml as Docker does"},
	{"github.com/moby/buildkit", nil, []string{"internal/archtest"}, "reads the Dockerfile as Docker does"},
}

// A danger is a package of the standard library with which much can go wrong, and the
// rooms that may have it. Kits for tests are not shipped and not meant.
type danger struct {
	importPath string
	rooms      []string
	why        string
}

var dangerous = []danger{
	{"os/exec", []string{"internal/devdb"}, "only the Postgres of dev and of tests is a program that Signet runs"},
	{"plugin", nil, "nothing is loaded into a running process"},
	{"unsafe", []string{"internal/core"}, "a secret wipes its own bytes; all else keeps to Go's memory"},
	{"reflect", []string{"cmd/signet", "internal/httpapi"}, "what the types do not say nobody knows when it is compiled"},
	{"regexp", []string{"internal/core", "internal/devdb", "internal/wecom/wecomtest"}, "none for addresses or tokens: they are read byte by byte"},
	{"text/template", nil, "it escapes nothing; html/template does, as does whoever writes JSON"},
	{"html/template", []string{"internal/outbound", "internal/wecom/wecomtest"}, "letters, and the page of the fake WeCom; the console is no template"},
	{"encoding/gob", nil, "what a stranger sends names no type of ours"},
	{"encoding/xml", []string{"internal/wecom/wecomtest"}, "only WeCom's callbacks are XML"},
	{"archive", nil, "nobody sends archives"},
	{"compress", []string{"internal/httpapi/consoleapi"}, "the console's own files are packed; what is sent to us is never unpacked"},
	{"crypto/md5", nil, "it is broken"},
	{"crypto/des", nil, "it is broken"},
	{"crypto/rc4", nil, "it is broken"},
	{"crypto/dsa", nil, "it is broken"},
	{"crypto/rsa", nil, "what is ours is signed with Ed25519"},
	{"crypto/sha1", []string{"internal/signing", "internal/wecom/wecomtest", "internal/identity"}, "WeCom's signature of a page, and lists of passwords that were given away"},
	{"crypto/aes", []string{"internal/wecom/wecomtest"}, "what is ours is sealed by internal/seal, with XChaCha20-Poly1305"},
	{"crypto/cipher", []string{"internal/seal", "internal/wecom/wecomtest"}, "one room knows how a secret is locked"},
	{"crypto/ed25519", []string{"internal/identity", "internal/auditing"}, "access tokens and checkpoints of the audit"},
	{"crypto/tls", []string{"internal/outbound", "internal/wecom", "internal/store"}, "who speaks to other machines"},
	{"net/http/pprof", nil, "a profile holds what lies in memory"},
	{"net/rpc", nil, "it is no API of ours"},
	{"net/smtp", nil, "letters go through internal/outbound"},
	{"expvar", nil, "it answers on a listener that is not ours"},
}

// environment lists who may ask the process about its surroundings.
var environment = map[string]string{
	"internal/config":    "every SIGNET_ key is read here, once",
	"internal/failpoint": "the place at which a test ends the process; in binaries built for it alone",
	"internal/devdb":     "PATH and the user's folders: where this machine keeps its Postgres",
}
