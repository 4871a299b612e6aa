package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
)

func (w *World) codeContexts(s *register) {
	s.step(`a context (\w+) of (\w+)`, w.newContext)
	s.step(`a context (\w+) of (\w+), where it is offered`, func(ctx context.Context, name, language string) error {
		offered, err := w.speaks(ctx, language)
		if err != nil || !offered {
			return err
		}
		return w.newContext(ctx, name, language)
	})
	s.step(`the contexts (\w+) and (\w+) have ids of their own`, func(_ context.Context, a, b string) error {
		idA, idB := w.contexts[a], w.contexts[b]
		return w.check(idA != "" && idB != "" && idA != idB, "two contexts have one id, or none", "two ids", fmt.Sprintf("%q and %q", idA, idB))
	})
	s.step(`the language in the answer is (\w+)`, func(_ context.Context, want string) error {
		got := body(w.last).text("language")
		return w.check(w.last.OK() && got == want, "the context has another language", want, quoted(got)+w.why())
	})
	s.step(`I delete the context (\w+)`, func(ctx context.Context, name string) error {
		return w.call(ctx, "deleteContext", judge.Request{Path: w.fill("deleteContext", w.contexts[name])})
	})
	s.step(`I look at the context (\w+)`, func(ctx context.Context, name string) error {
		return w.call(ctx, "getContext", judge.Request{Path: w.fill("getContext", w.contexts[name])})
	})
	s.step(`I look at the context (\w+), where there is one`, func(ctx context.Context, name string) error {
		if w.contexts[name] == "" {
			return nil
		}
		return w.call(ctx, "getContext", judge.Request{Path: w.fill("getContext", w.contexts[name])})
	})
	s.step(`the answer is about the context (\w+), a (\w+) one, where there is one`, func(_ context.Context, name, language string) error {
		if w.contexts[name] == "" {
			return nil
		}
		if err := w.equal("id", w.contexts[name], body(w.last).text("id")); err != nil {
			return err
		}
		return w.equal("language", language, body(w.last).text("language"))
	})
	s.step(`the answer is about the context (\w+)`, func(_ context.Context, name string) error {
		return w.equal("id", w.contexts[name], body(w.last).text("id"))
	})
	s.step(`the list of (\w+) has the contexts "(.*)" and not "(.*)"`, w.contextList)
	s.step(`where there is a context (\w+), in it I run: (.*)`, func(ctx context.Context, name, code string) error {
		if w.contexts[name] == "" {
			w.out = output{}
			return nil
		}
		return w.inContext(ctx, name, code)
	})
	s.step(`where there is a context (\w+), stdout is "(.*)"`, func(_ context.Context, name, want string) error {
		if w.contexts[name] == "" {
			return nil
		}
		return w.text("stdout", want)
	})
	s.step(`I remember the contexts of (\w+)`, func(ctx context.Context, language string) error {
		list, err := w.listContexts(ctx, language)
		if err != nil {
			return err
		}
		w.listed = map[string]bool{}
		for _, c := range list {
			w.listed[c.ID] = true
		}
		return nil
	})
	s.step(`(\w+) has no other contexts than those`, func(ctx context.Context, language string) error {
		var list []listedContext
		if err := w.aside(func() (err error) { list, err = w.listContexts(ctx, language); return err }); err != nil {
			return err
		}
		var more []string
		for _, c := range list {
			if !w.listed[c.ID] {
				more = append(more, c.ID)
			}
		}
		return w.check(len(more) == 0, "a context was created by a request that was refused", "none", strings.Join(more, ", "))
	})
	s.step(`the list has the contexts "(.*)", where they are offered`, w.areListed)
	s.step(`I remember the process of that line`, func(context.Context) error {
		w.vars["line"] = strings.TrimSpace(joined(w.out.stdout))
		return nil
	})
}

func (w *World) newContext(ctx context.Context, name, language string) error {
	fields := map[string]any{"language": language}
	if err := w.call(ctx, "createCodeContext", judge.Object(fields)); err != nil {
		return err
	}
	if !w.last.OK() {
		return unjudged("no context of %s can be had: %s", language, w.answer())
	}
	w.contexts[name] = body(w.last).text("id")
	w.vars["language of "+name] = language
	w.vars["context "+name] = w.contexts[name]
	return nil
}

type listedContext struct {
	ID       string `json:"id"`
	Language string `json:"language"`
}

func (w *World) listContexts(ctx context.Context, language string) ([]listedContext, error) {
	if err := w.call(ctx, "listContexts", judge.Request{Query: "language=" + language}); err != nil {
		return nil, err
	}
	var list []listedContext
	_ = json.Unmarshal(w.last.Body, &list) // what is no list is told by the document's check
	return list, nil
}

// areListed checks that the latest answer lists contexts.
func (w *World) areListed(_ context.Context, names string) error {
	var list []listedContext
	_ = json.Unmarshal(w.last.Body, &list) // what is no list is told by the document's check
	for name := range strings.FieldsSeq(names) {
		id := w.contexts[name]
		if id == "" {
			continue // it is not offered
		}
		there := slices.ContainsFunc(list, func(c listedContext) bool { return c.ID == id })
		if err := w.check(w.last.OK() && there, "a context is not listed", id, fmt.Sprintf("%d contexts", len(list))+w.why()); err != nil {
			return err
		}
	}
	return nil
}

// contextList checks that the contexts of a language are listed, those that are not to be there aside.
func (w *World) contextList(ctx context.Context, language, there, absent string) error {
	list, err := w.listContexts(ctx, language)
	if err != nil {
		return err
	}
	ids := map[string]int{}
	for _, c := range list {
		ids[c.ID]++
		if c.Language != language {
			return w.check(false, "a context of another language is listed", "contexts of "+language, fmt.Sprintf("%s of %s", c.ID, c.Language))
		}
	}
	for name := range strings.FieldsSeq(there) {
		n := ids[w.contexts[name]]
		if err := w.check(w.last.OK() && n == 1, "a context is not listed once", w.contexts[name]+" once", fmt.Sprintf("%d times", n)+w.why()); err != nil {
			return err
		}
	}
	for name := range strings.FieldsSeq(absent) {
		if id := w.contexts[name]; id != "" {
			if err := w.check(ids[id] == 0, "a context is listed that is not to be there", "no "+id, "it is listed"); err != nil {
				return err
			}
		}
	}
	return nil
}
