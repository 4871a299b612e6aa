package steps

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
)

// cursorHeader carries the cursor of the logs.
const cursorHeader = "EXECD-COMMANDS-TAIL-CURSOR"

func (w *World) background(s *register) {
	s.step(`I run in the background: (.*)`, func(ctx context.Context, command string) error {
		fields := map[string]any{"command": w.expand(command), "background": true}
		return w.run(ctx, judge.Object(fields))
	})
	s.step(`I interrupt it`, func(ctx context.Context) error {
		w.since = time.Now()
		return w.call(ctx, "interruptCommand", judge.Request{Query: url.Values{"id": {w.vars["id"]}}.Encode()})
	})
	s.step(`the command is over within (\d+) s, as its status says`, func(ctx context.Context, seconds int) error {
		return w.over(ctx, seconds)
	})
	s.step(`its exit code is another than 0, or an error says why`, func(context.Context) error {
		o := body(w.last)
		code, _ := o.at("exit_code")
		number, isNumber := code.(float64)
		return w.check(w.last.OK() && (isNumber && number != 0 || o.text("error") != ""), "the status shows no failure",
			"an exit_code other than 0, or an error", w.shown("exit_code"))
	})
	s.step(`the status is of "(.*)", for the command: (.*)`, w.statusOf)
	s.step(`the status is of "(.*)", for the command "(.*)"`, func(ctx context.Context, id, command string) error {
		return w.statusOf(ctx, id, unescape(command))
	})
	s.step(`I remember the id as "(\w+)"`, func(_ context.Context, name string) error {
		w.vars[name] = w.vars["id"]
		return nil
	})
	s.step(`the output or the logs of the command hold "(.*)"`, func(ctx context.Context, text string) error {
		return w.keptSomewhere(ctx, "${id}", quoted(text), func(said string) bool { return strings.Contains(said, text) })
	})
	s.step(`the output or the logs of "(.*)" hold the lines "(.*) (\d+)" to ".* (\d+)"`, func(ctx context.Context, id, word string, first, last int) error {
		return w.keptSomewhere(ctx, id, fmt.Sprintf("%s %d to %s %d", word, first, word, last), func(said string) bool {
			_, _, _, ok := lineRun(oneLine(said), word, first, last)
			return ok
		})
	})
	s.step(`finished_at is the same when it is asked for (\d+) ms later`, func(ctx context.Context, ms int) error {
		first, there := body(w.last).at("finished_at")
		if !there {
			return w.check(true, "", "", "") // it may be left out
		}
		if _, err := w.quiet(ctx, fmt.Sprintf("sleep %g", float64(ms)/1000)); err != nil {
			return err
		}
		if err := w.call(ctx, "getCommandStatus", judge.Request{Path: w.fill("getCommandStatus", "${id}")}); err != nil {
			return err
		}
		again, _ := body(w.last).at("finished_at")
		return w.check(first == again, "finished_at changes after the end", fmt.Sprint(first), fmt.Sprint(again))
	})
	s.step(`the logs hold "(.*)" within (\d+) s`, func(ctx context.Context, text string, seconds int) error {
		return w.logsHold(ctx, "", unescape(text), seconds)
	})
	s.step(`the logs after the cursor hold "(.*)" within (\d+) s`, func(ctx context.Context, text string, seconds int) error {
		if w.cursor == "" {
			return unjudged("no answer had a cursor")
		}
		return w.logsHold(ctx, "cursor="+w.cursor, unescape(text), seconds)
	})
	s.step(`the logs after the cursor are empty`, func(ctx context.Context) error {
		if w.cursor == "" {
			return unjudged("no answer had a cursor")
		}
		if err := w.logs(ctx, "cursor="+w.cursor); err != nil {
			return err
		}
		return w.check(w.last.OK() && len(w.last.Body) == 0, "what was answered before is answered again", "nothing", quoted(string(w.last.Body))+w.why())
	})
	s.step(`the logs hold every line "(.*) (\d+)" to ".* (\d+)", in order`, func(ctx context.Context, word string, first, last int) error {
		if err := w.logs(ctx, ""); err != nil {
			return err
		}
		wrong, want, found, ok := lineRun(oneLine(string(w.last.Body)), word, first, last)
		return w.check(ok, fmt.Sprintf("the logs are not what was written, from line %d on", wrong), quoted(want), quoted(found)+w.why())
	})
	s.step(`the cursor is not before any earlier one`, func(context.Context) error {
		now, err := strconv.ParseInt(w.last.Header.Get(cursorHeader), 10, 64)
		if len(w.cursors) == 0 {
			return unjudged("no answer had a cursor")
		}
		furthest := slices.Max(w.cursors)
		kept := err == nil && now >= furthest
		return w.check(kept, "the cursor went back", fmt.Sprintf("at least %d", furthest), quoted(w.last.Header.Get(cursorHeader))+w.why())
	})
	s.step(`the logs hold "(.*)" or, in another order, these lines`, func(ctx context.Context, text string) error {
		if err := w.logs(ctx, ""); err != nil {
			return err
		}
		lines := func(text string) []string { return slices.Sorted(slices.Values(strings.Fields(text))) }
		got := string(w.last.Body)
		return w.check(w.last.OK() && slices.Equal(lines(unescape(text)), lines(got)), "the logs are not what was written", quoted(unescape(text)), quoted(got)+w.why())
	})
	s.step(`the output holds "(.*)" and "(.*)" within (\d+) s`, w.outputHolds)
	s.step(`stdout in the answer is the lines "(.*) (\d+)" to ".* (\d+)"`, func(_ context.Context, word string, first, last int) error {
		wrong, want, found, ok := lineRun(oneLine(body(w.last).text("stdout")), word, first, last)
		return w.check(ok, fmt.Sprintf("stdout is not what was written, from line %d on", wrong), quoted(want), quoted(found)+w.why())
	})
	s.step(`nothing was written, says the answer`, func(context.Context) error {
		o := body(w.last)
		return w.check(w.last.OK() && o.text("stdout")+o.text("stderr") == "", "there is output of a command that wrote nothing", "none", quoted(string(w.last.Body))+w.why())
	})
	s.step(`the file "(.*)" is written in time`, func(ctx context.Context, path string) error {
		path = shellescape.Quote(w.expand(path))
		said, err := w.quiet(ctx, "i=0; while [ $i -lt 500 ]; do [ -s "+path+" ] && echo there && exit; i=$((i+1)); sleep 0.02; done")
		if err != nil {
			return err
		}
		return w.check(said == "there", "what the command was to write is not there", w.expand(path)+" within 10 s", "no such file")
	})
	s.step(`I let "(.*)" be there`, func(ctx context.Context, path string) error {
		_, err := w.quiet(ctx, ": > "+shellescape.Quote(w.expand(path)))
		return err
	})
	s.step(`where the daemon is not root, uid 0 is answered 400 or taken`, w.uidNotTaken)
	s.step(`the token is in no environment and no command line that a command can read`, w.tokenHidden)
	s.step(`I remember the cursor`, func(context.Context) error {
		w.cursor = w.last.Header.Get(cursorHeader)
		return nil
	})
}

// over waits until the status of the latest command says that it does not run any more.
func (w *World) over(ctx context.Context, seconds int) error {
	ended, err := w.soon(ctx, time.Duration(seconds)*time.Second, func() (bool, error) {
		if err := w.call(ctx, "getCommandStatus", judge.Request{Path: w.fill("getCommandStatus", "${id}")}); err != nil {
			return false, err
		}
		running, _ := body(w.last).at("running")
		return !w.last.OK() || running == false, nil
	})
	if err != nil {
		return err
	}
	running, _ := body(w.last).at("running")
	return w.check(ended && running == false, "the command is not over", fmt.Sprintf("running false within %d s", seconds), w.shown("running"))
}

// soon asks again and again, until done or the time is over: there is no event to wait for.
func (w *World) soon(ctx context.Context, within time.Duration, done func() (bool, error)) (bool, error) {
	limit := time.NewTimer(within)
	defer limit.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return ok, err
		}
		select {
		case <-limit.C:
			return done()
		case <-ctx.Done():
			return false, unjudged("interrupted")
		case <-time.After(50 * time.Millisecond): // the pace at which clients follow logs is slower
		}
	}
}

// statusOf checks by what a status knows its command.
func (w *World) statusOf(_ context.Context, id, command string) error {
	id, command = w.expand(id), w.expand(command)
	o := body(w.last)
	for _, name := range []string{"session", "id"} {
		if got, there := o.at(name); there || !w.last.OK() {
			if err := w.check(got == id, "the status has another "+name, quoted(id), w.shown(name)); err != nil {
				return err
			}
		}
	}
	if got, there := o.at("content"); there {
		return w.check(got == command, "the status has another command", quoted(command), w.shown("content"))
	}
	return nil
}

// keptSomewhere looks for what a command wrote in both places that it can be had from.
func (w *World) keptSomewhere(ctx context.Context, id, want string, holds func(said string) bool) error {
	var all []string
	for _, operation := range []string{"getCommandOutput", "getCommandLogs"} {
		if err := w.call(ctx, operation, judge.Request{Path: w.fill(operation, id), Rough: true}); err != nil {
			return err
		}
		said := string(w.last.Body)
		if operation == "getCommandOutput" {
			said = body(w.last).text("stdout")
		}
		if w.last.OK() && holds(said) {
			return w.check(true, "", "", "")
		}
		all = append(all, fmt.Sprintf("%s: %s %.100q", operation, w.answer(), w.last.Body))
	}
	return w.check(false, "what the command wrote can't be had after its end", want+" by output or by logs", strings.Join(all, "; "))
}

// logs asks for the logs of the latest command, and writes down every cursor that an answer has.
func (w *World) logs(ctx context.Context, query string) error {
	err := w.call(ctx, "getCommandLogs", judge.Request{Path: w.fill("getCommandLogs", "${id}"), Query: query})
	if err == nil {
		if cursor, err := strconv.ParseInt(w.last.Header.Get(cursorHeader), 10, 64); err == nil {
			w.cursors = append(w.cursors, cursor)
		}
	}
	return err
}

// logsHold asks for the logs until they are the text, line ends at the end aside, and remembers the cursor.
func (w *World) logsHold(ctx context.Context, query, text string, seconds int) error {
	want := strings.TrimRight(text, "\r\n")
	held, err := w.soon(ctx, time.Duration(seconds)*time.Second, func() (bool, error) {
		if err := w.logs(ctx, query); err != nil {
			return false, err
		}
		got := strings.TrimRight(string(w.last.Body), "\r\n")
		return w.last.Status != http.StatusOK || got == want || len(got) > len(want), nil
	})
	if err != nil {
		return err
	}
	got := strings.TrimRight(string(w.last.Body), "\r\n")
	w.cursor = w.last.Header.Get(cursorHeader)
	return w.check(held && w.last.OK() && got == want, "the logs are not what was written", quoted(text), quoted(string(w.last.Body))+w.why())
}

// outputHolds asks for the output until it is these texts, line ends at their ends aside.
func (w *World) outputHolds(ctx context.Context, stdout, stderr string, seconds int) error {
	same := func(name, want string) bool {
		return strings.TrimRight(body(w.last).text(name), "\r\n") == strings.TrimRight(unescape(want), "\r\n")
	}
	held, err := w.soon(ctx, time.Duration(seconds)*time.Second, func() (bool, error) {
		if err := w.call(ctx, "getCommandOutput", judge.Request{Path: w.fill("getCommandOutput", "${id}")}); err != nil {
			return false, err
		}
		return !w.last.OK() || same("stdout", stdout) && same("stderr", stderr), nil
	})
	if err != nil {
		return err
	}
	kept := held && w.last.OK()
	return w.check(kept, "the output is not what was written so far", fmt.Sprintf("%q and %q", unescape(stdout), unescape(stderr)), quoted(string(w.last.Body))+w.why())
}
