package chaos_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// The ways in which a secret becomes current.
const (
	putAtOnce    = "a put"
	keptPending  = "a pending version that is tried and activated"
	atItsTime    = "a pending version with a time"
	stepBack     = "a step back, and forth again"
	byIntakeLink = "an intake link"
)

var ways = []string{putAtOnce, keptPending, atItsTime, stepBack, byIntakeLink}

// The moments at which WeCom takes a secret away.
const (
	beforePut  = "the old one before anything was done, as a reset does"
	inBetween  = "the old one between the trial and the commit"
	afterwards = "the old one right after the commit"
	newKilled  = "the new one right after the commit"
)

var moments = []string{beforePut, inBetween, afterwards, newKilled}

// turningApp is an app whose secret is rotated again and again in one way, and
// what must stand in Postgres by now. One rotation at a time has it.
type turningApp struct {
	*app
	way         string
	busy        chan struct{}    // holds one while a rotation has the app
	versions    map[string]int32 // of each secret that was put
	current     string           // secrets
	previous    string
	unused      []string
	activations int
	moves       []string // in the audit
	fellBack    bool
	failed      bool
}

// newTurningApp begins with what a new app has. One that is to step back gets a
// second secret, which WeCom takes beside the first.
func newTurningApp(t *testing.T, c *cluster, a *app, way string) *turningApp {
	t.Helper()
	turning := &turningApp{
		app: a, way: way, busy: make(chan struct{}, 1), versions: map[string]int32{a.secrets[0]: 1},
		current: a.secrets[0], unused: slices.Clone(a.secrets[1:]), activations: 1,
	}
	if way != stepBack {
		return turning
	}
	second := turning.unused[0]
	c.accept(a, second)
	got := c.console(t.Context(), c.nodes[0], "POST", a.path(), map[string]any{"secret": second})
	require.Equal(t, 201, got.status, string(got.body))
	turning.versions[second] = 2
	turning.current, turning.previous = second, turning.current
	turning.activations, turning.moves = 2, []string{"secret.rotate"}
	return turning
}

func (a *app) path() string { return "/tenants/" + a.tenantID + "/apps/" + a.id + "/secrets" }

func (a *app) versionPath(version int32, verb string) string {
	return fmt.Sprintf("%s/%d/%s", a.path(), version, verb)
}

// accept lets WeCom take a secret of an app beside those that it takes already.
func (c *cluster) accept(a *app, secret string) {
	c.weCom.AddApp(wecomtest.App{Corp: a.corp, Agent: a.agent, Name: "app", Secret: secret, Domains: []string{"crm.example.com"}})
}

// rotation is one move to another secret. What is below the line is written by run.
type rotation struct {
	*turningApp
	cluster *cluster
	bare    *node
	book    *book
	through *node
	moment  string

	from, to string
	begun    time.Time
	wrong    error
}

func (r *rotation) name() string {
	return fmt.Sprintf("%s through node %d, where WeCom kills %s", r.way, r.through.number, r.moment)
}

// run rotates, and lets WeCom take a secret away at its moment.
func (r *rotation) run(t *testing.T) {
	t.Helper()
	r.busy <- struct{}{}
	defer func() {
		r.failed = r.failed || r.wrong != nil || t.Failed()
		<-r.busy
	}()
	if r.failed {
		return // what stands now is not what is expected, and would hide the first failure
	}
	r.begun, r.from, r.to = time.Now(), r.current, r.next()
	r.cluster.accept(r.app, r.to)
	if r.moment == beforePut {
		r.kill(r.from)
	}
	if r.wrong = r.move(t); r.wrong != nil {
		return
	}
	r.current, r.previous = r.to, r.from
	r.activations++
	switch r.moment {
	case afterwards:
		r.kill(r.from)
	case newKilled:
		r.kill(r.to)
		r.wrong = r.fallBack(t)
	}
}

// next gives the secret that is to be current.
func (r *rotation) next() string {
	if r.way == stepBack {
		return r.previous
	}
	next := r.unused[0]
	r.unused = r.unused[1:]
	return next
}

func (r *rotation) kill(secret string) { r.cluster.weCom.RemoveSecret(r.corp, r.agent, secret) }

// move makes the secret current in the way of the app.
func (r *rotation) move(t *testing.T) error {
	t.Helper()
	switch r.way {
	case keptPending:
		return r.keepTryActivate(t)
	case atItsTime:
		return r.keepUntil(t)
	case stepBack:
		r.moves = append(r.moves, "secret.roll_back")
		return r.commit(t, "POST", r.versionPath(r.versions[r.to], "activate"), nil, 200)
	case byIntakeLink:
		return r.handIn(t)
	default:
		r.moves = append(r.moves, "secret.rotate")
		return r.commit(t, "POST", r.path(), map[string]any{"secret": r.to}, 201)
	}
}

// ask asks the console for one step, and notes the number of a version that was
// made.
func (r *rotation) ask(t *testing.T, method, path string, body any, want int) (answer, error) {
	t.Helper()
	got := r.cluster.console(t.Context(), r.through, method, path, body)
	if got.status != want {
		return got, fmt.Errorf("%s %s: %d %s", method, path, got.status, got.body)
	}
	return got, nil
}

// commit asks for the step that tries the secret and makes it current.
func (r *rotation) commit(t *testing.T, method, path string, body any, want int) error {
	t.Helper()
	var got answer
	err := r.betweenTrialAndCommit(t, func() (err error) {
		got, err = r.ask(t, method, path, body, want)
		return err
	})
	if err == nil {
		err = r.noteVersion(got)
	}
	return err
}

// betweenTrialAndCommit lets a step run, and where that is the moment kills the old
// secret while it waits to commit: somebody else has the app's row.
func (r *rotation) betweenTrialAndCommit(t *testing.T, step func() error) error {
	t.Helper()
	if r.moment != inBetween {
		return step()
	}
	held := r.cluster.postgres.HoldRows(t, `SELECT FROM signet.apps WHERE app_id = $1 FOR UPDATE`, r.id)
	ended := make(chan error, 1)
	go func() { ended <- step() }()
	held.AwaitWaiter(t)
	trial, _ := r.calls(time.Now())
	r.kill(r.from)
	held.Commit(t)
	if err := <-ended; err != nil {
		return err
	}
	if len(trial) != 3 {
		return fmt.Errorf("when it was to be committed, WeCom had been asked %v", trial)
	}
	return nil
}

func (r *rotation) noteVersion(got answer) error {
	var made struct {
		Version int32 `json:"version"`
	}
	if err := json.Unmarshal(got.body, &made); err != nil {
		return err
	}
	r.versions[r.to] = made.Version
	return nil
}

// keepTryActivate takes three steps, and what is between the trial and the commit
// is as long as somebody likes.
func (r *rotation) keepTryActivate(t *testing.T) error {
	t.Helper()
	r.moves = append(r.moves, "secret.keep", "secret.try", "secret.activate")
	kept, err := r.ask(t, "POST", r.path(), map[string]any{"secret": r.to, "pending": true}, 201)
	if err != nil {
		return err
	}
	if err := r.noteVersion(kept); err != nil {
		return err
	}
	if _, err = r.ask(t, "POST", r.versionPath(r.versions[r.to], "try"), nil, 200); err != nil {
		return err
	}
	if r.moment == inBetween {
		r.kill(r.from)
	}
	_, err = r.ask(t, "POST", r.versionPath(r.versions[r.to], "activate"), nil, 200)
	return err
}

// keepUntil lets the nodes make the secret current by themselves. Where the moment
// is between the trial and the commit, its time comes when its row is held.
func (r *rotation) keepUntil(t *testing.T) error {
	t.Helper()
	r.moves = append(r.moves, "secret.keep", "secret.activate")
	at := time.Now().Add(time.Second)
	if r.moment == inBetween {
		at = at.Add(time.Hour)
	}
	kept, err := r.ask(t, "POST", r.path(), map[string]any{"secret": r.to, "activateAt": at}, 201)
	if err != nil {
		return err
	}
	if err := r.noteVersion(kept); err != nil {
		return err
	}
	return r.betweenTrialAndCommit(t, func() error {
		if r.moment == inBetween {
			r.cluster.postgres.Exec(t, `UPDATE signet.app_secrets SET activate_at = now() WHERE app_id = $1 AND version = $2`, r.id, r.versions[r.to])
		}
		require.Eventually(t, func() bool {
			states := r.cluster.postgres.List(t, `SELECT state FROM signet.app_secrets WHERE app_id = $1 AND version = $2`, r.id, r.versions[r.to])
			return states[0] == string(core.SecretCurrent)
		}, patience, 50*time.Millisecond, "its time has come")
		return nil
	})
}

// handIn makes a link, and hands the secret in with it as somebody who is not
// signed in.
func (r *rotation) handIn(t *testing.T) error {
	t.Helper()
	r.moves = append(r.moves, "intake.create", "intake.use")
	link, err := r.ask(t, "POST", "/tenants/"+r.tenantID+"/apps/"+r.id+"/intake-links", nil, 201)
	if err != nil {
		return err
	}
	_, token, found := strings.Cut(link.text(t, "address"), "#")
	if !found {
		return errors.New("the link's address holds no token")
	}
	err = r.betweenTrialAndCommit(t, func() error {
		got, err := send(t.Context(), "POST", r.through.at.Load().console+"/intake/secret", map[string]any{"token": token, "secret": r.to})
		if err != nil || got.status != 201 || got.text(t, "state") != string(core.SecretCurrent) {
			return fmt.Errorf("hand in: %d %s: %w", got.status, got.body, err)
		}
		return nil
	})
	r.versions[r.to] = slices.Max([]int32{r.versions[r.from], r.versions[r.previous]}) + 1
	return err
}

// fallBack asks for a page where nothing is held, so that a token is needed, which
// the new secret does not bring: the former one has to step in, and the page is
// signed.
func (r *rotation) fallBack(t *testing.T) error {
	t.Helper()
	got := r.cluster.ask(t.Context(), r.bare, r.app, r.page)
	if got.status != 200 {
		return fmt.Errorf("the page that needs a token: %d %s", got.status, got.body)
	}
	r.moves = append(r.moves, "secret.fall_back")
	r.current, r.previous = r.from, r.to
	r.activations++
	r.fellBack = true
	return r.book.check(r.app, r.page, got.body)
}

// calls lists what WeCom was asked with the app's secrets and tokens since the
// rotation began: what was a trial of the new one, sorted, and what else there was.
func (r *rotation) calls(until time.Time) (trial, others []string) {
	secrets := r.cluster.credentials(r.app)
	for _, call := range r.cluster.weCom.Calls() {
		secret := secrets[call.Credential]
		if secret == "" || call.Time.Before(r.begun) || !call.Time.Before(until) {
			continue
		}
		switch {
		case secret == r.to && call.Errcode == 0 && call.API != wecom.GetCorpTicket:
			trial = append(trial, string(call.API))
		case secret == r.to:
			others = append(others, fmt.Sprintf("%s %d new", call.API, call.Errcode))
		default:
			others = append(others, fmt.Sprintf("%s %d former", call.API, call.Errcode))
		}
	}
	slices.Sort(trial)
	slices.Sort(others)
	return trial, others
}

// credentials gives the secret behind each name under which the fake's log knows
// the secrets of an app. The fake writes that name into its values.
func (c *cluster) credentials(a *app) map[string]string {
	secrets := map[string]string{}
	for _, token := range c.weCom.Issued(a.corp, a.agent, core.AccessToken) {
		if owner, _, _ := c.weCom.Owner(token); slices.Contains(a.secrets, owner.Secret) {
			secrets[strings.SplitN(token, ".", 6)[3]] = owner.Secret
		}
	}
	return secrets
}

// refusedSecrets counts the times that a dead secret was asked with.
func (c *cluster) refusedSecrets(from, until time.Time) (n int) {
	for _, call := range c.weCom.Calls() {
		if call.API == wecom.GetToken && call.Credential == "" && !call.Time.Before(from) && call.Time.Before(until) {
			n++
		}
	}
	return n
}
