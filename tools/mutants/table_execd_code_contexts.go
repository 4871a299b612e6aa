package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// contextMutants break what a context is and what is shown of it.
func contextMutants() []Mutant {
	notPython := func(what string, f mutant.Fault) mutant.Fault { return renamed(f, f.Match, what) }
	listed := func(what string, change func(list []any) []any) mutant.Fault {
		return mutant.JSON(listContexts, what, func(v any) any {
			if list, ok := v.([]any); ok && len(list) > 0 {
				return change(list)
			}
			return v
		})
	}
	return slices.Concat(
		breaks("EX-CONTEXT-06",
			mutant.DropField(createContext, "id"),
			mutant.SetField(createContext, "id", ""),
			notPython("always says python", mutant.SetField(createContext, "language", "python")),
			mutant.ChangeField(createContext, "language", "with a version", func(v any) any { return fmt.Sprint(v, " 3") }),
			mutant.ChangeField(createContext, "language", "in capitals", func(v any) any { return strings.ToUpper(fmt.Sprint(v)) }),
			mutant.JSONBody(createContext, "the language is the id", func(m map[string]any) { m["id"] = m["language"] }),
			notPython("makes python of any language", mutant.RewriteRequestJSON(createContext, "", func(b map[string]any) {
				if language := languageOf(b); language != "" && !unknownLanguage(language) {
					b["language"] = "python"
				}
			})),
		),
		[]Mutant{
			behaves("EX-CONTEXT-06", "each of a language has the id of the first", map[string]func(*codeCall){"createCodeContext": idOfTheFirst}),
			behaves("EX-CONTEXT-06", "ids count anew in each language", map[string]func(*codeCall){"createCodeContext": idOfAnotherLanguage}),
			behaves("EX-CONTEXT-06", "a python that says that it is another language", pythonInDisguise()),
		},
		breaks("EX-CONTEXT-07",
			mutant.DropQuery(listContexts, "language"),
			mutant.DropField(listContexts, "*.id"),
			listed("the first alone", func(list []any) []any { return list[:1] }),
			listed("the last is left out", func(list []any) []any { return list[:len(list)-1] }),
			listed("always empty", func([]any) []any { return []any{} }),
			mutant.ChangeField(listContexts, "*.id", "shortened", func(v any) any {
				id := fmt.Sprint(v)
				return id[:min(len(id), 6)]
			}),
		),
		[]Mutant{
			behaves("EX-CONTEXT-07", "deleted ones are listed", map[string]func(*codeCall){"listContexts": listsDeleted}),
			behaves("EX-CONTEXT-07", "one that has run nothing is not listed", map[string]func(*codeCall){"listContexts": listsUsed}),
			behaves("EX-CONTEXT-07", "a list is kept and shown again", map[string]func(*codeCall){"listContexts": listsOld}),
		},
		breaks("EX-CONTEXT-08",
			mutant.DropField(getContext, "id"),
			mutant.ChangeField(getContext, "id", "with its kind", func(v any) any { return fmt.Sprint("contexts/", v) }),
			notPython("always says python", mutant.SetField(getContext, "language", "python")),
			mutant.SetField(getContext, "language", ""),
			renamed(mutant.Status(getContext, 404, 400), getContext, "a deleted one: status 400"),
			renamed(mutant.Status(getContext, 404, 410), getContext, "a deleted one: status 410"),
			renamed(emptied(getContext, 404, 200), getContext, "a deleted one: an empty 200"),
		),
		[]Mutant{
			behaves("EX-CONTEXT-08", "a deleted one is shown", map[string]func(*codeCall){"getContext": showsDeleted}),
			behaves("EX-CONTEXT-08", "one that went with its language is shown", map[string]func(*codeCall){
				"getContext": showsDeleted,
				"deleteContext": func(c *codeCall) {
					c.pass()
					c.mu.Lock()
					defer c.mu.Unlock()
					delete(c.gone, c.id)
				},
			}),
			behaves("EX-CONTEXT-08", "the newest is shown for any", map[string]func(*codeCall){"getContext": showsNewest}),
		},
	)
}

// idOfTheFirst tells for each context of a language the id of the first.
func idOfTheFirst(c *codeCall) {
	rec := c.outcome()
	if all := c.living(c.language); rec.Code == http.StatusOK && len(all) > 1 {
		c.act()
		rewrite(rec, all[0])
	}
	c.send(rec)
}

// idOfAnotherLanguage tells for the nth context of a language the id of the nth of another.
func idOfAnotherLanguage(c *codeCall) {
	rec := c.outcome()
	of := map[string][]madeContext{}
	for _, m := range c.living("") {
		of[m.Language] = append(of[m.Language], m)
	}
	n := len(of[c.language])
	if rec.Code == http.StatusOK {
		for _, language := range slices.Sorted(maps.Keys(of)) {
			if language != c.language && len(of[language]) >= n && n > 0 {
				c.act()
				rewrite(rec, madeContext{of[language][n-1].ID, c.language})
				break
			}
		}
	}
	c.send(rec)
}

// pythonInDisguise makes python of every language and says otherwise.
func pythonInDisguise() map[string]func(*codeCall) {
	return map[string]func(*codeCall){
		"createCodeContext": func(c *codeCall) {
			rec := c.outcome()
			if rec.Code == http.StatusOK && c.language != "python" {
				if id := c.fresh("python"); id != "" {
					c.act()
					c.mu.Lock()
					c.marks[id] = c.language
					c.mu.Unlock()
					rewrite(rec, madeContext{id, c.language})
				}
			}
			c.send(rec)
		},
		"runCode": func(c *codeCall) {
			c.mu.Lock()
			disguised := c.marks[c.id] != ""
			c.mu.Unlock()
			if !disguised {
				c.pass()
				return
			}
			c.language = "python"
			c.runIn(c.id)
		},
	}
}

// relist changes the list that was asked for.
func (c *codeCall) relist(change func(list []madeContext) []madeContext) {
	rec := c.outcome()
	var list []madeContext
	if rec.Code == http.StatusOK && json.Unmarshal(rec.Body.Bytes(), &list) == nil {
		if other := change(slices.Clone(list)); !slices.Equal(list, other) {
			c.act()
			rewrite(rec, append([]madeContext{}, other...))
		}
	}
	c.send(rec)
}

func listsDeleted(c *codeCall) {
	c.relist(func(list []madeContext) []madeContext {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, m := range c.gone {
			if c.language == "" || c.language == m.Language {
				list = append(list, m)
			}
		}
		return list
	})
}

func listsUsed(c *codeCall) {
	c.relist(func(list []madeContext) []madeContext {
		c.mu.Lock()
		defer c.mu.Unlock()
		return slices.DeleteFunc(list, func(m madeContext) bool { return c.ran[m.ID] == 0 })
	})
}

func listsOld(c *codeCall) {
	c.relist(func(list []madeContext) []madeContext {
		c.mu.Lock()
		defer c.mu.Unlock()
		var old []madeContext
		if before, ok := c.listings[c.language]; ok && json.Unmarshal(before, &old) == nil {
			return old
		}
		c.listings[c.language] = mustJSON(list)
		return list
	})
}

func showsDeleted(c *codeCall) {
	rec := c.outcome()
	c.mu.Lock()
	m, ok := c.gone[c.id]
	c.mu.Unlock()
	if rec.Code == http.StatusNotFound && ok {
		c.act()
		c.answer(m)
		return
	}
	c.send(rec)
}

func showsNewest(c *codeCall) {
	rec := c.outcome()
	if all := c.living(""); rec.Code == http.StatusOK && len(all) > 0 && all[len(all)-1].ID != c.id {
		c.act()
		rewrite(rec, all[len(all)-1])
	}
	c.send(rec)
}
