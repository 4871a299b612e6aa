package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// codeCall is one request to a code operation, as the faults of behaviour see it.
type codeCall struct {
	*codeBook
	op       string         // operationId
	id       string         // the context or execution that it names; empty for none
	language string         // that it names; empty for none
	body     map[string]any // nil where it is no JSON object
	w        http.ResponseWriter
	r        *http.Request
}

// codeBook is what such a fault remembers of its deployment.
type codeBook struct {
	next http.Handler
	act  func()

	mu       sync.Mutex
	alive    []madeContext          // created and not deleted, in order
	gone     map[string]madeContext // deleted, by id
	alias    map[string]string      // the id of the context that is used in place of another, by key
	hidden   map[string]bool        // ids that are answered 404 and are in no list
	running  []string               // keys of the executions under way, in order
	ran      map[string]int         // executions that have begun, by key
	history  []pieceOfCode          // what has run without an error
	keys     map[string]string      // keys by the text of init
	marks    map[string]string      // what a fault notes
	listings map[string][]byte      // what a fault notes of lists
	streams  []*codeStream          // answers under way
}

type madeContext struct {
	ID       string `json:"id"`
	Language string `json:"language"`
}

type pieceOfCode struct{ key, language, code string }

// behaves is a mutant whose fault is around the code operations; serve stands in for one or more of them, the others are
// handed on.
func behaves(requirement, name string, serve map[string]func(c *codeCall)) Mutant {
	ops := strings.Join(slices.Sorted(maps.Keys(serve)), ", ")
	return Mutant{Requirement: requirement, Name: ops + ": " + name, HTTP: func(next http.Handler, act func()) http.Handler {
		book := &codeBook{
			next: next, act: act, gone: map[string]madeContext{}, alias: map[string]string{}, hidden: map[string]bool{}, ran: map[string]int{},
			keys: map[string]string{}, marks: map[string]string{}, listings: map[string][]byte{},
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := book.read(w, r)
			switch {
			case c == nil:
				next.ServeHTTP(w, r)
			case serve[c.op] != nil:
				serve[c.op](c)
			default:
				c.pass()
			}
		})
	}}
}

// read takes a request to a code operation apart; nil for others, and for strangers.
func (b *codeBook) read(w http.ResponseWriter, r *http.Request) *codeCall {
	c := &codeCall{codeBook: b, w: w, r: r, language: r.URL.Query().Get("language")}
	id, one := strings.CutPrefix(r.URL.Path, "/code/contexts/")
	c.id = id
	switch at := r.Method + " " + r.URL.Path; {
	case r.Header.Get(tokenHeader) != token:
		return nil
	case one && r.Method == http.MethodGet:
		c.op = "getContext"
	case one && r.Method == http.MethodDelete:
		c.op = "deleteContext"
	case at == "GET /code/contexts":
		c.op, c.id = "listContexts", ""
	case at == "DELETE /code/contexts":
		c.op, c.id = "deleteContextsByLanguage", ""
	case at == "DELETE /code":
		c.op, c.id = "interruptCode", r.URL.Query().Get("id")
	case at == "POST /code" || at == "POST /code/context":
		c.op = map[bool]string{true: "runCode", false: "createCodeContext"}[r.URL.Path == "/code"]
		if json.Unmarshal(takeBody(r), &c.body) != nil {
			c.body = nil
		}
		c.id, c.language = idOf(c.body), languageOf(c.body)
	default:
		return nil
	}
	return c
}

// key tells the context that code is run in: its id, or which default it is.
func (c *codeCall) key() string {
	if c.id == "" {
		return "the default of " + c.language
	}
	return c.id
}

// pass hands the request on, to what stands in for its context, and notes what comes of it.
func (c *codeCall) pass() {
	c.mu.Lock()
	other, hidden := c.alias[c.key()], c.id != "" && c.hidden[c.id]
	c.mu.Unlock()
	switch {
	case hidden:
		decline(c.w, http.StatusNotFound, "no context has this id")
	case c.op == "runCode" && other != "":
		c.runIn(other)
	case c.op == "runCode":
		c.run()
	default:
		c.send(c.outcome())
	}
}

// outcome hands a request other than to run code on, and holds its answer back.
func (c *codeCall) outcome() *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	c.next.ServeHTTP(rec, c.r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if rec.Code == http.StatusOK {
		switch c.op {
		case "createCodeContext":
			var made madeContext
			if json.Unmarshal(rec.Body.Bytes(), &made) == nil {
				c.alive = append(c.alive, made)
			}
		case "deleteContext":
			c.forget(func(m madeContext) bool { return m.ID == c.id })
		case "deleteContextsByLanguage":
			c.forget(func(m madeContext) bool { return m.Language == c.language })
		case "listContexts":
			c.hideListed(rec)
		}
	}
	return rec
}

// forget notes that contexts were deleted. The caller holds the lock.
func (b *codeBook) forget(which func(madeContext) bool) {
	b.alive = slices.DeleteFunc(b.alive, func(m madeContext) bool {
		if which(m) {
			b.gone[m.ID] = m
		}
		return which(m)
	})
}

func (b *codeBook) hideListed(rec *httptest.ResponseRecorder) {
	var list []map[string]any
	if len(b.hidden) == 0 || json.Unmarshal(rec.Body.Bytes(), &list) != nil {
		return
	}
	list = slices.DeleteFunc(list, func(m map[string]any) bool { return b.hidden[fmt.Sprint(m["id"])] })
	rewrite(rec, list)
}

// rewrite puts another value in the body of an answer.
func rewrite(rec *httptest.ResponseRecorder, v any) {
	rec.Body = bytes.NewBuffer(mustJSON(v))
	rec.Header().Set("Content-Length", fmt.Sprint(rec.Body.Len()))
}

// send answers with what was held back.
func (c *codeCall) send(rec *httptest.ResponseRecorder) {
	maps.Copy(c.w.Header(), rec.Header())
	c.w.WriteHeader(rec.Code)
	_, _ = c.w.Write(rec.Body.Bytes()) // to a client that may be gone
}

// done answers a success with no body.
func (c *codeCall) done() {
	c.w.Header().Set("Content-Length", "0")
	c.w.WriteHeader(http.StatusOK)
}

// answer answers a success with a value.
func (c *codeCall) answer(v any) {
	rec := httptest.NewRecorder()
	rec.Header().Set("Content-Type", "application/json")
	rewrite(rec, v)
	c.send(rec)
}

// with hands the request on with another body.
func (c *codeCall) with(change func(body map[string]any)) {
	change(c.body)
	replaceBody(c.r, mustJSON(c.body))
	if c.op == "runCode" {
		c.run()
		return
	}
	c.send(c.outcome())
}

// runIn runs the code in another context.
func (c *codeCall) runIn(id string) {
	c.with(func(b map[string]any) { b["context"] = map[string]any{"id": id, "language": c.language} })
}

// ask makes a request besides the one that came.
func (c *codeCall) ask(method, target string, body any) *httptest.ResponseRecorder {
	var text []byte
	if body != nil {
		text = mustJSON(body)
	}
	r := httptest.NewRequestWithContext(context.WithoutCancel(c.r.Context()), method, target, bytes.NewReader(text))
	r.Header.Set(tokenHeader, token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	rec := httptest.NewRecorder()
	c.next.ServeHTTP(rec, r)
	return rec
}

// fresh makes a context that nobody asked for; empty where that fails.
func (c *codeCall) fresh(language string) string {
	rec := c.ask("POST", "/code/context", map[string]any{"language": language})
	var made madeContext
	if rec.Code != http.StatusOK || json.Unmarshal(rec.Body.Bytes(), &made) != nil {
		return ""
	}
	return made.ID
}

// renew puts a fresh interpreter in the place of a context's.
func (c *codeCall) renew(key, language string) {
	id := c.fresh(language)
	if id == "" {
		return
	}
	c.act()
	c.mu.Lock()
	c.alias[key] = id
	c.mu.Unlock()
}

// remove deletes a context besides what was asked.
func (c *codeCall) remove(id string) bool {
	c.mu.Lock()
	c.forget(func(m madeContext) bool { return m.ID == id })
	c.mu.Unlock()
	return c.ask("DELETE", "/code/contexts/"+url.PathEscape(id), nil).Code == http.StatusOK
}

// living lists the contexts that were created and not deleted; of any language where it is empty.
func (c *codeCall) living(language string) []madeContext {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.alive), func(m madeContext) bool { return language != "" && m.Language != language })
}

// lives tells the context that the call names, if it was created and not deleted.
func (c *codeCall) lives() (madeContext, bool) {
	all := c.living("")
	i := slices.IndexFunc(all, func(m madeContext) bool { return m.ID == c.id })
	if i < 0 {
		return madeContext{}, false
	}
	return all[i], true
}
