package jupyter_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code/jupyter"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// shell is a kernel that is a shell script and speaks no protocol.
func shell(t *testing.T, script string) jupyter.Config {
	t.Helper()
	dir := t.TempDir()
	writeSpec(t, dir, "script", spec{"argv": []string{"sh", "-c", script, "{connection_file}"}, "language": "script", "display_name": "Script"})
	return jupyter.Config{Log: slog.New(slog.DiscardHandler), Env: append(environment(t), "JUPYTER_PATH="+dir), Root: shortDir(t), StartTimeout: 300 * time.Millisecond}
}

func TestStartFails(t *testing.T) {
	for _, c := range []struct {
		name, script string
		kind         fault.Kind
		want         []string
	}{
		{"ends at once", "printf '\\033[31mno module\\033[0m %s' \"${EXECD_ACCESS_TOKEN-none}\" >&2; exit 1", fault.Invalid, []string{"script kernel", "(Script)", "ended before it answered", "no module none"}},
		{"says it on stdout", "echo broken; exit 1", fault.Invalid, []string{"broken"}},
		{"says nothing", "exit 1", fault.Invalid, []string{"it wrote: nothing"}},
		{"never answers", "echo waiting >&2; sleep 1000", fault.Unavailable, []string{"did not answer in time", "waiting"}},
		{"ignores signals", "trap '' TERM INT; echo waiting >&2; sleep 1000; sleep 1000", fault.Unavailable, []string{"did not answer in time"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := find(t, shell(t, c.script), "script").Start(t.Context())
			var refusal *fault.Error
			if !errors.As(err, &refusal) || refusal.Kind != c.kind {
				t.Fatalf("got %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
	t.Run("called off", func(t *testing.T) {
		config := shell(t, "sleep 1000")
		config.StartTimeout = time.Minute
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := find(t, config, "script").Start(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// variant is ipykernel as another language, whose kernelspec has some fields changed.
func variant(t *testing.T, language string, changes spec) jupyter.Config {
	t.Helper()
	config := ipykernel(t)
	dir := t.TempDir()
	s := spec{"argv": []string{"/usr/bin/python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"}, "language": language}
	for name, value := range changes {
		s[name] = value
	}
	writeSpec(t, dir, "variant", s)
	config.Env = append(config.Env, "JUPYTER_PATH="+dir)
	return config
}

func TestKernelsOfOtherKinds(t *testing.T) {
	for _, c := range []struct {
		name, language string
		changes        spec
	}{
		{"over TCP", "java", nil},
		{"interrupted by messages", "other", spec{"interrupt_mode": "message"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, err := find(t, variant(t, c.language, c.changes), c.language).Start(within(t, time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			must(t, k, "x = 7")
			out := newTranscript()
			var g errgroup.Group
			g.Go(func() error {
				f, err := k.Run(within(t, 20*time.Second), "print(1, flush=True)\nwhile True: pass", out)
				if err == nil && (f == nil || f.Name != "KeyboardInterrupt") {
					err = errors.New("it was not interrupted")
				}
				return err
			})
			<-out.wrote
			if err := k.Interrupt(); err != nil {
				t.Error(err)
			}
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
			if out := must(t, k, "x"); out.text(t) != "7" {
				t.Errorf("got %v", out.results)
			}
		})
	}
}

func TestKernelsOfLongRoots(t *testing.T) {
	config := ipykernel(t)
	config.Root = filepath.Join(t.TempDir(), strings.Repeat("long", 20))
	if err := os.Mkdir(config.Root, 0o700); err != nil {
		t.Fatal(err)
	}
	k := start(t, config)
	if out := must(t, k, "1 + 1"); out.text(t) != "2" {
		t.Errorf("got %v", out.results)
	}
}

func TestKernelsEnvironment(t *testing.T) {
	config := variant(t, "other", spec{"env": map[string]string{"GREETING": "hello ${NAME}", "EXECD_ACCESS_TOKEN": "x"}})
	config.Env = append(config.Env, "NAME=world")
	config.Dir = "/usr"
	k, err := find(t, config, "other").Start(within(t, time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	out := must(t, k, "import os\nos.environ['GREETING'], os.getcwd(), os.environ.get('EXECD_ACCESS_TOKEN')")
	if out.text(t) != "('hello world', '/usr', None)" {
		t.Errorf("got %v", out.results)
	}
}

func TestPythonChildrenGetItsStreams(t *testing.T) {
	k := start(t, ipykernel(t))
	out := must(t, k, "import subprocess, sys\n_ = subprocess.run('echo out; echo err >&2', shell=True, stdout=sys.stdout, stderr=sys.stderr)")
	if out.stdout.String() != "out\n" || out.stderr.String() != "err\n" {
		t.Errorf("stdout %q, stderr %q", out.stdout.String(), out.stderr.String())
	}
	if out := must(t, k, "sorted(n for n in dir() if n in ('io', 'number', 'stream', 'thread'))"); out.text(t) != "[]" {
		t.Errorf("the set-up left %v", out.results)
	}
}
