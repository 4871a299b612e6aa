package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// codeInterruptMutants interrupt too late, the wrong thing, or too much.
func codeInterruptMutants() []Mutant {
	interrupt := func(requirement, name string, serve func(*codeCall)) Mutant {
		return behaves(requirement, name, map[string]func(*codeCall){"interruptCode": serve})
	}
	return slices.Concat(
		breaks("EX-CODE-11",
			renamed(mutant.Answer(interruptCode, 200, nil), interruptCode, "200, and nothing is interrupted"),
			mutant.ChangeEvent(runCode, "init", "init tells an id that interrupt does not know", func(e map[string]any) { e["text"] = fmt.Sprint("run-", e["text"]) }),
		),
		[]Mutant{
			interrupt("EX-CODE-11", "14 s late", func(c *codeCall) {
				c.act()
				_ = pass(context.WithoutCancel(c.r.Context()), 14*time.Second) // never done
				c.r = c.r.WithContext(context.WithoutCancel(c.r.Context()))
				c.pass()
			}),
			interrupt("EX-CODE-11", "the first one does nothing", func(c *codeCall) {
				c.mu.Lock()
				again := c.marks[c.id] != ""
				c.marks[c.id] = "asked"
				known := c.keys[c.id] != ""
				c.mu.Unlock()
				if again || !known {
					c.pass()
					return
				}
				c.act()
				c.done()
			}),
			interrupt("EX-CODE-11", "the interpreter ends with the code", func(c *codeCall) {
				rec := c.outcome()
				if rec.Code == http.StatusOK && c.ask("DELETE", "/code/contexts/"+url.PathEscape(c.keyOrID()), nil).Code == http.StatusOK {
					c.act()
				}
				c.send(rec)
			}),
			interrupt("EX-CODE-11", "code in a default context goes on", func(c *codeCall) {
				if !strings.HasPrefix(c.keyOf(c.id), "the default of ") {
					c.pass()
					return
				}
				c.act()
				c.done()
			}),
			interrupt("EX-CODE-11", "what was started last is interrupted", func(c *codeCall) {
				last := c.startedLast()
				if last == "" || last == c.id {
					c.pass()
					return
				}
				c.act()
				c.send(c.ask("DELETE", "/code?id="+url.QueryEscape(last), nil))
			}),
			behaves("EX-CODE-11", "an interrupted context takes code, and never answers", map[string]func(*codeCall){
				"interruptCode": markInterrupted, "runCode": func(c *codeCall) {
					if !c.wasInterrupted() {
						c.pass()
						return
					}
					c.act()
					<-c.r.Context().Done()
				},
			}),
			behaves("EX-CODE-11", "an interrupted context stays busy: status 503", map[string]func(*codeCall){
				"interruptCode": markInterrupted, "runCode": func(c *codeCall) {
					if !c.wasInterrupted() {
						c.pass()
						return
					}
					c.act()
					decline(c.w, http.StatusServiceUnavailable, "the context is busy")
				},
			}),
			interrupt("EX-CODE-12", "a fresh interpreter takes the place", func(c *codeCall) {
				rec := c.outcome()
				if rec.Code == http.StatusOK {
					c.renew(c.keyOf(c.id), c.languageOfKey(c.keyOf(c.id)))
				}
				c.send(rec)
			}),
			behaves("EX-CODE-12", "a fresh interpreter with what earlier calls ran", map[string]func(*codeCall){"interruptCode": startFromHistory}),
		},
		breaks("EX-CODE-13",
			ofInterrupted("no terminal event", func(mutant.Frame) ([]mutant.Frame, error) { return nil, nil }),
			ofInterrupted("cut", func(mutant.Frame) ([]mutant.Frame, error) { return nil, errors.New("cut") }),
			ofInterrupted("a status in place of the terminal event", func(f mutant.Frame) ([]mutant.Frame, error) {
				return []mutant.Frame{stamped(map[string]any{"type": "status", "text": "interrupted"}, f)}, nil
			}),
		),
		breaks("EX-CODE-14",
			emptied(interruptCode, 404, 200),
			emptied(interruptCode, 404, 204),
			mutant.Status(interruptCode, 404, 400),
			mutant.Status(interruptCode, 404, 500),
		),
	)
}

// keyOrID is the id of the context of the execution that the call names, as far as it is known.
func (c *codeCall) keyOrID() string {
	if key := c.keyOf(c.id); !strings.HasPrefix(key, "the default of ") {
		return key
	}
	return c.id
}

func (c *codeCall) languageOfKey(key string) string {
	if language, ok := strings.CutPrefix(key, "the default of "); ok {
		return language
	}
	for _, m := range c.living("") {
		if m.ID == key {
			return m.Language
		}
	}
	return ""
}

// startedLast is the text of init of what was started last and runs.
func (c *codeCall) startedLast() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.running) < 2 {
		return ""
	}
	for text, key := range c.keys {
		if key == c.running[len(c.running)-1] {
			return text
		}
	}
	return ""
}

func markInterrupted(c *codeCall) {
	rec := c.outcome()
	if rec.Code == http.StatusOK {
		key := c.keyOf(c.id)
		c.mu.Lock()
		c.marks[key] = "interrupted"
		c.mu.Unlock()
	}
	c.send(rec)
}

func (c *codeCall) wasInterrupted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.marks[c.key()] != ""
}

// startFromHistory interrupts, and loses what the interrupted code itself had set.
func startFromHistory(c *codeCall) {
	key := c.keyOf(c.id)
	language := c.languageOfKey(key)
	id := c.fresh(language)
	if id == "" {
		c.pass()
		return
	}
	c.repeat(madeContext{id, language}, func(p pieceOfCode) bool { return p.key == key })
	c.act()
	rec := c.outcome()
	c.mu.Lock()
	c.alias[key] = id
	c.mu.Unlock()
	c.send(rec)
}

// ofInterrupted changes the terminal event of code that was interrupted; an error cuts the connection.
func ofInterrupted(what string, end func(mutant.Frame) ([]mutant.Frame, error)) mutant.Fault {
	var mu sync.Mutex
	interrupted := map[string]bool{} // by the text of init
	stream := mutant.Stream(runCode, what, func(_ context.Context, act func()) mutant.Editor {
		id := ""
		return mutant.Editor{Frame: func(f mutant.Frame) ([]mutant.Frame, error) {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case f.Is("init"):
				id, _ = f.Event["text"].(string)
				delete(interrupted, id)
			case isLast(f) && interrupted[id]:
				act()
				return end(f)
			}
			return []mutant.Frame{f}, nil
		}}
	})
	return mutant.Fault{
		Name:  "POST /code that was interrupted: " + what,
		Match: mutant.Path("", regexp.MustCompile(`/code$`)),
		Request: func(r *http.Request, _ func()) error {
			if r.Method == http.MethodDelete {
				mu.Lock()
				defer mu.Unlock()
				interrupted[r.URL.Query().Get("id")] = true
			}
			return nil
		},
		Response: func(res *http.Response, act func()) error {
			if res.Request.Method != http.MethodPost {
				return nil
			}
			return stream.Response(res, act)
		},
	}
}
