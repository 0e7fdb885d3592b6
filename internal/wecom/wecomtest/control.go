package wecomtest

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/core"
	"signet/internal/wecom"
)

const (
	controlPath    = "/_fake/"
	maxControlBody = 4 << 20 // a thousand demo apps at once
)

const controlHelp = `The fake WeCom. WeCom's own calls are under /cgi-bin/, the page on which people
sign in by WeCom is /wwlogin/sso/login.

GET    /_fake/         this text
GET    /_fake/apps     the apps, without their secrets
POST   /_fake/apps     {"corp","agent","name","secret","domains":["crm.example.com"],"allowedIps":[],"closed":false,
                       "redirectDomain":"console.example.com","people":["zhangsan"]}
                       adds an app, or changes one with the same corp, agent and secret;
                       with "reset":true the secret replaces the app's former ones
GET    /_fake/calls    the log; ?api=gettoken&corp=&agent= chooses
DELETE /_fake/calls    empties the log
GET    /_fake/faults   the names of the faults
POST   /_fake/faults   {"name":"45009","api":"gettoken","corp","agent","times":1}; instead of a name also
                       {"errcode","body","value","expiresIn","status","header":{},"delayMillis","behaviour"};
                       times 0 lasts until DELETE
DELETE /_fake/faults   takes all faults away and lets hanging calls go
POST   /_fake/check    {"kind":"config|agent_config","corp","agent","pageUrl","timestamp","nonceStr","signature"}
                       checks a signature as the WeCom client would

A body must be sent as application/json.
`

func (s *Server) newControl() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+controlPath+"{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, controlHelp)
	})
	mux.HandleFunc("GET "+controlPath+"apps", s.listApps)
	mux.HandleFunc("POST "+controlPath+"apps", s.postApp)
	mux.HandleFunc("GET "+controlPath+"calls", s.listCalls)
	mux.HandleFunc("DELETE "+controlPath+"calls", func(w http.ResponseWriter, _ *http.Request) {
		s.ForgetCalls()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET "+controlPath+"faults", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"names": FaultNames()})
	})
	mux.HandleFunc("POST "+controlPath+"faults", s.postFault)
	mux.HandleFunc("DELETE "+controlPath+"faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		s.Release()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST "+controlPath+"check", s.postCheck)
	return mux
}

func (s *Server) listApps(w http.ResponseWriter, _ *http.Request) {
	apps := s.Apps()
	for i := range apps {
		apps[i].Secret = ""
	}
	writeJSON(w, http.StatusOK, map[string]any{"items": apps})
}

func (s *Server) postApp(w http.ResponseWriter, r *http.Request) {
	var body struct {
		App
		Reset bool `json:"reset"`
	}
	if !readJSON(w, r, &body) {
		return
	}
	if body.Corp == "" || body.Agent == "" || body.Secret == "" {
		refuse(w, "corp, agent and secret are needed")
		return
	}
	if body.Reset {
		s.ResetSecret(body.Corp, body.Agent, body.Secret)
	}
	s.AddApp(body.App)
	if err := s.SaveApps(); err != nil {
		writeJSON(w, http.StatusInternalServerError, map[string]any{"error": err.Error()})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) listCalls(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	chosen := Filter{
		API:   wecom.API(query.Get("api")),
		Corp:  core.CorpID(query.Get("corp")),
		Agent: core.AgentID(query.Get("agent")),
	}
	items := []Call{}
	for _, c := range s.Calls() {
		if chosen.matches(c) {
			items = append(items, c)
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"items": items, "count": len(items)})
}

func (s *Server) postFault(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Name        string            `json:"name"`
		API         wecom.API         `json:"api"`
		Corp        core.CorpID       `json:"corp"`
		Agent       core.AgentID      `json:"agent"`
		Times       int               `json:"times"`
		Errcode     int               `json:"errcode"`
		Body        string            `json:"body"`
		Value       *string           `json:"value"`
		ExpiresIn   string            `json:"expiresIn"`
		Status      int               `json:"status"`
		Header      map[string]string `json:"header"`
		DelayMillis int64             `json:"delayMillis"`
		Behaviour   Behaviour         `json:"behaviour"`
	}
	if !readJSON(w, r, &body) {
		return
	}
	fault := Fault{
		Errcode: body.Errcode, Body: body.Body, Value: body.Value, ExpiresIn: body.ExpiresIn, Status: body.Status,
		Header: body.Header, Delay: time.Duration(body.DelayMillis) * time.Millisecond, Behaviour: body.Behaviour,
	}
	switch body.Behaviour {
	case "", Hang, Drip, HeaderDrip, Reset, ResetMid, Truncate, Empty:
	default:
		refuse(w, "behaviour is not known; GET /_fake/ lists what there is")
		return
	}
	if body.Status != 0 && (body.Status < 200 || body.Status > 599) {
		refuse(w, "status must be 200 to 599")
		return
	}
	if body.Name != "" {
		named, ok := FindFault(body.Name)
		if !ok {
			refuse(w, "no fault has that name; GET /_fake/faults lists them")
			return
		}
		fault = named
	}
	fault.API, fault.Corp, fault.Agent, fault.Times = body.API, body.Corp, body.Agent, body.Times
	s.Inject(fault)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) postCheck(w http.ResponseWriter, r *http.Request) {
	var check Check
	if !readJSON(w, r, &check) {
		return
	}
	var refusal *CheckError
	if errors.As(s.CheckSignature(check), &refusal) {
		writeJSON(w, http.StatusOK, map[string]any{"ok": false, "errcode": refusal.Errcode, "errMsg": refusal.Error()})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"ok": true, "errcode": errcodeOK, "errMsg": "ok"})
}

// readJSON takes application/json only: a page in a browser cannot send that
// to another origin without asking, and is never allowed to.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		writeJSON(w, http.StatusUnsupportedMediaType, map[string]any{"error": "send application/json"})
		return false
	}
	body := http.MaxBytesReader(w, r.Body, maxControlBody)
	if err := json.UnmarshalRead(body, into, json.RejectUnknownMembers(true)); err != nil {
		refuse(w, "the body is not what this address takes; GET /_fake/ shows it")
		return false
	}
	return true
}

func refuse(w http.ResponseWriter, text string) {
	writeJSON(w, http.StatusBadRequest, map[string]any{"error": text})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, value, json.Deterministic(true))
}
