package archtest

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A house is a module and the tables that it is held against.
type house struct {
	*module
	table  []row
	owners []owner
}

// A law gives a line for each place that breaks it.
type law struct {
	name  string
	check func(house) []string
}

var laws = []law{
	{"every package has a row", everyPackageHasARow},
	{"arrows go down", arrowsGoDown},
	{"code imports what its row allows", codeImportsWhatItsRowAllows},
	{"tests import nothing above them", testsImportNothingAboveThem},
	{"the internet reaches no secret", theInternetReachesNoSecret},
	{"powers stay with their users", powersStayWithTheirUsers},
	{"app secrets are opened for tickets", appSecretsAreOpenedForTickets},
	{"modules have owners", modulesHaveOwners},
	{"owners are at home", ownersAreAtHome},
	{"packages say what they are for", packagesSayWhatTheyAreFor},
	{"package names mean something", packageNamesMeanSomething},
	{"files can be read", filesCanBeRead},
	{"nobody sleeps", nobodySleeps},
	{"chance is unpredictable", chanceIsUnpredictable},
	{"what is dangerous has a place", whatIsDangerousHasAPlace},
	{"the environment is read once", theEnvironmentIsReadOnce},
	{"imports have names", importsHaveNames},
	{"the top is the floor plan", theTopIsTheFloorPlan},
	{"nothing names a machine", nothingNamesAMachine},
}

func TestTheHouseKeepsItsLaws(t *testing.T) {
	t.Parallel()
	m, err := readModule(os.DirFS(top(t)))
	require.NoError(t, err)
	h := house{module: m, table: table, owners: owners}
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			findings := l.check(h)
			slices.Sort(findings)
			for _, finding := range findings {
				t.Error(finding)
			}
		})
	}
}

// shipped lists the sources that end up in a binary: no tests and no kits for them.
func (h house) shipped() (found []*source) {
	for _, s := range h.all() {
		if r, _ := h.find(path.Dir(s.path)); !s.test && !r.kit {
			found = append(found, s)
		}
	}
	return found
}

// all lists every source of the module.
func (h house) all() (found []*source) {
	for _, dir := range slices.Sorted(maps.Keys(h.packages)) {
		found = append(found, h.packages[dir].sources...)
	}
	return found
}

// top is the folder of the module, found upwards from here.
func top(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		require.NotEqual(t, parent, dir, "no go.mod above the test")
		dir = parent
	}
}
