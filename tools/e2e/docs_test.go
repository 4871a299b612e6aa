package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
)

// secret is the key and the token in the documentation.
const secret = "secret"

// block is a fenced block of a document.
type block struct {
	line int
	info []string // the words behind the fence
	text string
}

// Every command of the documentation is run: a block `sh` as it stands, against a server and a daemon that are up; a
// block `sh server` until it listens. A block with another word (build, minutes, root) is only checked: its programs,
// targets and flags exist. A block with the name of a file is found there, word for word.
func TestTheDocumentationIsTrue(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(documents) == 0 {
		t.Fatalf("%v, %d documents in docs/", err, len(documents))
	}
	toRun := 0
	for _, path := range append(documents, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md"), filepath.Join(root, "features", "README.md")) {
		all := blocks(t, path)
		for _, b := range all {
			if len(b.info) == 1 && b.info[0] == "sh" {
				toRun++
			}
		}
		t.Run(strings.TrimPrefix(path, root+"/"), func(t *testing.T) {
			desk := newDesk(t, root)
			for _, b := range all {
				switch {
				case len(b.info) == 0:
				case b.info[0] == "sh" && len(b.info) == 1:
					desk.run(t, b)
				case b.info[0] == "sh" && b.info[1] == "server":
					desk.serve(t, b)
				case b.info[0] == "sh" && slices.Contains([]string{"build", "minutes", "root"}, b.info[1]):
					desk.check(t, b)
				case b.info[0] == "sh":
					t.Errorf("line %d: a block of commands is %q, which is none of the kinds that there are", b.line, b.info[1])
				case len(b.info) == 2:
					desk.quoted(t, b)
				}
			}
			desk.links(t, path)
		})
	}
	if toRun < 8 {
		t.Errorf("only %d blocks of commands were found to run", toRun)
	}
}

// blocks reads the fenced blocks of a document.
func blocks(t *testing.T, path string) []block {
	t.Helper()
	var all []block
	var open *block
	for i, line := range strings.Split(read(t, path), "\n") {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &block{line: i + 1, info: strings.Fields(info)}
		case fence:
			all, open = append(all, *open), nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		t.Errorf("the block of line %d has no end", open.line)
	}
	return all
}

// desk is where the commands of one document are run: a folder that has the programs in bin/, as a checkout has, and keeps
// what earlier blocks left.
type desk struct {
	root, dir    string
	server, bare string            // addresses, started when they are first needed
	help         map[string]string // by command
}

func newDesk(t *testing.T, root string) *desk {
	t.Helper()
	d := &desk{root: root, dir: t.TempDir(), help: map[string]string{}}
	for _, name := range []string{"opensandbox-conformance", "opensandbox-reference", "execd"} {
		program(t, name)
	}
	if err := os.Symlink(filepath.Join(root, "bin"), filepath.Join(d.dir, "bin")); err != nil {
		t.Fatal(err)
	}
	return d
}

// here puts the addresses and the image that are there in place of those that are written. What listens is started when it
// is first needed.
func (d *desk) here(t *testing.T, text string) string {
	t.Helper()
	if strings.Contains(text, "127.0.0.1:8080") && d.server == "" {
		dockertest.Engine(t) // or skips the rest of the document
		log, _ := background(t, "opensandbox-reference", "serve", "--listen", "127.0.0.1:0", "--api-key", secret,
			"--state", t.TempDir(), "--execd", program(t, "execd"))
		d.server = listening(t, log)
	}
	if strings.Contains(text, "127.0.0.1:44772") && d.bare == "" {
		d.bare = bare(t, secret)
	}
	return strings.NewReplacer("127.0.0.1:8080", d.server, "127.0.0.1:44772", d.bare, "python:3.12-slim", dockertest.Debian).Replace(text)
}

// run runs a block, with one group judged in place of all of them.
func (d *desk) run(t *testing.T, b block) {
	t.Helper()
	script := "set -euo pipefail\n"
	for _, command := range commands(d.here(t, b.text)) {
		script += narrow(command) + "\n"
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := d.command(ctx, script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("line %d: %v, %v (does it end by itself? else it is a block `sh server`)\n%s\n%s", b.line, err, ctx.Err(), script, out)
	}
}

// narrow makes a run judge one group, where it would judge all of them.
func narrow(command string) string {
	if !strings.Contains(command, "opensandbox-conformance run ") || strings.Contains(command, "--groups") || strings.Contains(command, "--operations") {
		return command
	}
	if strings.Contains(command, "--profile execd") {
		return command + " --groups execd-auth"
	}
	return command + " --groups lifecycle-auth"
}

// serve runs a block whose last command is a server, until it listens.
func (d *desk) serve(t *testing.T, b block) {
	t.Helper()
	if strings.Contains(b.text, "opensandbox-reference") {
		dockertest.Engine(t)
	}
	keys := filepath.Join(d.dir, "keys")
	if err := os.WriteFile(keys, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("listen 127.0.0.1:44772", "listen 127.0.0.1:0", "127.0.0.1:8090", "127.0.0.1:0",
		"127.0.0.1:9090", "127.0.0.1:0", "/etc/opensandbox/keys", keys).Replace(b.text)
	all := commands(d.here(t, text))
	all[len(all)-1] = "exec " + all[len(all)-1]
	cmd := d.command(t.Context(), strings.Join(all, "\n"))
	cmd.Env = append(cmd.Env, "OPENSANDBOX_LISTEN=127.0.0.1:0", "OPENSANDBOX_STATE="+t.TempDir())
	log, _ := supervised(t, cmd)
	listening(t, log)
}

func (d *desk) command(ctx context.Context, script string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.WaitDelay = 5 * time.Second // what it started may hold its output
	cmd.Dir = d.dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(d.root, "bin")+":"+os.Getenv("PATH"), "OPEN_SANDBOX_API_KEY="+secret)
	return cmd
}

// check sees that what a block would run exists.
func (d *desk) check(t *testing.T, b block) {
	t.Helper()
	makefile := read(t, filepath.Join(d.root, "Makefile"))
	for _, command := range commands(b.text) {
		words := strings.Fields(command)
		for len(words) > 0 && assignment.MatchString(words[0]) {
			words = words[1:]
		}
		switch name := words[0]; {
		case name == "make":
			for _, target := range words[1:] {
				if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:`).MatchString(makefile) {
					t.Errorf("line %d: make has no target %s", b.line, target)
				}
			}
		case strings.HasPrefix(name, "tools/"), strings.HasPrefix(name, "bin/"):
			d.exists(t, b, name)
		case name == "go":
			for _, word := range words[2:] {
				if word = strings.TrimSuffix(strings.TrimPrefix(word, modulePath), "@latest"); strings.HasPrefix(word, "./") || strings.HasPrefix(word, "/") {
					d.exists(t, b, word)
				}
			}
		case name == "docker":
			if _, arguments, found := strings.Cut(command, "conformance:local "); found {
				d.flags(t, b, "opensandbox-conformance "+arguments)
			}
		case name == "iptables":
		default:
			t.Errorf("line %d: nobody checks that %s exists", b.line, name)
		}
		d.flags(t, b, command)
	}
}

var assignment = regexp.MustCompile(`^[A-Z_]+=`)

func (d *desk) exists(t *testing.T, b block, path string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(d.root, path)); err != nil {
		t.Errorf("line %d: %v", b.line, err)
	}
}

// flags checks the flags of a call of the suite.
func (d *desk) flags(t *testing.T, b block, command string) {
	t.Helper()
	_, rest, found := strings.Cut(command, "opensandbox-conformance ")
	words := strings.Fields(rest)
	if !found || len(words) == 0 {
		return
	}
	if d.help[words[0]] == "" {
		out, err := exec.CommandContext(t.Context(), program(t, "opensandbox-conformance"), words[0], "--help").Output()
		if err != nil {
			t.Errorf("line %d: opensandbox-conformance has no command %s", b.line, words[0])
			return
		}
		d.help[words[0]] = string(out)
	}
	for _, word := range words[1:] {
		name, _, _ := strings.Cut(word, "=")
		if strings.HasPrefix(name, "--") && !regexp.MustCompile(regexp.QuoteMeta(name)+`[=\s]`).MatchString(d.help[words[0]]) {
			t.Errorf("line %d: opensandbox-conformance %s has no flag %s", b.line, words[0], name)
		}
	}
}

// quoted checks that a file holds what is said to stand in it.
func (d *desk) quoted(t *testing.T, b block) {
	t.Helper()
	if !strings.Contains(read(t, filepath.Join(d.root, b.info[1])), strings.TrimRight(b.text, "\n")) {
		t.Errorf("line %d: %s does not hold\n%s", b.line, b.info[1], b.text)
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)\)`)

// links checks that what a document points to is there.
func (d *desk) links(t *testing.T, path string) {
	t.Helper()
	for _, m := range link.FindAllStringSubmatch(read(t, path), -1) {
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
			t.Errorf("it points to %s: %v", m[1], err)
		}
	}
}

// commands splits a script into its commands, without comments.
func commands(script string) []string {
	var all []string
	for line := range strings.SplitSeq(strings.ReplaceAll(script, "\\\n", " "), "\n") {
		if i := strings.Index(line, "# "); i == 0 || i > 0 && line[i-1] == ' ' {
			line = line[:i]
		}
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}
