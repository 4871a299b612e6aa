package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// What can be wrong with the body of a request.
const (
	noJSON    = "no JSON"
	wrongType = "a wrong type"
	noField   = "a field is missing"
	emptyText = "an empty text"
)

// wrongBody says what is wrong with a body that is to be a T, as in these constants; empty for nothing. Judge looks at
// what the types leave open.
func wrongBody[T any](judge func(T) string) func(body []byte) string {
	return func(body []byte) string {
		var v T
		switch {
		case !json.Valid(body):
			return noJSON
		case json.Unmarshal(body, &v) != nil || bytes.Equal(bytes.TrimSpace(body), []byte("null")):
			return wrongType
		}
		return judge(v)
	}
}

var (
	wrongPermissions = wrongBody(func(all map[string]*struct {
		Mode         *int
		Owner, Group *string
	}) string {
		for _, p := range all {
			if p == nil {
				return wrongType
			}
		}
		return ""
	})
	wrongMoves = wrongBody(func(all []*struct{ Src, Dest *string }) string {
		for _, m := range all {
			if m == nil {
				return wrongType
			}
			if m.Src == nil || m.Dest == nil {
				return noField
			}
		}
		return ""
	})
	wrongReplacements = wrongBody(func(all map[string]*struct{ Old, New *string }) string {
		for _, t := range all {
			switch {
			case t == nil:
				return wrongType
			case t.Old == nil || t.New == nil:
				return noField
			case *t.Old == "":
				return emptyText
			}
		}
		return ""
	})
)

// badBodies are faults of an operation that is sent what is no request. Mend makes a request of a value that has a wrong
// type or lacks a field, nil for none: it is what a careless daemon does with it.
func (o treeOp) badBodies(requirement string, wrong func([]byte) string, mend func(any) any, kinds ...string) []Mutant {
	var faults []mutant.Fault
	for _, kind := range kinds {
		m := o.WithRawBody(func(b []byte) bool { return wrong(b) == kind })
		other := 422
		switch kind {
		case noJSON:
			other = 500
		case wrongType:
			other = 415
		}
		faults = append(faults, o.not(m, kind, 400, other, 200)...)
	}
	mended := func(body []byte) []byte {
		if wrong(body) == "" || !json.Valid(body) {
			return body
		}
		var v any
		if dec := numbers(body); dec.Decode(&v) != nil {
			return body
		}
		if v = mend(v); v == nil {
			return body
		}
		return mustJSON(v)
	}
	faults = append(faults,
		mutant.RewriteRequestBody(o.Match, "text behind the JSON is ignored", firstValue),
		mutant.RewriteRequestBody(o.Match, "what is wrong in a request is put right or left out", mended),
	)
	return append(breaks(requirement, faults...), o.does(requirement, "done, and then refused", func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
		body := takeBody(r)
		if wrong(body) != "" {
			again := mended(closed(body))
			if wrong(again) == "" && len(pathsOf(r, again)) > 0 && askAgain(next, r, r.URL.Query(), again).Code == http.StatusOK {
				act()
			}
		}
		next.ServeHTTP(w, r)
	}))
}

func numbers(body []byte) *json.Decoder {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	return dec
}

// closed makes JSON of a text that breaks off, or has something behind it.
func closed(body []byte) []byte {
	for _, end := range []string{"", "}", "}}", `"}}`, "]", "}]", `"}]`} {
		if text := firstValue(slices.Concat(body, []byte(end))); json.Valid(text) {
			return text
		}
	}
	return body
}

// mendPermissions takes digits in text for a mode, and leaves out what else has a wrong type.
func mendPermissions(v any) any {
	all, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	for path, e := range all {
		entry, ok := e.(map[string]any)
		if !ok {
			entry = map[string]any{}
		}
		if text, ok := entry["mode"].(string); ok {
			if n, err := strconv.Atoi(text); err == nil {
				entry["mode"] = n
			}
		}
		if _, err := strconv.Atoi(fmt.Sprint(entry["mode"])); err != nil {
			delete(entry, "mode")
		}
		for _, name := range []string{"owner", "group"} {
			if _, ok := entry[name].(string); !ok {
				delete(entry, name)
			}
		}
		all[path] = entry
	}
	return all
}

// mendChmod leaves out paths for which nothing is to be set.
func mendChmod(v any) any {
	all, _ := mendPermissions(v).(map[string]any)
	for path, entry := range all {
		if len(entry.(map[string]any)) == 0 {
			delete(all, path)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// mendMoves leaves out moves that lack something.
func mendMoves(v any) any {
	if one, ok := v.(map[string]any); ok {
		v = []any{one}
	}
	all, ok := v.([]any)
	if !ok {
		return nil
	}
	all = slices.DeleteFunc(all, func(e any) bool { return wrongMoves(mustJSON([]any{e})) != "" })
	if len(all) == 0 {
		return nil
	}
	return all
}

// mendReplacements takes no new text for an empty one, numbers for text, and leaves out what lacks the old text.
func mendReplacements(v any) any {
	all, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	for path, e := range all {
		entry, _ := e.(map[string]any)
		for _, name := range []string{"old", "new"} {
			if value, there := entry[name]; there && value != nil {
				entry[name] = fmt.Sprint(value)
			}
		}
		if old, _ := entry["old"].(string); old == "" {
			delete(all, path)
			continue
		}
		if entry["new"] == nil {
			entry["new"] = ""
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}
