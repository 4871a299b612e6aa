package main

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// busyContextMutants mix up the pieces of code that one context is given, or refuse the second.
func busyContextMutants() []Mutant {
	busy := func(requirement, name string, serve func(*codeCall)) Mutant {
		return behaves(requirement, name, map[string]func(*codeCall){"runCode": func(c *codeCall) {
			if !c.busy() {
				c.pass()
				return
			}
			serve(c)
		}})
	}
	refused := func(status int) Mutant {
		return busy("EX-CODE-16", "a busy one: status "+strconv.Itoa(status), func(c *codeCall) {
			c.act()
			decline(c.w, status, "the context is busy")
		})
	}
	return []Mutant{
		busy("EX-CODE-15", "a busy one: both run at once, with the variables that were there", func(c *codeCall) { c.inCopy(true) }),
		busy("EX-CODE-15", "a busy one: a fresh interpreter at once", func(c *codeCall) { c.inCopy(false) }),
		behaves("EX-CODE-15", "what one writes comes to all that wait", map[string]func(*codeCall){"runCode": broadcast}),
		refused(http.StatusTooManyRequests), refused(http.StatusServiceUnavailable), refused(http.StatusBadRequest),
		busy("EX-CODE-16", "a busy one is interrupted", func(c *codeCall) {
			if id := c.execution(); id != "" && c.ask("DELETE", "/code?id="+url.QueryEscape(id), nil).Code == http.StatusOK {
				c.act()
			}
			c.pass()
		}),
		busy("EX-CODE-16", "one waits, further ones are refused", func(c *codeCall) {
			c.mu.Lock()
			n := 0
			for _, key := range c.running {
				if key == c.key() {
					n++
				}
			}
			c.mu.Unlock()
			if n < 2 {
				c.pass()
				return
			}
			c.act()
			decline(c.w, http.StatusServiceUnavailable, "the context is busy, and another call waits")
		}),
		busy("EX-CODE-16", "a busy one: a stream that ends in an error", func(c *codeCall) { neverStarts(c.language)(c) }),
	}
}

// inCopy runs the code in another interpreter, with what has run in the context or without.
func (c *codeCall) inCopy(variables bool) {
	id := c.fresh(c.language)
	if id == "" {
		c.pass()
		return
	}
	if key := c.key(); variables {
		c.repeat(madeContext{id, c.language}, func(p pieceOfCode) bool { return p.key == key })
	}
	c.act()
	c.runIn(id)
}

// execution is the text of init of what runs in the call's context.
func (c *codeCall) execution() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for text, key := range c.keys {
		if key == c.key() && slices.Contains(c.running, key) {
			return text
		}
	}
	return ""
}

// broadcast shows what code writes to the other calls of its context too.
func broadcast(c *codeCall) {
	c.w = &broadcaster{ResponseWriter: c.w, call: c, key: c.key()}
	c.pass()
}

type broadcaster struct {
	http.ResponseWriter
	call *codeCall
	key  string
}

func (b *broadcaster) Write(p []byte) (int, error) {
	b.call.mu.Lock()
	for _, s := range b.call.streams {
		if s.key != b.key || s.ResponseWriter == b {
			continue
		}
		for block := range bytes.SplitAfterSeq(p, []byte("\n\n")) {
			if bytes.Contains(block, []byte(`"type":"stdout"`)) {
				s.held = append(s.held, block...)
			}
		}
	}
	b.call.mu.Unlock()
	return b.ResponseWriter.Write(p)
}

// Unwrap is what http.ResponseController looks for.
func (b *broadcaster) Unwrap() http.ResponseWriter { return b.ResponseWriter }
