package code_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
)

// dialect is how the tests say things in a language.
type dialect struct {
	set, get, value    string // a variable
	print              string // with %s, a line to stdout
	loop, sleep, child string // run until they are interrupted, after they printed "go"
	interrupted        string // the failure of the loop
	raise, raised      string
	exit, exited       string // ends the interpreter
	raw, rawWant       string // output of a child and of the interpreter, in order
	partial            string // prints "half" without a line end, and "go" a second later
	big                string // prints 50 MB
}

var dialects = map[string]dialect{
	"python": {
		set: "x = 41", get: "x + 1", value: "42",
		print:       "print('%s')",
		loop:        "print('go')\nwhile True: pass",
		sleep:       "import time\nprint('go')\ntime.sleep(60)",
		child:       "import subprocess\nsubprocess.run('echo go; exec sleep 60.121', shell=True)",
		interrupted: "KeyboardInterrupt: ",
		raise:       "1/0", raised: "ZeroDivisionError: division by zero",
		exit: "import os\nprint('last', end='')\nos._exit(3)", exited: "KernelDied: it exited with status 3",
		raw:     "import os, subprocess\nprint('a')\nos.write(1, b'b\\n')\nsubprocess.run(['echo', 'c'])\nprint('d')\nos.write(1, b'e')",
		rawWant: "a\nb\nc\nd\ne\n",
		partial: "import time\nprint('half', end='')\ntime.sleep(1)\nprint('go')",
		big:     "line = 'x' * 99\nfor i in range(500_000): print(line)",
	},
	"javascript": {
		set: "let x = 41", get: "x + 1", value: "42",
		print:       "console.log('%s')",
		loop:        "console.log('go')\nwhile (true);",
		sleep:       "console.log('go')\nawait new Promise((ok) => setTimeout(ok, 60000))",
		child:       "require('child_process').execSync('echo go; exec sleep 60.122', {stdio: 'inherit'})",
		interrupted: "Interrupted: the code was interrupted",
		raise:       "null.x", raised: "TypeError: Cannot read properties of null (reading 'x')",
		exit: "process.stdout.write('last'); process.exit(3)", exited: "KernelDied: it exited with status 3",
		raw:     "console.log('a'); require('fs').writeSync(1, 'b\\n'); require('child_process').execSync('echo c', {stdio: 'inherit'}); console.log('d'); require('fs').writeSync(1, 'e')",
		rawWant: "a\nb\nc\nd\ne\n",
		partial: "process.stdout.write('half'); await new Promise((ok) => setTimeout(ok, 1000)); console.log('go')",
		big:     "const line = 'x'.repeat(99); for (let i = 0; i < 500_000; i++) console.log(line)",
	},
	"bash": {
		set: "x=41", get: "echo $((${x:?is not set} + 1))", value: "42",
		print:       "echo %s",
		loop:        "echo go; while :; do :; done; echo NO",
		sleep:       "f() { echo go; sleep 60; echo NO; }; f; echo NO",
		child:       "bash -c 'echo go; exec sleep 60.123'; echo NO",
		interrupted: "CommandExecError: 130",
		raise:       "echo a | grep -q b", raised: "CommandExecError: 1",
		exit: "printf last; exit 3", exited: "CommandExecError: 3",
		raw:     "echo a; bash -c 'echo b'; echo c; printf 'd\\ne'",
		rawWant: "a\nb\nc\nd\ne\n",
		partial: "printf half; sleep 1; echo go",
		big:     "yes " + strings.Repeat("x", 99) + " | head -n 500000",
	},
}

// mark is in the command line of the child, and of no other language's.
func mark(d dialect) string {
	at := strings.Index(d.child, "60.12")
	return d.child[at : at+6]
}

// each runs a test in every language.
func each(t *testing.T, test func(t *testing.T, s *server, language string, d dialect)) {
	for language, d := range dialects {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			test(t, newServer(t), language, d)
		})
	}
}

// value is what the variable holds that d.set set.
func (s *server) value(c *code.Context, d dialect) string {
	s.t.Helper()
	o := s.run(c, d.get)
	if o.failure != "" {
		return o.failure
	}
	if len(o.results) == 0 {
		return strings.TrimSpace(o.out)
	}
	return o.results[0]["text"]
}

func TestVariablesLiveInTheirContextOnly(t *testing.T) {
	each(t, func(t *testing.T, s *server, language string, d dialect) {
		one, other := s.create(language), s.create(language)
		s.well(one, d.set)
		if got := s.value(one, d); got != d.value {
			t.Errorf("the variable is %q", got)
		}
		if got := s.value(other, d); got == d.value {
			t.Errorf("the other context has it: %q", got)
		}
		byDefault, err := s.manager.Default(t.Context(), language)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.manager.Default(t.Context(), language); err != nil || again != byDefault {
			t.Errorf("another default context, %v", err)
		}
		s.well(byDefault, d.set)
		if got := s.value(byDefault, d); got != d.value {
			t.Errorf("in the default context the variable is %q", got)
		}
		if list, err := s.manager.List(language); err != nil || len(list) != 3 || list[2] != byDefault {
			t.Errorf("listed: %v %v", list, err)
		}
		if o := s.run(one, d.get); o.count != 3 {
			t.Errorf("the third run is counted as %d", o.count)
		}
	})
}

func TestManyCallersMakeOneDefaultContext(t *testing.T) {
	s := newServer(t)
	s.create("python")
	var all sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		all.Go(func() {
			if c, err := s.manager.Default(t.Context(), "python"); err == nil {
				ids[i] = c.ID
			}
		})
	}
	all.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("%v", ids)
		}
	}
}

func TestFailuresAreErrors(t *testing.T) {
	each(t, func(t *testing.T, s *server, language string, d dialect) {
		c := s.create(language)
		s.well(c, d.set)
		if o := s.run(c, d.raise); o.failure != d.raised || strings.Contains(o.trace, "execd") {
			t.Errorf("%s\n%s", o.failure, o.trace)
		}
		if got := s.value(c, d); got != d.value {
			t.Errorf("afterwards the variable is %q", got)
		}
	})
}

func TestInterruptsEndTheCodeAndKeepTheVariables(t *testing.T) {
	each(t, func(t *testing.T, s *server, language string, d dialect) {
		c := s.create(language)
		s.well(c, d.set)
		for _, text := range []string{d.loop, d.sleep, d.child, d.loop} {
			f := s.open(c, text)
			f.until("go")
			start := time.Now()
			if err := s.manager.Interrupt(c.ID); err != nil {
				t.Fatal(err)
			}
			if o := f.rest(); o.failure == "" || text == d.loop && o.failure != d.interrupted {
				t.Errorf("%s: %q\n%s", text, o.failure, o.trace)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("%s ended after %s", text, took)
			}
			if got := s.value(c, d); got != d.value {
				t.Fatalf("after %s the variable is %q", text, got)
			}
		}
		if leaktest.Alive(mark(d)) {
			t.Error("a child goes on")
		}
		// Nothing runs: nothing happens, however often.
		for range 50 {
			if err := s.manager.Interrupt(c.ID); err != nil {
				t.Fatal(err)
			}
			if got := s.value(c, d); got != d.value {
				t.Fatalf("the variable is %q", got)
			}
		}
	})
}

func TestAnInterruptAtAnyTimeHarmsNothing(t *testing.T) {
	each(t, func(t *testing.T, s *server, language string, d dialect) {
		c := s.create(language)
		s.well(c, d.set)
		for i := range 60 {
			f := s.open(c, d.get)
			time.AfterFunc(time.Duration(i)*20*time.Microsecond, func() { _ = s.manager.Interrupt(c.ID) })
			f.rest()
			if got := s.value(c, d); got != d.value {
				if strings.Contains(got, strings.SplitN(d.interrupted, ":", 2)[0]) {
					continue // the interrupt came only now
				}
				t.Fatalf("round %d: the variable is %q", i, got)
			}
		}
		if o := s.run(c, d.get); len(o.status) > 0 {
			t.Errorf("it is another interpreter: %v", o.status)
		}
	})
}

func TestAClientThatGoesAwayInterrupts(t *testing.T) {
	each(t, func(t *testing.T, s *server, language string, d dialect) {
		c := s.create(language)
		s.well(c, d.set)
		f := s.open(c, d.loop)
		f.until("go")
		f.cancel()
		if got := s.value(c, d); got != d.value {
			t.Errorf("the variable is %q", got)
		}
	})
}

func TestOneRunsAndOthersWait(t *testing.T) {
	each(t, func(t *testing.T, s *server, language string, d dialect) {
		c := s.create(language)
		first := s.open(c, d.sleep)
		first.until("go")
		var waiting []*following
		for _, text := range []string{"1", "2", "3"} {
			f := s.open(c, strings.ReplaceAll(d.print, "%s", text))
			if e := f.next(); e == nil || e.Type != "init" { // comes while it waits
				t.Fatalf("%+v", e)
			}
			waiting = append(waiting, f)
		}
		waiting[1].cancel() // its turn never comes
		if err := s.manager.Interrupt(c.ID); err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{0, 2} {
			if o := waiting[i].rest(); o.failure != "" || o.count != map[int]int{0: 2, 2: 3}[i] {
				t.Errorf("%d: %+v", i, o)
			}
		}
	})
}

func TestADeadInterpreterIsReplaced(t *testing.T) {
	each(t, func(t *testing.T, s *server, language string, d dialect) {
		c := s.create(language)
		s.well(c, d.set)
		o := s.run(c, d.exit)
		if o.failure != d.exited || o.out != "last\n" {
			t.Errorf("%q, with %q", o.failure, o.out)
		}
		o = s.run(c, strings.ReplaceAll(d.print, "%s", "new"))
		if o.events[0] != "status" || len(o.status) != 1 || !strings.Contains(o.status[0], "new state") || o.count != 3 {
			t.Errorf("%+v", o)
		}
		if got := s.value(c, d); got == d.value {
			t.Error("the variable is still there")
		}
	})
}

func TestAnInterpreterThatDiesBetweenRunsIsReplaced(t *testing.T) {
	s := newServer(t)
	c := s.create("bash")
	s.well(c, "(sleep 0.1; kill -KILL $$) &")
	leaktest.Eventually(t, "it is replaced, and no run fails but one under way", func() bool {
		o := s.run(c, "echo $$")
		return len(o.status) == 1 && o.failure == ""
	})
}

func TestWhatIsWrittenComesInOrderAndBeforeTheEnd(t *testing.T) {
	each(t, func(t *testing.T, s *server, language string, d dialect) {
		c := s.create(language)
		for range 20 {
			if o := s.run(c, d.raw); o.failure != "" || o.out != d.rawWant {
				t.Fatalf("%q %s", o.out, o.failure)
			}
		}
	})
}

func TestOutputIsLive(t *testing.T) {
	each(t, func(t *testing.T, s *server, language string, d dialect) {
		c := s.create(language)
		f := s.open(c, d.partial)
		start := time.Now()
		f.until("half")
		if took := time.Since(start); took > 500*time.Millisecond {
			t.Errorf("after %s", took)
		}
		f.until("go")
		f.rest()
	})
}

func TestBigOutputComesWhole(t *testing.T) {
	each(t, func(t *testing.T, s *server, language string, d dialect) {
		f := s.open(s.create(language), d.big)
		bytes := 0
		for e := f.next(); e != nil; e = f.next() {
			if e.Type == "stdout" { // a line, or a part of one where the machine is busy
				if bytes += len(e.Text); strings.Trim(e.Text, "x") != "" {
					t.Fatalf("%.200q", e.Text)
				}
			}
		}
		if bytes != 99*500_000 {
			t.Errorf("%d bytes", bytes)
		}
	})
}

func TestDeletingEndsEverything(t *testing.T) {
	each(t, func(t *testing.T, s *server, language string, d dialect) {
		c, other := s.create(language), s.create(language)
		f := s.open(c, strings.ReplaceAll(d.child, "60.12", "60.22"))
		f.until("go")
		queued := s.open(c, d.get)
		if err := s.manager.Delete(c.ID); err != nil {
			t.Fatal(err)
		}
		for _, f := range []*following{f, queued} {
			if o := f.rest(); o.failure != "ContextDeleted: the context was deleted" {
				t.Errorf("%q", o.failure)
			}
		}
		if s.manager.Delete(c.ID) == nil || s.manager.Interrupt(c.ID) == nil {
			t.Error("it is still there")
		}
		leaktest.Eventually(t, "the child is gone", func() bool { return !leaktest.Alive(strings.Replace(mark(d), "60.12", "60.22", 1)) })
		s.well(other, d.set)
		if err := s.manager.DeleteLanguage(language); err != nil {
			t.Fatal(err)
		}
		if list, err := s.manager.List(""); err != nil || len(list) != 0 {
			t.Errorf("%v %v", list, err)
		}
		if err := s.manager.DeleteLanguage(language); err != nil {
			t.Error(err)
		}
	})
}

func TestManyContexts(t *testing.T) {
	each(t, func(t *testing.T, s *server, language string, d dialect) {
		n := 100
		if testing.Short() {
			n = 10
		} else if language == "javascript" { // 40 MB each
			n = 30
		}
		var contexts []*code.Context
		for range n {
			contexts = append(contexts, s.create(language))
		}
		for _, c := range contexts {
			s.well(c, d.set)
		}
		for _, c := range contexts {
			if got := s.value(c, d); got != d.value {
				t.Fatalf("%q", got)
			}
		}
	})
}
