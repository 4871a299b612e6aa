package steps

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cucumber/godog"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
)

func (w *World) code(s *register) {
	s.step(`the language (\w+)`, func(ctx context.Context, language string) error { return w.language(ctx, language, 1) })
	s.step(`the language (\w+), used by no other scenario`, func(ctx context.Context, language string) error {
		return w.language(ctx, language, everyone)
	})
	s.step(`(\w+) is offered where the image has the interpreter`, w.offeredWhereThere)
	s.step(`in (\w+) I run: (.*)`, func(ctx context.Context, name, code string) error { return w.inContext(ctx, name, w.expand(code)) })
	s.step(`in (\w+) I run`, func(ctx context.Context, name string, doc *godog.DocString) error {
		return w.inContext(ctx, name, w.expand(doc.Content))
	})
	s.step(`in the default context of (\w+) I run: (.*)`, func(ctx context.Context, language, code string) error {
		return w.runCode(ctx, w.expand(code), map[string]any{"language": language})
	})
	s.step(`I start in (\w+)(, to be interrupted)?`, func(ctx context.Context, name, interrupted string, doc *godog.DocString) error {
		fields := map[string]any{"code": w.expand(doc.Content), "context": w.reference(name)}
		return w.start(ctx, "runCode", fields, func(r *judge.Request) { r.OpenEnd = interrupted != "" })
	})
	s.step(`I start in the default context of (\w+), to be interrupted`, func(ctx context.Context, language string, doc *godog.DocString) error {
		fields := map[string]any{"code": w.expand(doc.Content), "context": map[string]any{"language": language}}
		return w.start(ctx, "runCode", fields, func(r *judge.Request) { r.OpenEnd = true })
	})
	s.step(`in (\w+) I run, beside it: (.*)`, func(ctx context.Context, name, code string) error {
		return w.aside(func() error { return w.runCode(ctx, w.expand(code), w.reference(name)) })
	})
	s.step(`in (\w+) I let this run beside it: (.*)`, w.letRun)
	s.step(`in (\w+) I run twice at once: (.*)`, w.twiceAtOnce)
	s.step(`each of the two wrote "(.*)", or nothing`, func(_ context.Context, want string) error {
		for _, o := range w.two {
			got := joined(o.stdout)
			if err := w.check(got == want || got == "", "the output of one came to another", quoted(want), quoted(got)); err != nil {
				return err
			}
		}
		return nil
	})
	s.step(`each of the two ended in (\w+)`, func(_ context.Context, want string) error {
		for i, o := range w.two {
			if err := w.check(o.last == want, "one of two that had to wait ended otherwise", want, fmt.Sprintf("%s (%s)", o.last, answered(w.twoAnswers[i]))); err != nil {
				return err
			}
		}
		return nil
	})
	s.step(`I remember that line`, func(context.Context) error {
		w.vars["line"] = joined(w.out.stdout)
		return nil
	})
	s.step(`stdout is that line`, func(context.Context) error { return w.text("stdout", w.vars["line"]) })
	s.step(`no context of (\S+) is listed`, func(ctx context.Context, language string) error {
		var list []listedContext
		if err := w.aside(func() (err error) { list, err = w.listContexts(ctx, language); return err }); err != nil {
			return err
		}
		return w.check(len(list) == 0, "a context is listed that was refused", "none", fmt.Sprint(list))
	})
	s.step(`I interrupt the code`, func(ctx context.Context) error {
		w.since = time.Now()
		return w.call(ctx, "interruptCode", judge.Request{Query: url.Values{"id": {w.vars["id"]}}.Encode()})
	})
	s.step(`the evalue is "(.*)"`, func(_ context.Context, want string) error {
		return w.check(w.out.last == "error" && w.out.evalue == unescape(want), "evalue is not as it must be", quoted(unescape(want)), w.ending())
	})
	s.step(`the traceback is not empty`, func(context.Context) error {
		kept := slices.ContainsFunc(w.out.traceback, func(line any) bool { return strings.TrimSpace(fmt.Sprint(line)) != "" })
		return w.check(kept, "the traceback is empty", "the lines that the language prints", fmt.Sprint(w.out.traceback))
	})
	s.step(`the result is "(.*)"`, func(_ context.Context, want string) error {
		var got []string
		for _, r := range w.out.results {
			for _, name := range []string{"text", "text/plain"} {
				if text, ok := r[name].(string); ok {
					got = append(got, strings.TrimSpace(text))
				}
			}
		}
		others := slices.ContainsFunc(got, func(text string) bool { return text != unescape(want) })
		return w.check(len(got) > 0 && !others, "the value of the last expression did not come", quoted(unescape(want)), fmt.Sprintf("%.300q", got)+w.why())
	})
	s.step(`no result came`, func(context.Context) error {
		return w.check(len(w.out.results) == 0, "a result came, and the code has no value", "none", fmt.Sprintf("%.300v", w.out.results))
	})
	s.step(`the execution counts of the context were "(.*)", where any came`, func(_ context.Context, want string) error {
		got := strings.Join(w.counts, " ")
		if got == "" {
			return &Skip{"the deployment sends no execution_count"}
		}
		return w.check(got == want, "the runs of a context are counted wrong", want, got)
	})
	s.step(`execution_count came before the result, where both came`, func(context.Context) error {
		count, result := slices.Index(w.out.types, "execution_count"), slices.Index(w.out.types, "result")
		return w.check(count < 0 || result < 0 || count < result, "result came before execution_count", "execution_count first", strings.Join(w.out.types, " "))
	})
	s.step(`the message names every language that is offered`, func(ctx context.Context) error {
		said := strings.ToLower(body(w.last).text("message"))
		for language := range interpreters {
			offered, err := w.speaks(ctx, language)
			if err != nil {
				return err
			}
			if err := w.check(!offered || strings.Contains(said, language), "the message does not say which languages there are", language+" among others", quoted(said)); err != nil {
				return err
			}
		}
		return nil
	})
}

// everyone is more than the scenarios that use a language at once.
const everyone = 1 << 20

// language makes sure that the deployment offers a language, and keeps scenarios apart that would harm each other:
// contexts of one language can be deleted all at once.
func (w *World) language(ctx context.Context, language string, share int64) error {
	lock := w.Target.languageLock(language)
	if err := lock.Acquire(ctx, share); err != nil {
		return unjudged("interrupted")
	}
	w.cleanup = append(w.cleanup, func() { lock.Release(share) })
	offered, err := w.speaks(ctx, language)
	if err != nil {
		return err
	}
	switch {
	case offered:
		return nil
	case language != "python":
		return &Skip{"the deployment does not offer " + language}
	}
	there, err := w.interpreter(ctx, language)
	if err != nil {
		return err
	}
	if !there {
		return &Skip{"the image has no interpreter of " + language}
	}
	return unjudged("the deployment does not offer %s, though the image has the interpreter", language)
}

// speaks finds out once in a run whether a context of a language can be had.
func (w *World) speaks(ctx context.Context, language string) (bool, error) {
	known := &w.Target.facts
	name := "language " + language
	offered, found := known.Found(name)
	if found {
		return offered, nil
	}
	err := w.aside(func() error {
		r := judge.Object(map[string]any{"language": language})
		r.Rough = true
		if err := w.call(ctx, "createCodeContext", r); err != nil {
			return err
		}
		offered = w.last.OK()
		if id := body(w.last).text("id"); offered && id != "" {
			return w.call(ctx, "deleteContext", judge.Request{Path: w.fill("deleteContext", id), Rough: true})
		}
		return nil
	})
	if err == nil {
		known.Set(name, offered)
	}
	return offered, err
}

// interpreters are the programs that run a language.
var interpreters = map[string]string{"python": "python3 python", "javascript": "node nodejs", "bash": "bash"}

func (w *World) interpreter(ctx context.Context, language string) (bool, error) {
	said, err := w.quiet(ctx, "for p in "+interpreters[language]+"; do command -v $p >/dev/null 2>&1 && echo there && break; done")
	return said == "there", err
}

// offeredWhereThere compares the languages of a deployment with the interpreters of the image.
func (w *World) offeredWhereThere(ctx context.Context, language string) error {
	there, err := w.interpreter(ctx, language)
	if err != nil {
		return err
	}
	if !there {
		return &Skip{"the image has no interpreter of " + language}
	}
	fields := map[string]any{"language": language}
	if err := w.call(ctx, "createCodeContext", judge.Object(fields)); err != nil {
		return err
	}
	if judge.NotOffered(w.last) {
		return &Skip{"the deployment runs no code"} // the group says so
	}
	id := body(w.last).text("id")
	if err := w.check(w.last.OK(), language+" is not offered, though the image has the interpreter", "a context", w.answer()); err != nil || id == "" {
		return err
	}
	w.contexts[language] = id
	if err := w.inContext(ctx, language, samples[language]); err != nil {
		return err
	}
	return w.text("stdout", "osc 42")
}

// samples print "osc 42" in each language.
var samples = map[string]string{
	"python": `print("osc", 40 + 2)`, "javascript": `console.log("osc", 40 + 2)`, "bash": `echo osc $((40 + 2))`,
}

// reference is how a request names a context of this scenario.
func (w *World) reference(name string) map[string]any {
	ref := map[string]any{"id": w.contexts[name]}
	if language := w.vars["language of "+name]; language != "" {
		ref["language"] = language
	} else {
		ref["language"] = name
	}
	return ref
}

func (w *World) inContext(ctx context.Context, name, code string) error {
	if w.contexts[name] == "" {
		return fmt.Errorf("the scenario has no context %q", name)
	}
	err := w.runCode(ctx, code, w.reference(name))
	w.counts = append(w.counts, w.out.counts...)
	return err
}

func (w *World) runCode(ctx context.Context, code string, where map[string]any) error {
	fields := map[string]any{"code": code, "context": where}
	return w.call(ctx, "runCode", judge.Object(fields))
}

// languageLock is what scenarios of one language share.
func (t *Target) languageLock(language string) *semaphore.Weighted {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.locks[language] == nil {
		t.locks[language] = semaphore.NewWeighted(everyone)
	}
	return t.locks[language]
}

// forget removes what a scenario made in a daemon that others use too.
func (w *World) forget(ctx context.Context) {
	for _, id := range w.contexts {
		w.discard(ctx, "deleteContext", id)
	}
	for _, id := range w.sessions {
		w.discard(ctx, "deleteSession", id)
	}
}

func (w *World) discard(ctx context.Context, operation, id string) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	_ = w.call(ctx, operation, judge.Request{Path: w.fill(operation, id), Rough: true}) // best effort
}

// twiceAtOnce sends the same piece of code to one context from two callers, and waits for both.
func (w *World) twiceAtOnce(ctx context.Context, name, code string) error {
	sides := [2]*World{w.beside(), w.beside()}
	var both errgroup.Group
	for i := range sides {
		both.Go(func() error {
			return sides[i].runCode(ctx, w.expand(code), w.reference(name))
		})
	}
	err := both.Wait()
	w.two, w.twoAnswers = nil, nil
	for i := range sides {
		w.two, w.twoAnswers = append(w.two, sides[i].out), append(w.twoAnswers, sides[i].last)
	}
	return err
}

// letRun starts a further piece of code, which goes on until the end of the scenario; what was started before it, and
// its id, stay what the steps are about.
func (w *World) letRun(ctx context.Context, name, code string) error {
	begun, id := w.begun, w.vars["id"]
	w.begun = nil
	err := w.start(ctx, "runCode", map[string]any{"code": w.expand(code), "context": w.reference(name)}, func(r *judge.Request) { r.OpenEnd = true })
	if beside := w.begun; beside != nil {
		w.cleanup = append(w.cleanup, func() {
			beside.leave(errEnough)
			<-beside.done
		})
	}
	w.begun, w.vars["id"] = begun, id
	return err
}
