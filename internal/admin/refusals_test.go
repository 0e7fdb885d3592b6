package admin

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/docs/openapi"
	"signet/internal/fault"
	"signet/internal/trial"
	"signet/internal/wecom"
)

// trialCodes gives what the document names of an operation's codes that come of
// trying a secret.
func trialCodes(t *testing.T, operation string) []string {
	t.Helper()
	var document struct {
		Paths map[string]map[string]struct {
			ID    string   `json:"operationId"`
			Codes []string `json:"x-problem-codes"`
		} `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(openapi.Console(), &document))
	for _, path := range document.Paths {
		for _, op := range path {
			if op.ID == operation {
				return slices.DeleteFunc(op.Codes, func(code string) bool {
					return !strings.HasPrefix(code, "wecom.") && !strings.HasPrefix(code, "secret.") || slices.Contains(notOfTrials, code)
				})
			}
		}
	}
	t.Fatalf("there is no operation %s", operation)
	return nil
}

// notOfTrials are said of a secret by Signet itself.
var notOfTrials = []string{"secret.unchanged", "secret.conflict", "secret.unknown", "secret.state", "secret.damaged"}

// Whatever WeCom says to a secret that is tried, the caller hears one of the
// codes that the document names, and each of those can be heard.
func TestATrialEndsWithTheCodesOfTheDocument(t *testing.T) {
	t.Parallel()
	const beyondTheTable = 999_999
	heard := map[string]bool{string(fault.TrialsPaused): true} // the ledger's word; see burst_test.go
	for _, api := range []wecom.API{wecom.GetToken, wecom.GetAgent, wecom.GetAgentTicket} {
		for _, errcode := range append(wecom.Errcodes(), beyondTheTable) {
			class, _ := wecom.Meaning(errcode)
			heard[string(fault.Find(trial.Refusal(&wecom.Error{API: api, Errcode: errcode, Class: class})).Code)] = true
		}
		for _, class := range []wecom.Class{wecom.NoAnswer, wecom.BackOff} { // without a number
			heard[string(fault.Find(trial.Refusal(&wecom.Error{API: api, Class: class})).Code)] = true
		}
	}
	ledger := fault.New(fault.StoreUnavailable, nil)
	require.Same(t, ledger, trial.Refusal(ledger))

	var codes []string
	for code := range heard {
		codes = append(codes, code)
	}
	for _, operation := range []string{"CreateApp", "RotateSecret", "TrySecret", "ActivateSecret"} {
		require.ElementsMatch(t, codes, trialCodes(t, operation), operation)
	}
}
