package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// commandRequestMutants are daemons that take what is no command request.
func commandRequestMutants() []Mutant {
	noCommand := func(b map[string]any) bool { return b["command"] == nil }
	wrongCommand := func(b map[string]any) bool {
		_, ok := b["command"].(string)
		return !ok && b["command"] != nil
	}
	noJSON := runCommand.WithRawBody(func(b []byte) bool { return !json.Valid(b) })
	return slices.Concat(
		breaks("EX-CMD-09",
			mutant.RewriteRequestJSON(runCommand, "a command of another type is made text", func(b map[string]any) {
				if words, ok := b["command"].([]any); ok {
					b["command"] = strings.Trim(fmt.Sprint(words), "[]")
				} else if wrongCommand(b) {
					b["command"] = fmt.Sprint(b["command"])
				}
			}),
			mutant.RewriteRequestJSON(runCommand, "no command is an empty command", func(b map[string]any) {
				if noCommand(b) {
					b["command"] = ""
				}
			}),
			mutant.RewriteRequestJSON(runCommand, "optional fields of a wrong type are ignored", func(b map[string]any) {
				for _, field := range wrongOptions(b) {
					delete(b, field)
				}
			}),
			mutant.RewriteRequestBody(runCommand, "text behind the JSON is ignored", firstValue),
			textIsCommand(),
			renamed(mutant.Status(runCommand.WithBody(noCommand), 400, 422), runCommand, "no command: status 422"),
			renamed(mutant.Status(runCommand.WithBody(wrongCommand), 400, 422), runCommand, "a command of another type: status 422"),
			renamed(mutant.Status(runCommand.WithBody(wrongCommand), 400, 500), runCommand, "a command of another type: status 500"),
			renamed(mutant.Status(noJSON, 400, 500), runCommand, "no JSON: status 500"),
			renamed(mutant.Status(noJSON, 400, 422), runCommand, "no JSON: status 422"),
			renamed(failsToStart(runCommand.WithBody(noCommand)), runCommand, "no command: a stream that ends in an error"),
		),
		[]Mutant{misbehaves("EX-CMD-09", "runs the command and then answers 400", "POST", "/command", runsFirst)},
	)
}

// wrongOptions names the optional fields of a command request that have a wrong type.
func wrongOptions(b map[string]any) []string {
	var wrong []string
	for field, right := range map[string]func(any) bool{
		"cwd":        func(v any) bool { _, ok := v.(string); return ok },
		"background": func(v any) bool { _, ok := v.(bool); return ok },
		"timeout":    isInteger, "uid": isInteger, "gid": isInteger,
		"envs": func(v any) bool {
			envs, ok := v.(map[string]any)
			for _, value := range envs {
				_, text := value.(string)
				ok = ok && text
			}
			return ok
		},
	} {
		if v, there := b[field]; there && !right(v) {
			wrong = append(wrong, field)
		}
	}
	return wrong
}

func isInteger(v any) bool {
	switch n := v.(type) {
	case json.Number:
		_, err := strconv.ParseInt(n.String(), 10, 64)
		return err == nil
	case float64:
		return n == float64(int64(n))
	}
	return false
}

// firstValue leaves out what follows the first JSON value, as a decoder of streams does.
func firstValue(body []byte) []byte {
	if json.Valid(body) {
		return body
	}
	var first json.RawMessage
	if json.NewDecoder(bytes.NewReader(body)).Decode(&first) != nil {
		return body
	}
	return first
}

// textIsCommand runs a body that is no JSON as it is.
func textIsCommand() mutant.Fault {
	return mutant.Fault{Name: runCommand.String() + ": a body that is no JSON is the command", Match: runCommand, Request: func(r *http.Request, act func()) error {
		body := takeBody(r)
		if json.Valid(body) || len(bytes.TrimSpace(body)) == 0 {
			return nil
		}
		act()
		replaceBody(r, mustJSON(map[string]any{"command": string(body)}))
		r.Header.Set("Content-Type", "application/json")
		return nil
	}}
}

func replaceBody(r *http.Request, body []byte) {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.TransferEncoding = nil
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("a value of the table is no JSON: %v", err))
	}
	return text
}

var commandInText = regexp.MustCompile(`"command"\s*:\s*("(?:[^"\\]|\\.)*")`)

// runsFirst finds the command of a request that is not right, runs it, and refuses the request then.
func runsFirst(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
	body := takeBody(r)
	var request map[string]any
	valid := json.Unmarshal(body, &request) == nil
	var command string
	if found := commandInText.FindSubmatch(body); found != nil {
		_ = json.Unmarshal(found[1], &command) // stays empty
	}
	if command != "" && (!valid || len(wrongOptions(request)) > 0) {
		act()
		replay(next, r, mustJSON(map[string]any{"command": command}), "application/json")
	}
	next.ServeHTTP(w, r)
}

// replay makes another request of one, waits for its end and gives its status.
func replay(next http.Handler, r *http.Request, body []byte, contentType string) int {
	other := r.Clone(r.Context())
	replaceBody(other, body)
	other.Header.Set("Content-Type", contentType)
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, other)
	return rec.Code
}
