package code_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPythonRunsPieces(t *testing.T) {
	s := newServer(t, "EXECD_ACCESS_TOKEN=secret")
	c := s.create("python")
	for _, p := range []struct{ code, result, out, failure string }{
		{"", "", "", ""},
		{"# nothing", "", "", ""},
		{"1\n2", "2", "", ""},
		{"y = 1; y", "1", "", ""},
		{"None", "", "", ""},
		{"_", "1", "", ""},
		{"'é\\ud800'", "'é\\ud800'", "", ""},
		{"print('é\\ud800')", "", "é\\ud800\n", ""},
		{"print('a\\n\\nb', end='')", "", "a\n\nb\n", ""},
		{"def f(a):\n    return a * 2\n\nf(21)", "42", "", ""},
		{"if True:\n    z = 1\nelse:\n    z = 2\nz", "1", "", ""},
		{"import asyncio\nawait asyncio.sleep(0, 'slept')", "'slept'", "", ""},
		{"async def g(): return 5\n[await g() for _ in range(2)]", "[5, 5]", "", ""},
		{"asyncio.run(g())", "5", "", ""},
		{"await g()", "5", "", ""},
		{"q = asyncio.Queue(); asyncio.get_running_loop()", "", "", "RuntimeError: no running event loop"},
		{"async def h(): global t; t = asyncio.create_task(q.get())\nawait h()\nq.put_nowait(7)", "", "", ""},
		{"await t", "7", "", ""},
		{"from __future__ import annotations", "", "", ""},
		{"def k(a: Missing): pass", "", "", ""},
		{"__name__", "'__main__'", "", ""},
		{"class P: pass\nimport pickle\ntype(pickle.loads(pickle.dumps(P()))) is P", "True", "", ""},
		{"from __main__ import f as again\nagain(1)", "2", "", ""},
		{"import sys; sys.argv, sys.path[0], [n for n in dir() if 'execd' in n or n == 'send']", "([''], '', [])", "", ""},
		{"import os; [n for n in os.environ if n.startswith('EXECD')], os.getsid(0) == os.getpid()", "([], True)", "", ""},
		{"sys.stdin.read()", "''", "", ""},
		{"print('x', file=sys.stderr)", "", "err:x\n", ""},
		{"input('? ')", "", "", "EOFError: input() has no one to ask here: put the answer into the code"},
		{"sys.exit(4)", "", "", "SystemExit: 4"},
		{"exit()", "", "", "SystemExit: None"},
		{"raise KeyboardInterrupt", "", "", "KeyboardInterrupt: "},
		{"class Odd(Exception):\n  def __str__(self): raise ValueError\nraise Odd", "", "", "Odd: <exception str() failed>"},
		{"class Bad:\n  def __repr__(self): return 1/0\nBad()", "", "", "ZeroDivisionError: division by zero"},
		{"def r(): r()\nr()", "", "", "RecursionError: maximum recursion depth exceeded"},
		{"'\\x00' + 'a' * 3_000_000", "cut", "", ""},
		{"import multiprocessing as m\nif __name__ == '__main__':\n  p = m.get_context('fork').Process(target=print, args=('forked',)); p.start(); p.join(); p.exitcode", "", "forked\n", ""},
		{"pid = os.fork()\nif pid: print(os.waitpid(pid, 0)[1])\nelse: 1", "", "0\n", ""},
		{"pid = os.fork()\nif pid: print(os.waitpid(pid, 0)[1] >> 8)\nelse: sys.exit(5)", "", "5\n", ""},
		{"import io; real = sys.stdout; sys.stdout = io.StringIO(); print('hidden')", "", "", ""},
		{"sys.stdout = real; print('seen')", "", "seen\n", ""},
		{"import signal; signal.signal(signal.SIGINT, lambda *a: None); signal.raise_signal(signal.SIGINT)", "", "", ""},
		{"signal.raise_signal(signal.SIGINT); signal.signal(signal.SIGINT, signal.default_int_handler); 1", "1", "", ""},
		{"[os.path.exists('/proc/self/fd/%d' % n) for n in (0, 1, 2)], os.readlink('/proc/self/fd/0')", "([True, True, True], '/dev/null')", "", ""},
		{"import subprocess; b'socket' in subprocess.run('ls -l /proc/self/fd', shell=True, close_fds=False, stdout=subprocess.PIPE).stdout", "False", "", ""},
	} {
		o := s.run(c, p.code)
		got := ""
		if len(o.results) > 0 {
			got = o.results[len(o.results)-1]["text/plain"]
		}
		if p.result == "cut" && strings.HasSuffix(got, "…") && len(got) > 100_000 {
			got = "cut"
		}
		out := o.out
		if o.err != "" {
			out += "err:" + o.err
		}
		if got != p.result || out != p.out || o.failure != p.failure {
			t.Errorf("%s\n  result %.100q\n  output %q\n  failure %q\n%.500s", p.code, got, out, o.failure, o.trace)
		}
		if strings.Contains(o.trace, "<execd>") {
			t.Errorf("%s: the traceback shows the driver:\n%s", p.code, o.trace)
		}
	}
}

func TestPythonTracebacks(t *testing.T) {
	s := newServer(t)
	c := s.create("python")
	s.well(c, "import sys")
	s.well(c, "def f(n):\n    if n == 0:\n        raise ValueError('no')\n    f(n - 1)")
	for _, p := range []struct{ code, want string }{
		{"x = 1\nf(1)", `Traceback (most recent call last):
  File "<cell 3>", line 2, in <module>
    f(1)
  File "<cell 2>", line 4, in f
    f(n - 1)
  File "<cell 2>", line 3, in f
    raise ValueError('no')
ValueError: no`},
		{"def g(:\n    pass", `  File "<cell 4>", line 1
    def g(:
          ^
SyntaxError: invalid syntax`},
		{"if 1:\nx", `  File "<cell 5>", line 2
    x
    ^
IndentationError: expected an indented block after 'if' statement on line 1`},
		{"try:\n    f(0)\nexcept ValueError:\n    raise KeyError('k') from None", `Traceback (most recent call last):
  File "<cell 6>", line 4, in <module>
    raise KeyError('k') from None
KeyError: 'k'`},
		{"try:\n    f(0)\nexcept ValueError as e:\n    raise KeyError('k')", `Traceback (most recent call last):
  File "<cell 7>", line 2, in <module>
    f(0)
  File "<cell 2>", line 3, in f
    raise ValueError('no')
ValueError: no

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "<cell 7>", line 4, in <module>
    raise KeyError('k')
KeyError: 'k'`},
		{"async def h():\n    f(0)\nawait h()", `Traceback (most recent call last):
  File "<cell 8>", line 3, in <module>
    await h()
  File "<cell 8>", line 2, in h
    f(0)
  File "<cell 2>", line 3, in f
    raise ValueError('no')
ValueError: no`},
		{"compile('(', 'own', 'exec')", `Traceback (most recent call last):
  File "<cell 9>", line 1, in <module>
    compile('(', 'own', 'exec')
  File "own", line 1
    (
    ^
SyntaxError: '(' was never closed`},
	} {
		var lines []string
		for line := range strings.SplitSeq(s.run(c, p.code).trace, "\n") {
			if mark := strings.TrimLeft(line, " "); mark != "" && strings.Trim(mark, "^~") == "" && !strings.Contains(p.want, line) {
				continue // newer versions underline more
			}
			lines = append(lines, line)
		}
		if diff := cmp.Diff(p.want, strings.Join(lines, "\n")); diff != "" {
			t.Errorf("%s: want -, got +:\n%s", p.code, diff)
		}
	}
}

func TestPythonRichResults(t *testing.T) {
	s := newServer(t)
	c := s.create("python")
	s.well(c, `
class Rich:
    def __repr__(self): return 'rich'
    def _repr_html_(self): return '<b>rich</b>'
    def _repr_png_(self): return b'\x89PNG\xff'
    def _repr_svg_(self): return '<svg/>', {'width': 1}
    def _repr_json_(self): return {'a': [1, None]}
    def _repr_markdown_(self): return '**rich**'
    def _repr_latex_(self): return None
    def _repr_jpeg_(self): raise ValueError
class Bundle:
    def _repr_mimebundle_(self, include=None, exclude=None): return {'text/plain': 'bundle', 'x/y': [1]}, {}
class Magic:
    def __getattr__(self, name): return lambda *a, **k: 1/0
    def __repr__(self): return 'magic'
`)
	png := base64.StdEncoding.EncodeToString([]byte("\x89PNG\xff"))
	rich := map[string]string{"text": "rich", "text/plain": "rich", "text/html": "<b>rich</b>", "image/png": png, "image/svg+xml": "<svg/>", "application/json": `{"a": [1, null]}`, "text/markdown": "**rich**"}
	plain := func(text string) map[string]string { return map[string]string{"text": text, "text/plain": text} }
	for _, p := range []struct {
		code string
		want []map[string]string
	}{
		{"Rich()", []map[string]string{rich}},
		{"display(Rich(), 1)\n2", []map[string]string{rich, plain("1"), plain("2")}},
		{"display({'text/html': '<i>'}, raw=True)", []map[string]string{{"text/html": "<i>"}}},
		{"Bundle()", []map[string]string{{"text": "bundle", "text/plain": "bundle", "x/y": "[1]"}}},
		{"Magic()", []map[string]string{plain("magic")}},
		{"Rich", []map[string]string{plain("<class '__main__.Rich'>")}},
	} {
		if diff := cmp.Diff(p.want, s.run(c, p.code).results); diff != "" {
			t.Errorf("%s: want -, got +:\n%s", p.code, diff)
		}
	}
	// Output before a value comes before it, also where its line has no end yet.
	if diff := cmp.Diff([]string{"execution_count", "stdout", "result", "stdout", "execution_complete"}, s.run(c, "print('a', end='')\ndisplay(1)\nprint('b')").events); diff != "" {
		t.Error(diff)
	}
}

// TestPythonFigures runs with a stand-in for matplotlib, which is seldom there.
func TestPythonFigures(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"__init__.py": "", "pyplot.py": `
import os
assert os.environ['MPLBACKEND'] == 'Agg'
class Figure:
    def savefig(self, f, format, bbox_inches): f.write(b'png')
    def __repr__(self): return '<Figure>'
open_ = {}
def get_fignums(): return sorted(open_)
def figure(n): return open_.setdefault(n, Figure())
def close(which): assert which == 'all'; open_.clear()
`} {
		if err := os.MkdirAll(filepath.Join(dir, "matplotlib"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "matplotlib", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := newServer(t, "PYTHONPATH="+dir)
	c := s.create("python")
	s.well(c, "import matplotlib.pyplot as plt")
	want := []map[string]string{{"text": "<Figure>", "text/plain": "<Figure>", "image/png": "cG5n"}}
	if diff := cmp.Diff(want, s.run(c, "f = plt.figure(1)").results); diff != "" {
		t.Error(diff)
	}
	if got := s.run(c, "1").results; len(got) != 1 {
		t.Errorf("shown twice: %v", got)
	}
}

func TestPythonFilesOfTheUserShadowNothing(t *testing.T) {
	s := newServer(t)
	dir := t.TempDir()
	for _, name := range []string{"traceback", "linecache", "asyncio", "json", "ast", "os", "binascii", "tokenize"} {
		if err := os.WriteFile(filepath.Join(dir, name+".py"), []byte("mine = True\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := s.create("python")
	s.well(c, "import os\nos.chdir('"+dir+"')\nimport json\nassert json.mine")
	if o := s.run(c, "1/0"); !strings.Contains(o.trace, "    1/0") {
		t.Error(o.trace)
	}
	if got := s.well(c, "async def f(): return 3\nawait f()"); got != "3" {
		t.Error(got)
	}
	if o := s.run(c, "class J:\n  def _repr_json_(self): return [1]\nJ()"); len(o.results) != 1 || o.results[0]["application/json"] != "[1]" {
		t.Errorf("%+v", o)
	}
}

func TestPythonIsInterruptedWhileItShowsValues(t *testing.T) {
	s := newServer(t)
	c := s.create("python")
	s.well(c, "x = 41")
	for range 20 {
		f := s.open(c, "print('go')\nwhile True: display('x' * 500_000)")
		f.until("go")
		if err := s.manager.Interrupt(c.ID); err != nil {
			t.Fatal(err)
		}
		if o := f.rest(); o.failure != "KeyboardInterrupt: " {
			t.Fatalf("%s\n%s", o.failure, o.trace)
		}
		if got := s.well(c, "x + 1"); got != "42" {
			t.Fatalf("%q", got)
		}
	}
	s.well(c, "import threading, time\ndef show():\n  while True: display(1)\nthreading.Thread(target=show, daemon=True).start()")
	for range 20 {
		if o := s.run(c, "time.sleep(0.01); 7"); o.failure != "" || len(o.results) == 0 {
			t.Fatalf("%+v", o)
		}
	}
}

func TestPythonThreadsThatGoOnHarmNothing(t *testing.T) {
	s := newServer(t)
	c := s.create("python")
	s.well(c, `
import threading, time
def chatter():
    while True:
        print('x' * 1000)
threading.Thread(target=chatter, daemon=True).start()
`)
	for range 5 {
		if got := s.well(c, "6 * 7"); got != "42" {
			t.Errorf("%q", got)
		}
	}
}

func TestPythonThatBreaksItsDriverOnlyEndsItsRun(t *testing.T) {
	s := newServer(t)
	c := s.create("python")
	for _, text := range []string{
		"import os\nos.close(3)",
		"import os\nos.write(3, b'garbage\\n')",
		"import os\nos.write(3, b'r 5 99999999999\\n')",
		"import os\nos.write(3, b'x' * 100_000)",
		"import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
		"import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
		"import os\nos.dup2(os.open('/dev/null', os.O_RDWR), 3)",
		"import os\nos.close(1); os.close(2); os._exit(0)",
	} {
		if o := s.run(c, text); !strings.HasPrefix(o.failure, "KernelDied: ") {
			t.Errorf("%s: %q", text, o.failure)
		}
		if o := s.run(c, "1"); o.failure != "" || len(o.status) != 1 {
			t.Errorf("after %s: %+v", text, o)
		}
	}
	s.well(c, "import os\nos.close(1); os.close(2)")
	if got := s.well(c, "1"); got != "1" {
		t.Errorf("%q", got)
	}
}
