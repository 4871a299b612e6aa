package jupyter_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code/jupyter"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const debianKernels = "/usr/share/jupyter/kernels"

// environment is a small one in which ipykernel writes nothing outside of the test's folder.
func environment(t *testing.T) []string {
	t.Helper()
	home := t.TempDir()
	return []string{"PATH=/usr/bin:/bin", "HOME=" + home, "IPYTHONDIR=" + filepath.Join(home, ".ipython"), "EXECD_ACCESS_TOKEN=secret"}
}

// ipykernel gives the configuration of an image with ipykernel.
func ipykernel(t *testing.T) jupyter.Config {
	t.Helper()
	if _, err := os.Stat(filepath.Join(debianKernels, "python3/kernel.json")); err != nil {
		if os.Getenv("OPENSANDBOX_REQUIRE_JUPYTER") != "" {
			t.Fatalf("OPENSANDBOX_REQUIRE_JUPYTER is set, and there is no ipykernel: %v", err)
		}
		t.Skipf("*** NOT TESTED: there is no ipykernel (Debian: python3-ipykernel): %v", err)
	}
	return jupyter.Config{Log: slog.New(slog.DiscardHandler), Env: environment(t), Root: shortDir(t)}
}

// shortDir is a folder whose name leaves room for a socket's; that there is nothing in it at the end is checked.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "oj")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind in the root: %v %v", left, err)
		}
		os.RemoveAll(dir)
	})
	return dir
}

func find(t *testing.T, c jupyter.Config, name string) code.Language {
	t.Helper()
	languages, err := jupyter.Discover(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range languages {
		if l.Name() == name {
			return l
		}
	}
	t.Fatalf("no %s among %v", name, languages)
	return nil
}

// start starts a Python kernel, which is closed when the test ends.
func start(t *testing.T, c jupyter.Config) code.Kernel {
	t.Helper()
	k, err := find(t, c, "python").Start(within(t, time.Minute))
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(k.Close)
	return k
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// transcript records what a run produces.
type transcript struct {
	mu             sync.Mutex
	stdout, stderr strings.Builder
	results        []map[string]string
	order          []string // kinds, without repetition
	count          int
	wrote          chan struct{} // has a value when something came on stdout
}

func newTranscript() *transcript { return &transcript{wrote: make(chan struct{}, 1)} }

func (o *transcript) note(kind string) {
	if len(o.order) == 0 || o.order[len(o.order)-1] != kind {
		o.order = append(o.order, kind)
	}
}

func (o *transcript) Stdout(p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.note("stdout")
	o.stdout.Write(p)
	select {
	case o.wrote <- struct{}{}:
	default:
	}
}

func (o *transcript) Stderr(p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.note("stderr")
	o.stderr.Write(p)
}

func (o *transcript) Result(results map[string]string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.note("result")
	o.results = append(o.results, results)
}

func (o *transcript) ExecutionCount(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.note("count")
	o.count = n
}

// text is the plain text of the only result.
func (o *transcript) text(t *testing.T) string {
	t.Helper()
	if len(o.results) != 1 {
		t.Fatalf("%d results, not 1: %v", len(o.results), o.results)
	}
	return o.results[0]["text/plain"]
}

// execute runs code that must not kill the kernel.
func execute(t *testing.T, k code.Kernel, source string) (*transcript, *stream.Failure) {
	t.Helper()
	out := newTranscript()
	f, err := k.Run(within(t, 30*time.Second), source, out)
	if err != nil {
		t.Fatalf("run %q: %v", source, err)
	}
	return out, f
}

// must runs code that must go well.
func must(t *testing.T, k code.Kernel, source string) *transcript {
	t.Helper()
	out, f := execute(t, k, source)
	if f != nil {
		t.Fatalf("run %q: %+v", source, f)
	}
	return out
}

// writeSpec adds a kernelspec to a folder of JUPYTER_PATH.
func writeSpec(t *testing.T, dir, name string, spec any) {
	t.Helper()
	content, ok := spec.(string)
	if !ok {
		encoded, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		content = string(encoded)
	}
	folder := filepath.Join(dir, "kernels", name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "kernel.json"), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
