package main

import (
	"net/url"
	"slices"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// contextDeletionMutants delete too little, too much, or something else.
func contextDeletionMutants() []Mutant {
	one := func(requirement, name string, serve func(*codeCall)) Mutant {
		return behaves(requirement, name, map[string]func(*codeCall){"deleteContext": serve})
	}
	all := func(requirement, name string, serve func(*codeCall)) Mutant {
		return behaves(requirement, name, map[string]func(*codeCall){"deleteContextsByLanguage": serve})
	}
	return slices.Concat(
		breaks("EX-CONTEXT-09", renamed(mutant.Answer(deleteContext, 200, nil), deleteContext, "200, and nothing is done")),
		[]Mutant{
			one("EX-CONTEXT-09", "the context is forgotten, its process stays", func(c *codeCall) { c.hide(true) }),
			one("EX-CONTEXT-09", "a process that is busy stays", func(c *codeCall) { c.hide(c.busy()) }),
			one("EX-CONTEXT-09", "what runs is interrupted, the process stays", func(c *codeCall) {
				if c.busy() {
					c.ask("DELETE", "/code?id="+url.QueryEscape(c.id), nil)
				}
				c.hide(true)
			}),
			one("EX-CONTEXT-09", "all of its language go", func(c *codeCall) {
				made, ok := c.lives()
				ok = ok && !c.busy() // a scenario that deletes a busy one would take another's contexts away
				c.pass()
				if ok && len(c.living(made.Language)) > 0 {
					c.act()
					c.ask("DELETE", "/code/contexts?language="+url.QueryEscape(made.Language), nil)
				}
			}),
			one("EX-CONTEXT-09", "the newest goes in its place", func(c *codeCall) {
				all := c.living("")
				if _, ok := c.lives(); !ok || all[len(all)-1].ID == c.id {
					c.pass()
					return
				}
				c.act()
				c.remove(all[len(all)-1].ID)
				c.done()
			}),
			one("EX-CONTEXT-09", "the one that was made before goes too", func(c *codeCall) {
				all := c.living("")
				c.pass()
				if i := slices.IndexFunc(all, func(m madeContext) bool { return m.ID == c.id }); i > 0 && c.remove(all[i-1].ID) {
					c.act()
				}
			}),
			one("EX-CONTEXT-09", "the others of its language start anew", func(c *codeCall) {
				made, ok := c.lives()
				c.pass()
				for _, m := range c.living(made.Language) {
					if ok {
						c.renew(m.ID, m.Language)
					}
				}
			}),
		},
		breaks("EX-CONTEXT-10",
			emptied(deleteContext, 404, 200),
			emptied(deleteContext, 404, 204),
			mutant.Status(deleteContext, 404, 400),
			mutant.Status(deleteContext, 404, 410),
			mutant.Status(deleteContext, 404, 500),
		),
		breaks("EX-CONTEXT-11", renamed(mutant.Answer(deleteContexts, 200, nil), deleteContexts, "200, and nothing is done")),
		[]Mutant{
			all("EX-CONTEXT-11", "the first alone goes", func(c *codeCall) { c.removeSome(func(i, _ int) bool { return i == 0 }) }),
			all("EX-CONTEXT-11", "the newest stays", func(c *codeCall) { c.removeSome(func(i, n int) bool { return i < n-1 }) }),
			all("EX-CONTEXT-11", "those that are busy stay", func(c *codeCall) {
				c.mu.Lock()
				running := slices.Clone(c.running)
				c.mu.Unlock()
				living := c.living(c.language)
				c.removeSome(func(i, _ int) bool { return !slices.Contains(running, living[i].ID) })
			}),
			all("EX-CONTEXT-11", "those of every language go", func(c *codeCall) {
				c.pass()
				for _, m := range c.living("") {
					if c.language != "" && m.Language != c.language && c.remove(m.ID) {
						c.act()
					}
				}
			}),
			all("EX-CONTEXT-11", "those of other languages start anew", func(c *codeCall) {
				c.pass()
				for _, m := range c.living("") {
					if c.language != "" && m.Language != c.language {
						c.renew(m.ID, m.Language)
					}
				}
			}),
			behaves("EX-CONTEXT-11", "they are in no list, and take code", map[string]func(*codeCall){
				"deleteContextsByLanguage": hideLanguage,
				"runCode":                  func(c *codeCall) { c.run() },
			}),
		},
	)
}

// hide answers a deletion as if it were done, where it really is to be; else it is.
func (c *codeCall) hide(really bool) {
	_, ok := c.lives()
	c.mu.Lock()
	ok = ok && really && !c.hidden[c.id]
	if ok {
		c.act()
		c.hidden[c.id] = true
		c.forget(func(m madeContext) bool { return m.ID == c.id })
	}
	c.mu.Unlock()
	if ok {
		c.done()
		return
	}
	c.pass()
}

// hideLanguage does the same for the contexts of a language.
func hideLanguage(c *codeCall) {
	living := c.living(c.language)
	if len(living) == 0 || c.language == "" {
		c.pass()
		return
	}
	c.act()
	c.mu.Lock()
	for _, m := range living {
		c.hidden[m.ID] = true
	}
	c.forget(func(m madeContext) bool { return c.hidden[m.ID] })
	c.mu.Unlock()
	c.done()
}

// removeSome deletes only some contexts of the language, by their place among n of them.
func (c *codeCall) removeSome(which func(i, n int) bool) {
	living := c.living(c.language)
	var chosen []madeContext
	for i, m := range living {
		if which(i, len(living)) {
			chosen = append(chosen, m)
		}
	}
	if c.language == "" || len(chosen) == len(living) {
		c.pass()
		return
	}
	c.act()
	for _, m := range chosen {
		c.remove(m.ID)
	}
	c.done()
}
