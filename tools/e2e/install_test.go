package e2e_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

const (
	modulePath = "github.com/opensandbox-conformance/opensandbox-conformance"
	command    = modulePath + "/conformance/cmd/opensandbox-conformance"
)

// The command is installed by its path from a module proxy, and all that it needs is in it.
func TestTheCommandIsInstalledByItsPath(t *testing.T) {
	t.Parallel()
	const version = "v0.1.0"
	dir := t.TempDir()
	publish(t, filepath.Join(dir, "proxy"), version)
	bin := filepath.Join(dir, "bin")
	// The proxies behind it have what the module depends on; the first of them is what this machine has already.
	proxies := []string{"file://" + filepath.Join(dir, "proxy"), "file://" + filepath.Join(goEnv(t, "GOMODCACHE"), "cache", "download"), goEnv(t, "GOPROXY")}
	install := exec.CommandContext(t.Context(), "go", "install", "-trimpath", command+"@"+version)
	install.Dir = dir
	install.Env = append(os.Environ(), "GOPROXY="+strings.Join(proxies, ","), "GONOSUMDB="+modulePath, "GOSUMDB=off",
		"GOMODCACHE="+filepath.Join(dir, "modules"), "GOFLAGS=-modcacherw", "GOBIN="+bin, "CGO_ENABLED=0")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("go install %s@%s: %v\n%s", command, version, err, out)
	}
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"version"}, "opensandbox-conformance " + version},
		{[]string{"list"}, "LC-RENEW-02  MUST  expiry"},
		{[]string{"explain", "EX-CMD-02"}, "Scenario: How a command ends"},
		{[]string{"schema"}, `"schemaVersion"`},
	} {
		run := exec.CommandContext(t.Context(), filepath.Join(bin, "opensandbox-conformance"), tc.args...)
		run.Dir, run.Env = t.TempDir(), []string{}
		if out, err := run.CombinedOutput(); err != nil || !strings.Contains(string(out), tc.want) {
			t.Errorf("%v: %v, without %q:\n%.500s", tc.args, err, tc.want, out)
		}
	}
}

// publish puts the checkout as it is into a module proxy on disk.
func publish(t *testing.T, proxy, version string) {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(proxy, filepath.FromSlash(modulePath), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"list": version + "\n", version + ".info": `{"Version":"` + version + `"}`, version + ".mod": string(gomod),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := os.Create(filepath.Join(dir, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := zip.Create(out, module.Version{Path: modulePath, Version: version}, tracked(t, root)); err != nil {
		t.Fatal(err)
	}
}

// tracked lists the files of the checkout that git knows or would.
func tracked(t *testing.T, root string) []zip.File {
	t.Helper()
	git := exec.CommandContext(t.Context(), "git", "ls-files", "-co", "--exclude-standard", "-z")
	git.Dir = root
	out, err := git.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	var files []zip.File
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		file := checkoutFile{path: name, full: filepath.Join(root, name)}
		if info, err := file.Lstat(); err == nil && info.Mode().IsRegular() { // deleted, and not yet committed
			files = append(files, file)
		}
	}
	return files
}

// checkoutFile is a file for the module's archive.
type checkoutFile struct{ path, full string }

func (f checkoutFile) Path() string                 { return f.path }
func (f checkoutFile) Lstat() (os.FileInfo, error)  { return os.Lstat(f.full) }
func (f checkoutFile) Open() (io.ReadCloser, error) { return os.Open(f.full) }

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatalf("go env %s: %v", name, err)
	}
	return strings.TrimSpace(string(out))
}
