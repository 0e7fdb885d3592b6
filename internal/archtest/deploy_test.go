package archtest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/stretchr/testify/require"
)

// Variables without which nobody may start, as in docs/deploy/README.md.
var requiredVariables = types.Mapping{
	"SECRETS_DIR":        "./secrets",
	"RECOVERY_RECIPIENT": "age1example",
	"CONSOLE_URL":        "https://console.example.com",
}

// Variables of the fake WeCom, which no other service reads.
var fakeVariables = types.Mapping{"FAKE_APP": "ww1111111111111111,1000002,made-up-secret-of-a-test,crm.example.com"}

// Services that hold a port open, and so must say how they are.
var checkedServices = []string{"postgres", "serve"}

// Container ports that no other machine may reach.
var loopbackPorts = []uint32{8881, 8882}

var (
	secretName  = regexp.MustCompile(`(?i)password|secret|token|database_url`)
	pinnedImage = regexp.MustCompile(`^(signet:local|[\w./-]+:\d+(\.\d+)+(-[\w.]+)?)$`)
)

func loadCompose(text []byte, variables types.Mapping) (*types.Project, error) {
	return loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir:  ".",
		ConfigFiles: []types.ConfigFile{{Filename: "docker-compose.yml", Content: text}},
		Environment: maps.Clone(variables), // the loader writes into it
	}, func(options *loader.Options) {
		options.Profiles = []string{"*"}
		options.SetProjectName("signet", true)
	})
}

// composeFindings lists what a compose file must not be.
func composeFindings(text []byte) (findings []string) {
	variables := maps.Clone(requiredVariables)
	maps.Copy(variables, fakeVariables)
	project, err := loadCompose(text, variables)
	if err != nil {
		return []string{err.Error()}
	}
	for name := range requiredVariables {
		others := types.Mapping{}
		for other, value := range requiredVariables {
			if other != name {
				others[other] = value
			}
		}
		if _, err := loadCompose(text, others); err == nil || !strings.Contains(err.Error(), "set it to ") {
			findings = append(findings, fmt.Sprintf("without %s it loads, or says no mend: %v", name, err))
		}
	}
	for name, service := range project.Services {
		for _, finding := range serviceFindings(service) {
			findings = append(findings, name+" "+finding)
		}
		if slices.Contains(checkedServices, name) && (service.HealthCheck == nil || len(service.HealthCheck.Test) == 0) {
			findings = append(findings, name+" has no health check")
		}
	}
	for name, secret := range project.Secrets {
		if secret.File == "" || secret.Environment != "" || secret.Content != "" {
			findings = append(findings, "secret "+name+" comes from no file")
		}
	}
	if serve, ok := project.Services["serve"]; !ok {
		findings = append(findings, "there is no serve")
	} else if serve.DependsOn["migrate"].Condition != types.ServiceConditionCompletedSuccessfully {
		findings = append(findings, "serve does not wait for the end of migrate")
	}
	if migrate := project.Services["migrate"]; migrate.DependsOn["postgres"].Condition != types.ServiceConditionHealthy || migrate.Restart != types.RestartPolicyNo {
		findings = append(findings, "migrate is not a single run on a healthy Postgres")
	}
	findings = append(findings, fakeFindings(project.Services["fakewecom"])...)
	for name := range project.Services["postgres"].Networks {
		if !project.Networks[name].Internal {
			findings = append(findings, "postgres is on "+name+", a network with a way out")
		}
	}
	return findings
}

// fakeFindings lists what would make the fake WeCom of no use, or of too much:
// Signet speaks plain http to a loopback address alone, nobody else may reach the
// fake, and with no shell beside it all that it knows stands in its command.
func fakeFindings(fake types.ServiceConfig) (findings []string) {
	command := strings.Join(fake.Command, " ")
	if !slices.Equal(fake.Profiles, []string{"fake"}) {
		findings = append(findings, "the fake WeCom starts unasked")
	}
	if fake.NetworkMode != "service:serve" || !strings.HasPrefix(command, "fakewecom --addr 127.0.0.1:8883 ") {
		findings = append(findings, "the fake WeCom is not where serve alone can reach it")
	}
	if len(fake.Ports) > 0 {
		findings = append(findings, "the fake WeCom publishes a port")
	}
	if !strings.Contains(command, " --app "+fakeVariables["FAKE_APP"]) || !strings.Contains(command, " --seed ") {
		findings = append(findings, "the fake WeCom knows no app, or none after a restart")
	}
	return findings
}

func serviceFindings(s types.ServiceConfig) (findings []string) {
	finding := func(bad bool, text string, args ...any) {
		if bad {
			findings = append(findings, fmt.Sprintf(text, args...))
		}
	}
	finding(!s.ReadOnly, "may write to its file system")
	finding(!slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) > 0, "has capabilities")
	finding(!slices.Contains(s.SecurityOpt, "no-new-privileges:true"), "may gain privileges")
	finding(s.Privileged, "is privileged")
	finding(s.PidsLimit <= 0, "may fork without end")
	finding(strings.HasPrefix(s.User, "root") || s.User == "0" || strings.HasPrefix(s.User, "0:"), "runs as root")
	finding(s.Build == nil && s.User == "", "runs as whoever its image says")
	finding(!pinnedImage.MatchString(s.Image), "runs %s, which is no pinned version", s.Image)
	finding(s.Pid == "host" || s.Ipc == "host" || s.NetworkMode == "host", "shares a namespace with the host")
	for _, volume := range s.Volumes {
		finding(volume.Type == types.VolumeTypeBind, "mounts %s of the host", volume.Source)
	}
	for _, mount := range s.Tmpfs {
		finding(!strings.Contains(mount, "noexec") || !strings.Contains(mount, "size="), "has a tmpfs without noexec or size: %s", mount)
	}
	for key, value := range s.Environment {
		inFile := strings.HasSuffix(key, "_FILE") && value != nil && strings.HasPrefix(*value, "/run/secrets/")
		finding(secretName.MatchString(key) && !inFile, "gets %s by value", key)
	}
	for _, port := range s.Ports {
		host, err := netip.ParseAddr(port.HostIP)
		finding(err != nil, "publishes %d on every address", port.Target)
		finding(err == nil && slices.Contains(loopbackPorts, port.Target) && !host.IsLoopback(), "publishes %d beyond this machine", port.Target)
	}
	return findings
}

// dockerfileFindings lists what the image must not be.
func dockerfileFindings(text []byte) (findings []string) {
	file, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return []string{err.Error()}
	}
	var stages [][]*parser.Node
	arguments := map[string]string{}
	for _, node := range file.AST.Children {
		switch {
		case strings.EqualFold(node.Value, "from"):
			stages = append(stages, nil)
		case len(stages) == 0:
			name, value, _ := strings.Cut(node.Next.Value, "=")
			arguments["${"+name+"}"] = value
			continue
		}
		stages[len(stages)-1] = append(stages[len(stages)-1], node)
		if strings.EqualFold(node.Value, "add") {
			findings = append(findings, fmt.Sprintf("line %d: ADD fetches and unpacks; use COPY", node.StartLine))
		}
	}
	if len(stages) < 2 {
		return append(findings, "one stage: the tools end up in the image")
	}
	for _, stage := range stages {
		image := stage[0].Next.Value
		for name, value := range arguments {
			image = strings.ReplaceAll(image, name, value)
		}
		if image != "scratch" && !pinnedImage.MatchString(strings.TrimSuffix(image, "-slim")) {
			findings = append(findings, image+" is no pinned version")
		}
	}
	build := strings.Join(words(stages[:len(stages)-1]...), " ")
	for _, want := range []string{"CGO_ENABLED=0", "-trimpath", "-tags console", "-mod=readonly", "npm ci"} {
		if !strings.Contains(build, want) {
			findings = append(findings, "the build has no "+want)
		}
	}
	return append(findings, finalStageFindings(stages[len(stages)-1])...)
}

func finalStageFindings(stage []*parser.Node) (findings []string) {
	if stage[0].Next.Value != "scratch" {
		findings = append(findings, "the image is built on "+stage[0].Next.Value+", which may hold a shell")
	}
	user := ""
	for _, node := range stage[1:] {
		switch strings.ToLower(node.Value) {
		case "run":
			findings = append(findings, fmt.Sprintf("line %d: RUN in the image needs a shell", node.StartLine))
		case "copy":
			if !slices.Contains(node.Flags, "--from=binary") {
				findings = append(findings, fmt.Sprintf("line %d: COPY from the build context", node.StartLine))
			}
		case "entrypoint", "cmd":
			if !node.Attributes["json"] {
				findings = append(findings, fmt.Sprintf("line %d: %s runs through a shell", node.StartLine, node.Value))
			}
		case "user":
			user = node.Next.Value
		case "env", "arg":
			if secretName.MatchString(node.Original) {
				findings = append(findings, fmt.Sprintf("line %d: a secret would be in every copy of the image", node.StartLine))
			}
		}
	}
	if user != "65532:65532" {
		findings = append(findings, fmt.Sprintf("the image runs as %q", user))
	}
	return findings
}

// words gives the texts of all instructions.
func words(stages ...[]*parser.Node) (found []string) {
	for _, stage := range stages {
		for _, node := range stage {
			found = append(found, node.Original)
		}
	}
	return found
}

func TestTheComposeFileIsSafeToStart(t *testing.T) {
	t.Parallel()
	require.Empty(t, composeFindings(deployFile(t, "docker-compose.yml")))
}

func TestTheComposeFileSetsOnlyKeysThatExist(t *testing.T) {
	t.Parallel()
	known := regexp.MustCompile(`"(SIGNET_[A-Z_]+)"`).FindAllStringSubmatch(string(deployFile(t, "internal/config/keys.go")), -1)
	require.NotEmpty(t, known)
	project, err := loadCompose(deployFile(t, "docker-compose.yml"), requiredVariables)
	require.NoError(t, err)
	for name, service := range project.Services {
		for key := range service.Environment {
			if strings.HasPrefix(key, "SIGNET_") {
				require.True(t, slices.ContainsFunc(known, func(match []string) bool { return key == match[1] || key == match[1]+"_FILE" }),
					"%s: signet refuses unknown keys, and %s is one", name, key)
			}
		}
	}
}

// What the page tells a person to type, in the order in which it must be typed.
func TestTheDeployPageGoesItsWayInOrder(t *testing.T) {
	t.Parallel()
	page := string(deployFile(t, "docs/deploy/README.md"))
	at := 0
	for _, line := range []string{
		"docker build --file docs/deploy/Dockerfile --tag signet:local",
		"keys init --out /out/recovery", // before the sheet is printed, which names it
		"RECOVERY_RECIPIENT=age1",
		`--env SIGNET_RECOVERY_RECIPIENT="$RECOVERY_RECIPIENT"`,
		"keys init --out /out/identity",
		"docker compose up --detach --wait serve",
		"admin create --email",
		"export WECOM_URL=http://127.0.0.1:8883 FAKE_APP=ww",
		"docker compose --profile fake up",
	} {
		next := strings.Index(page[at:], line)
		require.GreaterOrEqual(t, next, 0, "%q is missing, or stands too early", line)
		at += next
	}
	project, err := loadCompose(deployFile(t, "docker-compose.yml"), requiredVariables)
	require.NoError(t, err)
	require.NotEmpty(t, project.Services)
	for _, variable := range regexp.MustCompile(`\$\{([A-Z_]+)`).FindAllStringSubmatch(string(deployFile(t, "docker-compose.yml")), -1) {
		require.Contains(t, page, "`"+variable[1]+"`", "a variable of docker-compose.yml that the page does not tell")
	}
}

func TestTheImageHoldsTheBinaryAndNothingElse(t *testing.T) {
	t.Parallel()
	require.Empty(t, dockerfileFindings(deployFile(t, "docs/deploy/Dockerfile")))
}

func TestComposeFindingsSeeEachMutant(t *testing.T) {
	t.Parallel()
	text := string(deployFile(t, "docker-compose.yml"))
	for _, m := range []struct{ old, new, says string }{
		{"read_only: true", "read_only: false", "may write to its file system"},
		{"cap_drop: [ALL]", "cap_drop: [NET_RAW]", "has capabilities"},
		{"cap_drop: [ALL]", "cap_drop: [ALL]\n  cap_add: [SYS_PTRACE]", "has capabilities"},
		{"no-new-privileges:true", "no-new-privileges:false", "may gain privileges"},
		{"cap_drop: [ALL]", "cap_drop: [ALL]\n  privileged: true", "is privileged"},
		{"  pids_limit: 256\n", "", "may fork without end"},
		{`user: "999:999"`, `user: "0:0"`, "postgres runs as root"},
		{`    user: "999:999"` + "\n", "", "postgres runs as whoever"},
		{"postgres:18.4", "postgres:latest", "no pinned version"},
		{"postgres:18.4", "postgres", "no pinned version"},
		{"network_mode: service:serve", "network_mode: host", "shares a namespace"},
		{"- postgres:/var/lib/postgresql", "- /var/run/docker.sock:/var/run/docker.sock", "mounts /var/run/docker.sock"},
		{"size=64m,noexec", "size=64m", "without noexec"},
		{"POSTGRES_PASSWORD_FILE: /run/secrets/postgres_password", "POSTGRES_PASSWORD: postgres", "gets POSTGRES_PASSWORD by value"},
		{"SIGNET_DATABASE_URL_FILE: /run/secrets/database_url", "SIGNET_DATABASE_URL: postgres://a:b@c/d", "gets SIGNET_DATABASE_URL by value"},
		{"- 127.0.0.1:8881:8881", "- 8881:8881", "publishes 8881 on every address"},
		{"- 127.0.0.1:8882:8882", "- 0.0.0.0:8882:8882", "publishes 8882 beyond this machine"},
		{"${CONSOLE_URL:?set it to", "${CONSOLE_URL:-set it to", "without CONSOLE_URL it loads"},
		{"${RECOVERY_RECIPIENT:?set it to the age recipient of the offline recovery key, see docs/deploy/README.md}", "${RECOVERY_RECIPIENT:?missing}", "says no mend"},
		{"    healthcheck:\n      test: [CMD, /signet, health]", "    x-healthcheck:\n      test: [CMD, /signet, health]", "serve has no health check"},
		{"{ condition: service_completed_successfully }", "{ condition: service_started }", "serve does not wait"},
		{"    restart: \"no\"\n", "", "migrate is not a single run"},
		{"profiles: [fake]", "profiles: []", "starts unasked"},
		{"127.0.0.1:8883", "0.0.0.0:8883", "not where serve alone can reach it"},
		{"network_mode: service:serve", "networks: [front]", "not where serve alone can reach it"},
		{"    network_mode: service:serve\n", "    networks: [front]\n    ports: [127.0.0.1:8883:8883]\n", "publishes a port"},
		{`--app, "${FAKE_APP:-}"`, `--mode, same`, "knows no app"},
		{"--seed, ", "--mode, ", "knows no app"},
		{"database: { internal: true }", "database: {}", "a network with a way out"},
		{"    file: ${SECRETS_DIR:?set it to the folder of the secret files, see docs/deploy/README.md}/identity", "    environment: IDENTITY", "comes from no file"},
	} {
		t.Run(m.says+": "+m.new, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, text, m.old)
			require.Contains(t, strings.Join(composeFindings([]byte(strings.ReplaceAll(text, m.old, m.new))), "\n"), m.says)
		})
	}
}

func TestDockerfileFindingsSeeEachMutant(t *testing.T) {
	t.Parallel()
	text := string(deployFile(t, "docs/deploy/Dockerfile"))
	for _, m := range []struct{ old, new, says string }{
		{"FROM scratch", "FROM alpine:3.20", "may hold a shell"},
		{"FROM scratch", "FROM binary", "may hold a shell"},
		{"USER 65532:65532", "USER root", `runs as "root"`},
		{"USER 65532:65532\n", "", `runs as ""`},
		{"USER 65532:65532", "RUN id", "needs a shell"},
		{`ENTRYPOINT ["/signet"]`, "ENTRYPOINT /signet", "runs through a shell"},
		{`CMD ["serve"]`, "CMD serve", "runs through a shell"},
		{"COPY --from=binary --chmod=0555 /out/signet /signet", "COPY bin/signet /signet", "COPY from the build context"},
		{"EXPOSE 8880", "ENV POSTGRES_PASSWORD=x\nEXPOSE 8880", "a secret would be in every copy"},
		{"-trimpath", "", "no -trimpath"},
		{"-tags console,timetzdata", "-tags timetzdata", "no -tags console"},
		{"CGO_ENABLED=0", "", "no CGO_ENABLED=0"},
		{"npm ci", "npm install", "no npm ci"},
		{"COPY . .", "ADD https://example.com/x.tar.gz .", "use COPY"},
		{"GO_VERSION=1.26.8", "GO_VERSION=latest", "no pinned version"},
	} {
		t.Run(m.says+": "+m.new, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, text, m.old)
			require.Contains(t, strings.Join(dockerfileFindings([]byte(strings.ReplaceAll(text, m.old, m.new))), "\n"), m.says)
		})
	}
}

func deployFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top(t), name))
	require.NoError(t, err)
	return text
}
