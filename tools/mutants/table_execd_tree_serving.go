package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"syscall"
	"time"
)

// single is a request for one item of a request for several.
type single struct {
	query url.Values
	body  []byte
}

// singles are the requests that a request for several items is the sum of: the paths of the query, or the entries of
// the body, those of an object by the alphabet.
func singles(r *http.Request, body []byte) []single {
	query := r.URL.Query()
	var items []single
	if r.Method == http.MethodDelete || r.Method == http.MethodGet {
		for _, path := range query["path"] {
			items = append(items, single{url.Values{"path": {path}}, nil})
		}
		return items
	}
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil {
		for _, e := range list {
			items = append(items, single{query, mustJSON([]any{e})})
		}
		return items
	}
	var entries map[string]json.RawMessage
	if json.Unmarshal(body, &entries) == nil {
		for _, path := range slices.Sorted(maps.Keys(entries)) {
			items = append(items, single{query, mustJSON(map[string]any{path: entries[path]})})
		}
	}
	return items
}

// pathsOf are the paths that a request names: in its query, as keys of its body, or as sources of moves.
func pathsOf(r *http.Request, body []byte) []string {
	if r.Method == http.MethodDelete || r.Method == http.MethodGet {
		return r.URL.Query()["path"]
	}
	var moves []treeMove
	if json.Unmarshal(body, &moves) == nil {
		var paths []string
		for _, m := range moves {
			paths = append(paths, m.Src)
		}
		return paths
	}
	var entries map[string]json.RawMessage
	_ = json.Unmarshal(body, &entries) // none then
	return slices.Sorted(maps.Keys(entries))
}

// treeMove is an element of the body of moveFiles.
type treeMove struct{ Src, Dest string }

// movesOf are the moves of a body; nil if it is none of moves.
func movesOf(body []byte) []treeMove {
	var moves []treeMove
	if json.Unmarshal(body, &moves) != nil {
		return nil
	}
	return moves
}

// entriesOf are the entries of a body that is an object of objects; nil if it is none.
func entriesOf(body []byte) map[string]map[string]any {
	var entries map[string]map[string]any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if dec.Decode(&entries) != nil {
		return nil
	}
	return entries
}

// askAgain makes another request of one, and waits for the answer.
func askAgain(next http.Handler, r *http.Request, query url.Values, body []byte) *httptest.ResponseRecorder {
	other := r.Clone(r.Context())
	other.URL.RawQuery = query.Encode()
	replaceBody(other, body)
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, other)
	return rec
}

// handOn hands on an answer that was kept back.
func handOn(w http.ResponseWriter, rec *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), rec.Header())
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes()) // to a client that may be gone
}

// itemByItem does the items of a request one after the other, and answers with the first refusal. With onward those
// behind it are done too. Requests that when is not true of are served as they should be.
func itemByItem(onward bool, when func(r *http.Request, body []byte) bool) serving {
	return func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
		body := takeBody(r)
		items := singles(r, body)
		if len(items) < 2 || when != nil && !when(r, body) {
			next.ServeHTTP(w, r)
			return
		}
		var answer *httptest.ResponseRecorder
		done := 0
		for _, item := range items {
			rec := askAgain(next, r, item.query, item.body)
			if rec.Code == http.StatusOK {
				done++
			}
			if answer == nil || answer.Code == http.StatusOK {
				answer = rec
			}
			if rec.Code != http.StatusOK && !onward {
				break
			}
		}
		if done > 0 && answer.Code != http.StatusOK {
			act()
		}
		handOn(w, answer)
	}
}

// afterwards does something to the host when a request was answered, and before the caller knows. Prepare looks at the
// host before the request is served; what it gives is called where success is as said, and says whether it changed
// anything. Nil: nothing to do.
func afterwards(success bool, prepare func(r *http.Request, body []byte) func() bool) serving {
	return func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
		body := takeBody(r)
		more := prepare(r, body)
		if more == nil {
			next.ServeHTTP(w, r)
			return
		}
		rec := askAgain(next, r, r.URL.Query(), body)
		if rec.Code != http.StatusUnauthorized && (rec.Code == http.StatusOK) == success && more() {
			act()
		}
		handOn(w, rec)
	}
}

// eachPath is what afterwards does for every path of a request: before looks at it, and gives what is to be done then.
func eachPath(before func(path string, entry map[string]any) func() bool) func(r *http.Request, body []byte) func() bool {
	return func(r *http.Request, body []byte) func() bool {
		entries := entriesOf(body)
		var all []func() bool
		for _, path := range pathsOf(r, body) {
			if spare(path) {
				continue
			}
			if then := before(path, entries[path]); then != nil {
				all = append(all, then)
			}
		}
		if len(all) == 0 {
			return nil
		}
		return func() bool {
			changed := false
			for _, then := range all {
				changed = then() || changed
			}
			return changed
		}
	}
}

// takenOver does something to the host in place of the daemon, and answers 200. Instead gives what is done; nil: the
// request is served as it should be.
func takenOver(instead func(r *http.Request, body []byte) func()) serving {
	return func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
		body := takeBody(r)
		do := instead(r, body)
		if do == nil || r.Header.Get(tokenHeader) != token {
			next.ServeHTTP(w, r)
			return
		}
		act()
		do()
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusOK)
	}
}

// tooLate answers 200 at once, and does what was asked for a second later.
func tooLate(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
	later := r.Clone(context.WithoutCancel(r.Context()))
	body := takeBody(later)
	time.AfterFunc(time.Second, func() { askAgain(next, later, later.URL.Query(), body) })
	act()
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
}

// owned is the owner and the group of a path, a link's own.
func owned(path string) (uid, gid int, ok bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, 0, false
	}
	st := info.Sys().(*syscall.Stat_t)
	return int(st.Uid), int(st.Gid), true
}

// setOwner sets the owner and the group of a path, -1 for neither, and says whether that changed anything.
func setOwner(path string, uid, gid int) bool {
	u, g, ok := owned(path)
	if !ok || (uid < 0 || uid == u) && (gid < 0 || gid == g) {
		return false
	}
	return os.Lchown(path, uid, gid) == nil
}

// setMode sets the mode of a path, and says whether that changed anything.
func setMode(path string, mode os.FileMode) bool {
	info, err := os.Stat(path)
	const bits = os.ModePerm | os.ModeSetuid | os.ModeSetgid | os.ModeSticky
	return err == nil && info.Mode()&bits != mode&bits && os.Chmod(path, mode) == nil
}
