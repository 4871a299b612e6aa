package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"
	"github.com/cucumber/godog"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/contract"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/stream"
)

// output is what the stream of an execution said.
type output struct {
	init           string   // the id of the execution
	stdout, stderr []string // the texts of the events
	status         []string
	results        []map[string]any
	counts         []string
	last           string // type of the terminal event
	ename, evalue  string
	traceback      []any
	types          []string
}

func (o *output) take(e stream.Event) {
	o.types = append(o.types, e.Type)
	text, _ := e.Value["text"].(string)
	switch e.Type {
	case "init":
		o.init = text
	case "status":
		o.status = append(o.status, text)
	case "result":
		results, _ := e.Value["results"].(map[string]any)
		o.results = append(o.results, results)
	case "execution_count":
		o.counts = append(o.counts, fmt.Sprint(e.Value["execution_count"]))
	case "stdout":
		o.stdout = append(o.stdout, text)
	case "stderr":
		o.stderr = append(o.stderr, text)
	case "execution_complete":
		o.last = e.Type
	case "error":
		o.last = e.Type
		failure, _ := e.Value["error"].(map[string]any)
		o.ename, _ = failure["ename"].(string)
		o.traceback, _ = failure["traceback"].([]any)
		switch value := failure["evalue"].(type) {
		case string:
			o.evalue = value
		case json.Number:
			o.evalue = value.String()
		}
	}
}

// exit is the exit code that a client sees.
func (o *output) exit() (int, bool) {
	if o.last == "execution_complete" {
		return 0, true
	}
	code, err := strconv.Atoi(o.evalue)
	return code, o.last == "error" && err == nil
}

// joined puts the texts of events together. Line ends are left aside: where an event ends its line is good practice
// only, and a check of its own.
func joined(texts []string) string { return oneLine(strings.Join(texts, "")) }

func oneLine(text string) string { return strings.NewReplacer("\n", "", "\r", "").Replace(text) }

func (w *World) commands(s *register) {
	s.step(`I run(?: in the sandbox)?: (.*)`, func(ctx context.Context, command string) error {
		return w.command(ctx, command, false)
	})
	s.step(`I run, whatever becomes of the sandbox: (.*)`, func(ctx context.Context, command string) error {
		return w.command(ctx, command, true)
	})
	s.step(`a directory of my own`, w.directory)
	s.step(`the stream has events`, func(context.Context) error {
		return w.check(len(w.out.types) > 0, "the stream has no event", "events", w.answer())
	})
	s.step(`the command was run`, func(context.Context) error {
		return w.check(w.out.last != "", "the command was not run", "a stream that ends in a terminal event", w.answer())
	})
	s.step(`the stream ends in (\w+)`, func(_ context.Context, want string) error {
		return w.equal("the end of the stream", want, w.out.last)
	})
	s.step(`no (\w+) event came`, func(_ context.Context, kind string) error {
		return w.check(!slices.Contains(w.out.types, kind), "an event of type "+kind+" came", "none", strings.Join(w.out.types, " "))
	})
	s.step(`the exit code is (\d+)`, func(_ context.Context, want int) error {
		code, known := w.out.exit()
		return w.check(known && code == want, "the exit code is another", fmt.Sprint(want), w.ending())
	})
	s.step(`the exit code is an integer other than 0`, func(context.Context) error {
		code, known := w.out.exit()
		return w.check(known && code != 0, "there is no such exit code", "an integer other than 0 as evalue", w.ending())
	})
	s.step(`the error has the ename (\w+)`, func(_ context.Context, want string) error {
		return w.check(w.out.last == "error" && w.out.ename == want, "ename is not as it must be", quoted(want), w.ending())
	})
	s.step(`(stdout|stderr) is "(.*)"`, func(_ context.Context, kind, want string) error {
		return w.text(kind, w.expand(unescape(want)))
	})
	s.step(`(stdout|stderr) is not "(.*)"`, func(_ context.Context, kind, not string) error {
		got := strings.TrimSpace(joined(w.texts(kind)))
		return w.check(got != not, kind+" is what it must not be", "anything but "+quoted(not), quoted(got))
	})
	s.step(`(stdout|stderr) is "(.*)" (\d+) times`, func(_ context.Context, kind, part string, n int) error {
		return w.text(kind, strings.Repeat(part, n))
	})
	s.step(`(stdout|stderr) is the bytes "(.*)"`, func(_ context.Context, kind, want string) error {
		text, err := strconv.Unquote(`"` + want + `"`)
		if err != nil {
			return fmt.Errorf("the step's own text: %w", err)
		}
		return w.text(kind, text)
	})
	s.step(`stdout has the word "(\w+)"`, func(_ context.Context, want string) error {
		got := joined(w.out.stdout)
		return w.check(slices.Contains(strings.Fields(got), want), "stdout is not what was written", want, quoted(got)+w.why())
	})
	s.step(`nothing came behind the terminal event`, func(context.Context) error {
		kinds := slices.DeleteFunc(slices.Clone(w.out.types), func(kind string) bool {
			return kind == "ping" || !contract.KnownEvent(w.Target.ExecdDocument, kind)
		})
		kept := len(kinds) > 0 && slices.Contains([]string{"execution_complete", "error"}, kinds[len(kinds)-1])
		return w.check(kept, "something came behind the end", "a terminal event as the last", strings.Join(kinds, " "))
	})
	s.step(`stdout begins with "(.*)"`, func(_ context.Context, want string) error {
		want = w.expand(want)
		got := joined(w.out.stdout)
		return w.check(strings.HasPrefix(got, want), "stdout is not what was written", quoted(want)+" and more", quoted(got)+w.why())
	})
	s.step(`(stdout|stderr) is the lines "(.*) (\d+)" to ".* (\d+)"`, w.manyLines)
	s.step(`the (stdout|stderr) events are`, func(_ context.Context, kind string, table *godog.Table) error {
		var want []string
		for _, row := range table.Rows {
			want = append(want, unescape(row.Cells[0].Value))
		}
		got := w.texts(kind)
		return w.check(slices.Equal(want, got), "the events are others", fmt.Sprintf("%q", want), fmt.Sprintf("%.300q", got))
	})
	s.step(`there is no file "(.*)"`, func(ctx context.Context, path string) error {
		there, err := w.exists(ctx, w.expand(path))
		if err != nil {
			return err
		}
		return w.check(!there, "a file is there that must not be", "no file "+w.expand(path), "it is there")
	})
	s.step(`there is still "(.*)"`, func(ctx context.Context, path string) error {
		there, err := w.exists(ctx, w.expand(path))
		if err != nil {
			return err
		}
		return w.check(there, "something is gone that must be there", w.expand(path), "it is not there")
	})
}

func (w *World) texts(kind string) []string {
	if kind == "stderr" {
		return w.out.stderr
	}
	return w.out.stdout
}

// text checks what was written, line ends at the end aside.
func (w *World) text(kind, want string) error {
	got := joined(w.texts(kind))
	return w.check(oneLine(want) == got, kind+" is not what was written", quoted(oneLine(want)), quoted(got)+w.why())
}

// why adds the status where there was no stream at all.
func (w *World) why() string {
	if w.last != nil && w.last.OK() {
		return ""
	}
	return " (" + w.answer() + ")"
}

func (w *World) ending() string {
	if w.out.last == "error" {
		return fmt.Sprintf("error with ename %q and evalue %q", w.out.ename, w.out.evalue)
	}
	if w.out.last == "" {
		return "no terminal event" + w.why()
	}
	return w.out.last
}

func (w *World) manyLines(_ context.Context, kind, word string, first, last int) error {
	wrong, want, found, ok := lineRun(joined(w.texts(kind)), word, first, last)
	if ok {
		return w.check(true, "", "", "")
	}
	return w.check(false, fmt.Sprintf("%s is not what was written, from line %d on", kind, wrong), quoted(want), quoted(found)+w.why())
}

// command runs a shell command to its end.
func (w *World) command(ctx context.Context, command string, rough bool) error {
	fields := map[string]any{"command": w.expand(command)}
	r := judge.Object(fields)
	r.Rough = rough
	return w.run(ctx, r)
}

// run makes a runCommand request and keeps what its stream says.
func (w *World) run(ctx context.Context, r judge.Request) error {
	c, err := w.execd(ctx)
	if err != nil {
		return err
	}
	r.Operation = c.Document.Operation("runCommand")
	return w.execute(ctx, c, r)
}

// execute makes a request whose answer is the stream of an execution, and keeps what it says; its id is then ${id}.
func (w *World) execute(ctx context.Context, c *judge.Client, r judge.Request) error {
	w.out = output{}
	on := r.OnEvent
	r.OnEvent = func(e stream.Event) bool {
		w.out.take(e)
		return on == nil || on(e)
	}
	_, err := w.do(ctx, c, r)
	if w.out.init != "" {
		w.vars["id"] = w.out.init
	}
	return err
}

// aside does something that is no part of what is judged: the latest exchange and output stay what they are.
func (w *World) aside(do func() error) error {
	last, out, id := w.last, w.out, w.vars["id"]
	defer func() { w.last, w.out, w.vars["id"] = last, out, id }()
	return do()
}

// quiet runs a command that is no part of what is judged, and returns its stdout, line ends left out.
func (w *World) quiet(ctx context.Context, command string) (said string, err error) {
	err = w.aside(func() error {
		err := w.command(ctx, command, false)
		said = strings.TrimSpace(joined(w.out.stdout))
		return err
	})
	return said, err
}

// directory makes a directory for the scenario and calls it ${dir}.
func (w *World) directory(ctx context.Context) error {
	dir, err := w.quiet(ctx, `mktemp -d "${TMPDIR:-/tmp}/osc-XXXXXXXXXX"`)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(dir, "/") {
		dir = "/tmp/osc-" + unknownID()
		if _, err := w.quiet(ctx, "mkdir -p "+dir); err != nil {
			return err
		}
	}
	w.vars["dir"] = dir
	w.dirs = append(w.dirs, dir)
	return nil
}

func (w *World) removeDirs(ctx context.Context) {
	for _, dir := range w.dirs {
		_, _ = w.quiet(ctx, "rm -rf "+dir) // best effort: it lies in a directory for temporary files
	}
}

// exists says whether a file is there, by the command or, where that fails, by info.
func (w *World) exists(ctx context.Context, path string) (bool, error) {
	said, err := w.quiet(ctx, "if [ -e "+shellescape.Quote(path)+" ] || [ -L "+shellescape.Quote(path)+" ]; then echo there; else echo absent; fi")
	if err != nil {
		return false, err
	}
	switch said {
	case "there":
		return true, nil
	case "absent":
		return false, nil
	}
	status := 0
	err = w.aside(func() error {
		x, err := w.info(ctx, path)
		if err == nil {
			status = x.Status
		}
		return err
	})
	switch {
	case err != nil:
		return false, err
	case status == http.StatusOK:
		return true, nil
	case status == http.StatusNotFound:
		return false, nil
	}
	return false, unjudged("whether %s is there can't be found out", path)
}

// vanishes waits until a process is gone.
func (w *World) vanishes(ctx context.Context, pid string, within time.Duration) (bool, error) {
	if _, err := strconv.Atoi(pid); err != nil {
		return false, unjudged("the command did not say its process id, but %q", pid)
	}
	script := fmt.Sprintf("i=0; while [ $i -lt %d ]; do s=$(sed 's/.*) //' /proc/%s/stat 2>/dev/null | cut -c1); "+
		"if [ -z \"$s\" ] || [ \"$s\" = Z ]; then echo gone; exit 0; fi; i=$((i+1)); sleep 0.1; done; echo there", within/(100*time.Millisecond), pid)
	said, err := w.quiet(ctx, script)
	return said == "gone", err
}
