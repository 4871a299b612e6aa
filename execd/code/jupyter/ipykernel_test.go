package jupyter_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
)

func TestPythonRuns(t *testing.T) {
	k := start(t, ipykernel(t))

	t.Run("result", func(t *testing.T) {
		out := must(t, k, "1 + 1")
		if out.text(t) != "2" || out.count != 1 {
			t.Errorf("got %v, count %d", out.results, out.count)
		}
		if diff := cmp.Diff([]string{"count", "result"}, out.order); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("count goes up", func(t *testing.T) {
		if out := must(t, k, "x = 41"); out.count != 2 || len(out.results) > 0 {
			t.Errorf("count %d, results %v", out.count, out.results)
		}
	})
	t.Run("variables stay", func(t *testing.T) {
		if out := must(t, k, "x + 1"); out.text(t) != "42" {
			t.Errorf("got %v", out.results)
		}
	})
	t.Run("streams", func(t *testing.T) {
		out := must(t, k, "import sys\nprint('a\\u2028ü')\nprint('b', end='')\nprint('c', file=sys.stderr)")
		if out.stdout.String() != "a\u2028ü\nb" || out.stderr.String() != "c\n" {
			t.Errorf("stdout %q, stderr %q", out.stdout.String(), out.stderr.String())
		}
	})
	t.Run("exception", func(t *testing.T) {
		_, f := execute(t, k, "def f():\n    raise ValueError('no good')\nf()")
		if f == nil || f.Name != "ValueError" || f.Value != "no good" {
			t.Fatalf("got %+v", f)
		}
		lines := strings.Join(f.Traceback, "\n")
		if len(f.Traceback) < 4 || strings.Contains(lines, "\x1b") || !strings.Contains(lines, "ValueError: no good") {
			t.Errorf("traceback %q", f.Traceback)
		}
	})
	t.Run("syntax error", func(t *testing.T) {
		if _, f := execute(t, k, "1 +"); f == nil || f.Name != "SyntaxError" {
			t.Errorf("got %+v", f)
		}
	})
	t.Run("after a failure", func(t *testing.T) {
		if out := must(t, k, "x"); out.text(t) != "41" {
			t.Errorf("got %v", out.results)
		}
	})
	t.Run("display data", func(t *testing.T) {
		png := "\x89PNG\r\n\x1a\n fake"
		out := must(t, k, `
class Picture:
    def _repr_png_(self): return b'\x89PNG\r\n\x1a\n fake'
    def _repr_html_(self): return '<b>p</b>'
    def __repr__(self): return 'a picture'
display(Picture())
Picture()`)
		if len(out.results) != 2 {
			t.Fatalf("got %v", out.results)
		}
		want := map[string]string{"text/plain": "a picture", "text/html": "<b>p</b>", "image/png": base64.StdEncoding.EncodeToString([]byte(png))}
		for _, got := range out.results {
			got["image/png"] = strings.TrimSpace(got["image/png"])
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
	})
	t.Run("values that are no strings", func(t *testing.T) {
		out := must(t, k, "display({'application/json': {'a': [1, None]}, 'text/plain': 't'}, raw=True)")
		if got := out.results[0]; got["application/json"] != `{"a": [1, null]}` && got["application/json"] != `{"a":[1,null]}` || got["text/plain"] != "t" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("updated display", func(t *testing.T) {
		out := must(t, k, "h = display('one', display_id=True)\nh.update('two')")
		if len(out.results) != 2 || out.results[1]["text/plain"] != "'two'" {
			t.Errorf("got %v", out.results)
		}
	})
	t.Run("top-level await", func(t *testing.T) {
		if out := must(t, k, "import asyncio\nawait asyncio.sleep(0.01, 'slept')"); out.text(t) != "'slept'" {
			t.Errorf("got %v", out.results)
		}
	})
	t.Run("help", func(t *testing.T) {
		if out := must(t, k, "len?"); !strings.Contains(out.text(t), "number of items") || strings.Contains(out.text(t), "\x1b") {
			t.Errorf("got %v", out.results)
		}
	})
	t.Run("no input", func(t *testing.T) {
		if _, f := execute(t, k, "input('name? ')"); f == nil || f.Name != "StdinNotImplementedError" {
			t.Errorf("got %+v", f)
		}
	})
	t.Run("nothing", func(t *testing.T) {
		out := must(t, k, "")
		if len(out.results) > 0 {
			t.Errorf("got %v", out.results)
		}
	})
	t.Run("environment", func(t *testing.T) {
		if out := must(t, k, "import os\n[n for n in os.environ if n.startswith('EXECD_')]"); out.text(t) != "[]" {
			t.Errorf("got %v", out.results)
		}
	})
	t.Run("connection file is private", func(t *testing.T) {
		out := must(t, k, "from ipykernel.connect import get_connection_file\nf = get_connection_file()\n"+
			"oct(os.stat(f).st_mode & 0o777), oct(os.stat(os.path.dirname(f)).st_mode & 0o777)")
		if out.text(t) != "('0o600', '0o700')" {
			t.Errorf("got %v", out.results)
		}
	})
}

func TestPythonOutputIsWhole(t *testing.T) {
	k := start(t, ipykernel(t))
	t.Run("one large print", func(t *testing.T) {
		out := must(t, k, "print('x' * 20_000_000)")
		if n := out.stdout.Len(); n != 20_000_001 {
			t.Errorf("%d bytes", n)
		}
	})
	t.Run("many small messages", func(t *testing.T) {
		out := must(t, k, "for i in range(5_000): print(i, flush=True)")
		var want strings.Builder
		for i := range 5_000 {
			fmt.Fprintln(&want, i)
		}
		if out.stdout.String() != want.String() {
			t.Errorf("%d bytes, not %d", out.stdout.Len(), want.Len())
		}
	})
	t.Run("file descriptor", func(t *testing.T) {
		for range 50 {
			out := must(t, k, "import os\n_ = os.write(1, b'raw\\n')\n_ = os.system('echo child')")
			if got := out.stdout.String(); got != "raw\nchild\n" {
				t.Fatalf("got %q", got)
			}
		}
	})
}

func TestPythonStreamsWhileItRuns(t *testing.T) {
	k := start(t, ipykernel(t))
	out := newTranscript()
	var g errgroup.Group
	g.Go(func() error {
		_, err := k.Run(within(t, 20*time.Second), "import time\nprint('now')\ntime.sleep(100)", out)
		return err
	})
	<-out.wrote // comes although the code goes on
	if err := k.Interrupt(); err != nil {
		t.Error(err)
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func TestPythonIsInterrupted(t *testing.T) {
	k := start(t, ipykernel(t))
	must(t, k, "import time, asyncio, os, subprocess\nx = 7")
	for _, c := range []struct{ name, source, want string }{
		{"sleep", "print(1, flush=True)\ntime.sleep(100)", "KeyboardInterrupt"},
		{"tight loop", "print(1, flush=True)\nwhile True: pass", "KeyboardInterrupt"},
		{"await", "print(1, flush=True)\nawait asyncio.sleep(100)", "CancelledError"},
		{"child", "print(1, flush=True)\n_ = subprocess.run(['sleep', '100'])", "KeyboardInterrupt"},
		{"shell escape", "!echo 1; sleep 100", ""},
		{"bash cell", "%%bash\necho 1\nsleep 100", ""},
		{"first interrupt swallowed", "try:\n    print(1, flush=True)\n    time.sleep(100)\nexcept KeyboardInterrupt:\n    time.sleep(100)", "KeyboardInterrupt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := newTranscript()
			var g errgroup.Group
			g.Go(func() error {
				f, err := k.Run(within(t, 20*time.Second), c.source, out)
				name := ""
				if f != nil {
					name = f.Name
				}
				if err == nil && name != c.want {
					err = fmt.Errorf("ended with %+v", f)
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
				t.Errorf("x is %v", out.results)
			}
		})
	}
	t.Run("nothing runs", func(t *testing.T) {
		if err := k.Interrupt(); err != nil {
			t.Error(err)
		}
		must(t, k, "x")
	})
}

// An interrupt at any moment of a run ends it, and the kernel takes the next code.
func TestPythonIsInterruptedAtOnce(t *testing.T) {
	k := start(t, ipykernel(t))
	must(t, k, "import time\nx = 7")
	for i := range 30 {
		ctx := within(t, 20*time.Second)
		var g errgroup.Group
		g.Go(func() error {
			f, err := k.Run(ctx, "time.sleep(100)", newTranscript())
			if err == nil && f == nil {
				err = errors.New("it was not interrupted")
			}
			return err
		})
		time.Sleep(time.Duration(i) * 200 * time.Microsecond) // the moment is what is varied
		ended := make(chan error, 1)
		go func() { ended <- g.Wait() }()
		for over := false; !over; {
			_ = k.Interrupt() // does nothing before the run has begun
			select {
			case err := <-ended:
				over = true
				if err != nil {
					t.Fatalf("after %d × 0.2 ms: %v", i, err)
				}
			case <-time.After(300 * time.Millisecond):
			}
		}
	}
	if out := must(t, k, "x"); out.text(t) != "7" {
		t.Errorf("x is %v", out.results)
	}
}

func TestPythonIsInterruptedByItsContext(t *testing.T) {
	k := start(t, ipykernel(t))
	ctx := within(t, 50*time.Millisecond)
	f, err := k.Run(ctx, "while True: pass", newTranscript())
	if err != nil || f == nil || f.Name != "KeyboardInterrupt" {
		t.Errorf("got %+v, %v", f, err)
	}
	must(t, k, "1")
}

func TestPythonDies(t *testing.T) {
	for name, source := range map[string]string{
		"killed": "print('last', flush=True)\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
		"exits":  "print('last', flush=True)\nimport os\nos._exit(3)",
	} {
		t.Run(name, func(t *testing.T) {
			k := start(t, ipykernel(t))
			out := newTranscript()
			if _, err := k.Run(within(t, 20*time.Second), source, out); !errors.Is(err, code.ErrDied) {
				t.Fatalf("got %v", err)
			}
			if _, err := k.Run(within(t, 20*time.Second), "1", newTranscript()); !errors.Is(err, code.ErrDied) {
				t.Errorf("then %v", err)
			}
			if err := k.Interrupt(); err != nil {
				t.Errorf("interrupt: %v", err)
			}
		})
	}
}

func TestPythonClosesWithItsProcesses(t *testing.T) {
	for name, running := range map[string]bool{"idle": false, "running": true} {
		t.Run(name, func(t *testing.T) {
			k := start(t, ipykernel(t))
			out := must(t, k, "import os, subprocess\np = subprocess.Popen(['sleep', '1000'])\n"+
				"q = subprocess.Popen(['sleep', '1000'], start_new_session=True)\nprint(os.getpid(), p.pid, q.pid)")
			var pids [3]int
			if _, err := fmt.Sscan(out.stdout.String(), &pids[0], &pids[1], &pids[2]); err != nil {
				t.Fatal(err)
			}
			var g errgroup.Group
			if running {
				out := newTranscript()
				g.Go(func() error {
					if _, err := k.Run(within(t, 20*time.Second), "print(1, flush=True)\nwhile True: pass", out); !errors.Is(err, code.ErrDied) {
						return fmt.Errorf("run: %v", err)
					}
					return nil
				})
				<-out.wrote
			}
			begun := time.Now()
			k.Close()
			k.Close()
			if took := time.Since(begun); took > 3*time.Second {
				t.Errorf("it took %v", took)
			}
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
			for _, pid := range pids {
				if alive(pid) {
					t.Errorf("process %d is alive", pid)
				}
			}
		})
	}
}

// alive tells whether a process runs; what init has not reaped yet does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ESRCH)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return after[0] != 'Z' && after[0] != 'X'
}

func TestPythonTwoKernels(t *testing.T) {
	c := ipykernel(t)
	a, b := start(t, c), start(t, c)
	must(t, a, "x = 'a'")
	must(t, b, "x = 'b'")
	var g errgroup.Group
	for want, k := range map[string]code.Kernel{"'a'": a, "'b'": b} {
		g.Go(func() error {
			for range 50 {
				out := newTranscript()
				if f, err := k.Run(t.Context(), "x", out); f != nil || err != nil || out.results[0]["text/plain"] != want {
					return fmt.Errorf("got %v, %v, %v", out.results, f, err)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func TestPythonThatExitsByItself(t *testing.T) {
	k := start(t, ipykernel(t))
	must(t, k, "exit()")
	for {
		_, err := k.Run(within(t, 20*time.Second), "1", newTranscript())
		if errors.Is(err, code.ErrDied) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A child that was forked holds the kernel's sockets and pipes.
func TestPythonDiesAndItsChildDoesNot(t *testing.T) {
	k := start(t, ipykernel(t))
	_, err := k.Run(within(t, 20*time.Second), "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(1000)\nos._exit(1)", newTranscript())
	if !errors.Is(err, code.ErrDied) {
		t.Errorf("got %v", err)
	}
}

// stalled is a client that reads nothing until it is let go.
type stalled struct {
	*transcript
	letGo chan struct{}
}

func (s *stalled) Stdout(p []byte) {
	s.transcript.Stdout(p)
	<-s.letGo
}

func TestPythonClosesDespiteAClientThatStalls(t *testing.T) {
	for name, source := range map[string]string{
		"messages": "for i in range(100): print('x' * 1_000_000, flush=True)",
		"pipes":    "import os\nos.system('yes')",
	} {
		t.Run(name, func(t *testing.T) {
			k := start(t, ipykernel(t))
			out := &stalled{newTranscript(), make(chan struct{})}
			var g errgroup.Group
			g.Go(func() error {
				if _, err := k.Run(within(t, 20*time.Second), source, out); !errors.Is(err, code.ErrDied) {
					return fmt.Errorf("run: %v", err)
				}
				return nil
			})
			<-out.wrote
			k.Close()
			close(out.letGo)
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}
