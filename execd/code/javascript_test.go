package code_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJavaScriptRunsPieces(t *testing.T) {
	s := newServer(t, "EXECD_ACCESS_TOKEN=secret")
	c := s.create("javascript")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "own.mjs"), []byte("export const own = 'mine'"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct{ code, result, out, failure string }{
		{"", "", "", ""},
		{"// nothing", "", "", ""},
		{"1; 2", "2", "", ""},
		{"const a = 1; a", "1", "", ""},
		{"const a = 2; a", "2", "", ""},
		{"class A {}; let b = 3; function f() { return b }", "", "", ""},
		{"class A { x = f() }; new A()", "A { x: 3 }", "", ""},
		{"undefined", "", "", ""},
		{"null", "null", "", ""},
		{"-0", "-0", "", ""},
		{"12345678901234567890n", "12345678901234567890n", "", ""},
		{"NaN", "NaN", "", ""},
		{"'é'", "'é'", "", ""},
		{"Symbol('s')", "Symbol(s)", "", ""},
		{"({a: [1, {b: 2}]})", "{ a: [ 1, { b: 2 } ] }", "", ""},
		{"console.log('a\\n\\nb'); console.error('e')", "", "a\n\nb\nerr:e\n", ""},
		{"const p = await new Promise((ok) => setTimeout(() => ok(5), 5)); p", "5", "", ""},
		{"await Promise.all([1, 2])", "[ 1, 2 ]", "", ""},
		{"Promise.resolve(1)", "Promise { 1 }", "", ""},
		{"require('path').basename('/a/b')", "'b'", "", ""},
		{"(await import('node:path')).basename('/a/c')", "'c'", "", ""},
		{"const { own } = await import('" + dir + "/own.mjs'); own", "'mine'", "", ""},
		{"`import(${1 + 1}) ${`${'import('}`}` + \"import('x')\" + /import('x')/.source // import(", "\"import(2) import(import('x')import('x')\"", "", ""},
		{"throw new RangeError('no')", "", "", "RangeError: no"},
		{"throw 5", "", "", "Error: 5"},
		{"throw undefined", "", "", "Error: undefined"},
		{"1 +", "", "", "SyntaxError: Unexpected end of input"},
		{"await Promise.reject(new TypeError('late'))", "", "", "TypeError: late"},
		{"Promise.reject(new TypeError('alone')); 1", "1", "", "TypeError: alone"},
		{"setTimeout(() => { throw new Error('timer') }, 1); await new Promise((ok) => setTimeout(ok, 200))", "", "", "Error: timer"},
		{"process.nextTick(() => { throw new Error('tick') })", "", "", "Error: tick"},
		{"function r() { r() }; r()", "", "", "RangeError: Maximum call stack size exceeded"},
		{"({ get x() { throw 1 }, [Symbol.for('nodejs.util.inspect.custom')]() { throw new Error('inspect') } })", "", "", "Error: inspect"},
		{"Object.keys(process.env).filter((n) => n.startsWith('EXECD'))", "[]", "", ""},
		{"Object.keys(globalThis).filter((n) => /execd|__import/.test(n))", "[]", "", ""},
		{"require('child_process').execSync('ls -l /proc/self/fd').toString().includes(require('fs').readlinkSync('/proc/self/fd/3'))", "false", "", ""},
		{"require('fs').readFileSync(0).length", "0", "", ""},
		{"process.stdout.write('x'.repeat(200_000)); process.stdout.write(new Uint8Array([10]), () => {})", "true", strings.Repeat("x", 200_000) + "\n", ""},
		{"let later = 0; setTimeout(() => { later = 1 }, 5)", "", "", ""},
		{"await new Promise((ok) => setTimeout(ok, 50)); later", "1", "", ""},
	} {
		o := s.run(c, p.code)
		got := ""
		if len(o.results) > 0 {
			got = o.results[len(o.results)-1]["text/plain"]
		}
		out := o.out
		if o.err != "" {
			out += "err:" + o.err
		}
		if strings.HasPrefix(p.code, "let later") {
			got = ""
		}
		if got != p.result || out != p.out || o.failure != p.failure {
			t.Errorf("%s\n  result %.200q\n  output %.200q\n  failure %q\n%.500s", p.code, got, out, o.failure, o.trace)
		}
		if strings.Contains(o.trace, "execd") || strings.Contains(o.trace, "node:internal") || strings.Contains(o.trace, "node:inspector") {
			t.Errorf("%s: the stack shows the driver:\n%s", p.code, o.trace)
		}
	}
}

func TestJavaScriptStacks(t *testing.T) {
	s := newServer(t)
	c := s.create("javascript")
	s.well(c, "function f() { throw new Error('no') }")
	for _, p := range []struct{ code, want string }{
		{"\n  f()", "Error: no\n    at f (<cell-1>:1:22)\n    at <cell-2>:2:3"},
		{"let a = 1;\nlet b = ;", "SyntaxError: Unexpected token ';'\n    at <cell-3>:2:9"},
		{"await (async () => f())()", "Error: no\n    at f (<cell-1>:1:22)\n    at <cell-4>:1:20\n    at <cell-4>:1:24"},
	} {
		if diff := cmp.Diff(p.want, s.run(c, p.code).trace); diff != "" {
			t.Errorf("%s: want -, got +:\n%s", p.code, diff)
		}
	}
}

func TestJavaScriptWritesOnAfterAnInterruptInTheMiddle(t *testing.T) {
	s := newServer(t)
	c := s.create("javascript")
	s.well(c, "let x = 41")
	for range 10 {
		f := s.open(c, "console.log('go'); for (;;) console.log('x'.repeat(1000))")
		f.until("go")
		if err := s.manager.Interrupt(c.ID); err != nil {
			t.Fatal(err)
		}
		f.rest()
		if o := s.run(c, "console.log(x)"); o.out != "41\n" || o.failure != "" {
			t.Fatalf("%+v", o)
		}
	}
}

func TestJavaScriptThatBreaksItsDriverOnlyEndsItsRun(t *testing.T) {
	s := newServer(t)
	c := s.create("javascript")
	for _, text := range []string{
		"process.exit(0)",
		"require('fs').closeSync(3)",
		"require('fs').writeSync(3, 'garbage\\n')",
		"process.abort()",
		"process.kill(process.pid, 'SIGKILL')",
	} {
		if o := s.run(c, text); !strings.HasPrefix(o.failure, "KernelDied: ") && !strings.HasPrefix(o.failure, "Error: EBADF") {
			t.Errorf("%s: %+v", text, o)
		}
		if o := s.run(c, "1"); o.failure != "" && len(o.status) != 1 {
			t.Errorf("after %s: %+v", text, o)
		}
	}
}
