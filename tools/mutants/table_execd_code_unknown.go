package main

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// unknownContextMutants take code for contexts that are not there.
func unknownContextMutants() []Mutant {
	named := runCode.WithBody(func(b map[string]any) bool { return idOf(b) != "" && !unknownLanguage(languageOf(b)) })
	none := func(m mutant.Match) mutant.Match {
		return m.WithBody(func(b map[string]any) bool { return b["code"] != nil && b["context"] == nil })
	}
	inDefault := func(b map[string]any) {
		delete(contextOf(b), "id")
		if languageOf(b) == "" {
			contextOf(b)["language"] = "python"
		}
	}
	absent := func(name string, serve func(*codeCall)) Mutant {
		return behaves("EX-CODE-06", name, map[string]func(*codeCall){"runCode": func(c *codeCall) {
			if !c.absent() {
				c.pass()
				return
			}
			serve(c)
		}})
	}
	return slices.Concat(
		[]Mutant{
			absent("an unknown one is the default one", func(c *codeCall) {
				c.act()
				c.with(inDefault)
			}),
			absent("a deleted one is the default one", func(c *codeCall) {
				c.mu.Lock()
				_, deleted := c.gone[c.id]
				c.mu.Unlock()
				if !deleted {
					c.pass()
					return
				}
				c.act()
				c.with(inDefault)
			}),
			absent("for an unknown one code is a shell command", func(c *codeCall) {
				c.act()
				c.with(func(b map[string]any) { delete(b, "context") })
			}),
			absent("run in the default one, and then refused", func(c *codeCall) {
				if c.ask("POST", "/code", map[string]any{"code": c.body["code"], "context": map[string]any{"language": c.language}}).Code == http.StatusOK {
					c.act()
				}
				c.pass()
			}),
			behaves("EX-CODE-06", "a deleted one goes on taking code", map[string]func(*codeCall){
				"deleteContext": func(c *codeCall) { c.hide(true) }, "runCode": func(c *codeCall) { c.run() },
			}),
			behaves("EX-CODE-06", "one that went with its language goes on taking code", map[string]func(*codeCall){
				"deleteContextsByLanguage": hideLanguage, "runCode": func(c *codeCall) { c.run() },
			}),
		},
		breaks("EX-CODE-06",
			refusedByStream(named, 404, "an unknown one"),
			renamed(emptied(named, 404, 200), runCode, "an unknown one: an empty 200"),
		),
		breaks("EX-CODE-08",
			mutant.Status(named, 404, 400),
			mutant.Status(named, 404, 500),
			mutant.Status(named, 404, 410),
			mutant.Status(named, 404, 422),
		),
		breaks("EX-CODE-10",
			mutant.RewriteRequestJSON(none(runCode), "without a context code is python", func(b map[string]any) { b["context"] = map[string]any{"language": "python"} }),
			renamed(mutant.Answer(none(runCode), 400, refusal("context is missing")), runCode, "without a context: status 400"),
			mutant.RewriteRequestJSON(none(runCode), "a command without a shell", func(b map[string]any) {
				if code, ok := b["code"].(string); ok {
					words := strings.Fields(code)
					for i := range words {
						words[i] = quoted(words[i])
					}
					b["code"] = strings.Join(words, " ")
				}
			}),
			mutant.RewriteRequestJSON(none(runCode), "the first line of a command alone", func(b map[string]any) {
				if code, ok := b["code"].(string); ok {
					b["code"], _, _ = strings.Cut(code, "\n")
				}
			}),
		),
	)
}

// absent says whether the call names a context that is not there.
func (c *codeCall) absent() bool {
	if c.id == "" || c.body["code"] == nil || unknownLanguage(c.language) {
		return false
	}
	_, alive := c.lives()
	c.mu.Lock()
	defer c.mu.Unlock()
	_, seen := c.keys[c.id] // a default one may be named too
	_, deleted := c.gone[c.id]
	return !alive && (!seen || deleted)
}

// unknownLanguageMutants take languages that nobody has.
func unknownLanguageMutants() []Mutant {
	unknown := func(m mutant.Match) mutant.Match {
		return m.WithBody(func(b map[string]any) bool { return unknownLanguage(languageOf(b)) })
	}
	runs, makes := unknown(runCode), unknown(createContext)
	return slices.Concat(
		breaks("EX-CODE-07",
			mutant.RewriteRequestJSON(runs, "an unknown language is python", func(b map[string]any) { contextOf(b)["language"] = "python" }),
			mutant.RewriteRequestJSON(makes, "an unknown language is python", func(b map[string]any) { b["language"] = "python" }),
			mutant.RewriteRequestJSON(runs, "code of an unknown language is a shell command", func(b map[string]any) { delete(b, "context") }),
			refusedByStream(runs, 400, "an unknown language"),
			renamed(emptied(runs, 400, 200), runCode, "an unknown language: an empty 200"),
		),
		[]Mutant{
			behaves("EX-CODE-07", "the interpreter is looked for when code comes", map[string]func(*codeCall){"createCodeContext": func(c *codeCall) {
				if !unknownLanguage(c.language) {
					c.pass()
					return
				}
				c.act()
				c.answer(madeContext{"lazy-1", c.language})
			}}),
			behaves("EX-CODE-07", "run in python, and then refused", map[string]func(*codeCall){"runCode": func(c *codeCall) {
				if unknownLanguage(c.language) && c.ask("POST", "/code", map[string]any{"code": c.body["code"], "context": map[string]any{"language": "python"}}).Code == http.StatusOK {
					c.act()
				}
				c.pass()
			}}),
			behaves("EX-CODE-07", "refused, and listed", map[string]func(*codeCall){
				"createCodeContext": func(c *codeCall) {
					if unknownLanguage(c.language) {
						c.mu.Lock()
						c.marks["refused"] = c.language
						c.mu.Unlock()
					}
					c.pass()
				},
				"listContexts": listsRefused,
			}),
		},
		breaks("EX-CODE-09",
			mutant.Status(runs, 400, 404), mutant.Status(runs, 400, 422), mutant.Status(runs, 400, 500),
			mutant.Status(makes, 400, 404), mutant.Status(makes, 400, 501),
			mutant.SetField(runs.On(400), "message", "this language is not supported"),
			mutant.SetField(makes.On(400), "message", "this language is not supported"),
			renamed(mutant.ChangeField(makes.On(400), "message", "", oneLanguage), createContext, "the message names one language of several"),
		),
	)
}

// listsRefused shows a context that was refused.
func listsRefused(c *codeCall) {
	c.mu.Lock()
	language := c.marks["refused"]
	c.mu.Unlock()
	if language == "" || c.language != "" && c.language != language {
		c.pass()
		return
	}
	list := append(c.living(c.language), madeContext{"refused-1", language})
	c.act()
	c.answer(list)
}

var languageName = regexp.MustCompile(`\b(python|javascript|bash|typescript|java|go)\b`)

// oneLanguage leaves all but the first language out of a message.
func oneLanguage(v any) any {
	n := 0
	return languageName.ReplaceAllStringFunc(fmt.Sprint(v), func(name string) string {
		if n++; n == 1 {
			return name
		}
		return "another"
	})
}
