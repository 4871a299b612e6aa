package main

import (
	"net/http"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// variableMutants lose variables, or show them where they don't belong.
func variableMutants() []Mutant {
	inContext := runCode.WithBody(func(b map[string]any) bool { return idOf(b) != "" })
	inDefault := runCode.WithBody(func(b map[string]any) bool {
		return idOf(b) == "" && languageOf(b) != "" && !unknownLanguage(languageOf(b))
	})
	run := func(requirement, name string, serve func(*codeCall)) Mutant {
		return behaves(requirement, name, map[string]func(*codeCall){"runCode": serve})
	}
	return slices.Concat(
		[]Mutant{
			run("EX-CODE-03", "each call has a fresh interpreter", func(c *codeCall) {
				made, ok := c.lives()
				id := ""
				if ok {
					id = c.fresh(made.Language)
				}
				if id == "" {
					c.pass()
					return
				}
				c.act()
				c.language = made.Language
				c.runIn(id)
				c.remove(id)
			}),
			run("EX-CODE-03", "an exception ends the interpreter, and a fresh one takes its place", func(c *codeCall) {
				made, ok := c.lives()
				if c.runsIn() && ok {
					c.renew(c.id, made.Language)
				}
			}),
		},
		breaks("EX-CODE-03",
			renamed(mutant.RewriteRequestJSON(inContext, "", ownScope), runCode, "code has a scope of its own"),
		),
		breaks("EX-CODE-04",
			mutant.RewriteRequestJSON(inContext, "each language has one interpreter", func(b map[string]any) {
				if languageOf(b) != "" {
					delete(contextOf(b), "id")
				}
			}),
		),
		[]Mutant{
			behaves("EX-CODE-04", "the second of a language is the first", map[string]func(*codeCall){"createCodeContext": func(c *codeCall) {
				c.standIn(func(all []madeContext) string {
					if len(all) < 2 {
						return ""
					}
					return all[0].ID
				})
			}}),
			behaves("EX-CODE-04", "the first of a language is its default one", map[string]func(*codeCall){"createCodeContext": func(c *codeCall) {
				rec := c.outcome()
				if all := c.living(c.language); rec.Code == http.StatusOK && len(all) == 1 {
					c.act()
					c.mu.Lock()
					c.alias["the default of "+c.language] = all[0].ID
					c.mu.Unlock()
				}
				c.send(rec)
			}}),
			behaves("EX-CODE-04", "the interpreter of a deleted one is used again", map[string]func(*codeCall){
				"deleteContext": func(c *codeCall) {
					if made, ok := c.lives(); ok {
						c.mu.Lock()
						c.marks[made.Language] = made.ID
						c.mu.Unlock()
					}
					c.hide(true)
				},
				"createCodeContext": func(c *codeCall) {
					c.standIn(func([]madeContext) string {
						c.mu.Lock()
						defer c.mu.Unlock()
						return c.marks[c.language]
					})
				},
			}),
			behaves("EX-CODE-04", "a new one has what ran in others before", map[string]func(*codeCall){"createCodeContext": func(c *codeCall) {
				rec := c.outcome()
				ends := func(p pieceOfCode) bool { return !strings.Contains(p.code, "while") }
				if all := c.living(c.language); rec.Code == http.StatusOK && len(all) > 0 && c.repeat(all[len(all)-1], ends) {
					c.act()
				}
				c.send(rec)
			}}),
		},
		breaks("EX-CODE-05",
			renamed(mutant.Answer(inDefault, 400, refusal("context.id is missing")), runCode, "no id: status 400"),
			renamed(mutant.RewriteRequestJSON(inDefault, "", func(b map[string]any) { delete(b, "context") }), runCode, "no id: a shell command"),
			renamed(mutant.RewriteRequestJSON(inDefault, "", func(b map[string]any) { contextOf(b)["language"] = "python" }), runCode, "no id: always python"),
		),
		[]Mutant{
			run("EX-CODE-05", "no id: a fresh one each time", func(c *codeCall) {
				id := ""
				if c.id == "" && c.language != "" {
					id = c.fresh(c.language)
				}
				if id == "" {
					c.pass()
					return
				}
				c.act()
				c.runIn(id)
			}),
			run("EX-CODE-05", "no id: the newest that was created", func(c *codeCall) {
				all := c.living(c.language)
				if c.id != "" || c.language == "" || len(all) == 0 {
					c.pass()
					return
				}
				c.act()
				c.runIn(all[len(all)-1].ID)
			}),
			run("EX-CODE-05", "no id: an exception ends the interpreter, and a fresh one takes its place", func(c *codeCall) {
				if c.runsIn() && c.id == "" && c.language != "" {
					c.renew(c.key(), c.language)
				}
			}),
		},
	)
}

// runsIn runs the code in what stands in for its context, and says whether it ended in an error.
func (c *codeCall) runsIn() bool {
	c.mu.Lock()
	other, key := c.alias[c.key()], c.key()
	c.mu.Unlock()
	if other != "" {
		c.body["context"] = map[string]any{"id": other, "language": c.language}
		replaceBody(c.r, mustJSON(c.body))
	}
	events := c.run()
	return raised(events) && key == c.key()
}

// standIn creates a context, in whose place another is used, if there is one; living has the new one last.
func (c *codeCall) standIn(other func(living []madeContext) string) {
	rec := c.outcome()
	if rec.Code == http.StatusOK {
		all := c.living(c.language)
		if id := other(all); id != "" && len(all) > 0 && all[len(all)-1].ID != id {
			c.act()
			c.mu.Lock()
			c.alias[all[len(all)-1].ID] = id
			c.mu.Unlock()
		}
	}
	c.send(rec)
}

// repeat runs in a context what ran in others of its language, and says whether there was anything.
func (c *codeCall) repeat(in madeContext, which func(pieceOfCode) bool) bool {
	c.mu.Lock()
	pieces := slices.DeleteFunc(slices.Clone(c.history), func(p pieceOfCode) bool { return p.language != in.Language || !which(p) })
	c.mu.Unlock()
	for _, p := range pieces {
		c.ask("POST", "/code", map[string]any{"code": p.code, "context": in})
	}
	return len(pieces) > 0
}

// ownScope puts code into a function, as an interpreter does that evaluates it with names of its own.
func ownScope(b map[string]any) {
	code, ok := b["code"].(string)
	if !ok || code == "" {
		return
	}
	switch languageOf(b) {
	case "python":
		b["code"] = "def _cell():\n    " + strings.ReplaceAll(code, "\n", "\n    ") + "\n_cell()"
	case "javascript":
		b["code"] = "(function () {\n" + code + "\n})()"
	case "bash":
		b["code"] = "(\n" + code + "\n)"
	}
}
