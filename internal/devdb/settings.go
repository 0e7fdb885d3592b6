package devdb

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
)

// baseSettings hold for every server. The log tells about the server and not
// about statements: neither their text nor a value in them may get into it,
// and the messages of errors carry values.
var baseSettings = map[string]string{
	"listen_addresses":        "127.0.0.1",
	"unix_socket_directories": "",
	"max_connections":         "200",
	"shared_buffers":          "32MB",
	"password_encryption":     "scram-sha-256",
	"timezone":                "UTC",
	"log_timezone":            "UTC",
	"cluster_name":            "signet-dev",

	"logging_collector":                 "off", // it would hide a failed start from us
	"log_destination":                   "stderr",
	"log_min_messages":                  "log", // the server's life and what is fatal, no error of a statement
	"log_min_error_statement":           "panic",
	"log_min_duration_statement":        "-1",
	"log_statement":                     "none",
	"log_error_verbosity":               "terse",
	"log_parameter_max_length":          "0",
	"log_parameter_max_length_on_error": "0",
	"log_checkpoints":                   "off",
}

// throwawaySettings trade safety of data, of which there is none, for speed.
var throwawaySettings = map[string]string{
	"fsync":              "off",
	"synchronous_commit": "off",
	"full_page_writes":   "off",
}

// fixedSettings are not the caller's to change: the rest of the package relies
// on them.
var fixedSettings = []string{
	"listen_addresses", "unix_socket_directories", "port", "data_directory", "config_file", "hba_file", "ident_file",
	"external_pid_file", "logging_collector", "log_destination", "password_encryption",
}

var settingName = regexp.MustCompile(`^[a-z][a-z0-9_.]*$`)

// checkSettings refuses settings that are not the caller's to change.
func checkSettings(extra map[string]string) error {
	for name := range extra {
		// Postgres takes other spellings too, which would pass the list by.
		if !settingName.MatchString(name) {
			return fmt.Errorf("%q is no Postgres setting; write its name in lower case with underscores", name)
		}
		if slices.Contains(fixedSettings, name) {
			return fmt.Errorf("the Postgres setting %s is fixed; leave it out", name)
		}
	}
	return nil
}

// serverArguments gives the arguments of postgres. Settings stand there and not
// in a file of the data folder, because that folder is the server's to write,
// not ours, and what a former start wrote there would outlive its caller.
func serverArguments(dataDir string, port int, throwaway bool, extra map[string]string) []string {
	settings := maps.Clone(baseSettings)
	if throwaway {
		maps.Copy(settings, throwawaySettings)
	}
	maps.Copy(settings, extra)
	settings["port"] = strconv.Itoa(port)
	args := []string{"-D", dataDir}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}
