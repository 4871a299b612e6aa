package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

func commandMutants() []Mutant {
	bySignal := func(e map[string]any) bool { return evalue(e) == "-1" } // as our daemon has it
	byExit := func(e map[string]any) bool { return evalue(e) != "-1" }
	return slices.Concat(
		breaks("EX-CMD-01",
			mutant.Status(runCommand, 200, 201),
			mutant.Status(runCommand, 200, 202),
			mutant.ContentType(runCommand, "application/x-ndjson"),
			mutant.ContentType(runCommand, "text/plain; charset=utf-8"),
			mutant.DropHeader(runCommand, "Content-Type"),
			mutant.EmptyBody(runCommand.On(400)),
			mutant.DropField(runCommand.On(400), "message"),
			mutant.SetField(runCommand.On(400), "code", 400),
			asText(runCommand.On(400), "bad request"),
		),
		breaks("EX-CMD-02",
			changeError("always evalue 1", byExit, func(e map[string]any) { setEvalue(e, "1") }),
			changeError("evalue in words", byExit, func(e map[string]any) { setEvalue(e, "exit status "+evalue(e)) }),
			changeError("evalue as a signed byte", byExit, func(e map[string]any) {
				if n, err := strconv.Atoi(evalue(e)); err == nil {
					setEvalue(e, strconv.Itoa(int(int8(n))))
				}
			}),
			changeError("evalue as a wait status", byExit, func(e map[string]any) {
				if n, err := strconv.Atoi(evalue(e)); err == nil {
					setEvalue(e, strconv.Itoa(n<<8))
				}
			}),
			changeError("ends in execution_complete", byExit, toComplete),
		),
		breaks("EX-CMD-03",
			changeError("evalue 0 for a signal", bySignal, func(e map[string]any) { setEvalue(e, "0") }),
			changeError("the signal's name as evalue", bySignal, func(e map[string]any) { setEvalue(e, "signal: killed") }),
			changeError("no evalue for a signal", bySignal, func(e map[string]any) { setEvalue(e, "") }),
			changeError("a signal ends in execution_complete", bySignal, toComplete),
		),
		breaks("EX-CMD-04",
			changeError("another ename", byExit, func(e map[string]any) { setError(e, "ename", "ExitError") }),
			changeError("no ename", byExit, func(e map[string]any) { setError(e, "ename", "") }),
		),
		breaks("EX-CMD-05",
			mutant.RewriteRequestJSON(runCommand, "cwd is ignored", func(b map[string]any) {
				if cwdIsDirectory(b) {
					delete(b, "cwd")
				}
			}),
			mutant.RewriteRequestJSON(runCommand, "runs in the parent of cwd", func(b map[string]any) {
				if cwdIsDirectory(b) {
					b["cwd"] = filepath.Dir(filepath.Clean(b["cwd"].(string)))
				}
			}),
			mutant.RewriteRequestJSON(runCommand, "a cwd that needs quotes is lost", func(b map[string]any) {
				if cwd, _ := b["cwd"].(string); cwdIsDirectory(b) && strings.ContainsAny(cwd, " '\"$&;\\") {
					delete(b, "cwd")
				}
			}),
		),
		breaks("EX-CMD-06",
			mutant.RewriteRequestJSON(runCommand, "a missing cwd is ignored", func(b map[string]any) {
				if kind(b["cwd"]) == "missing" {
					delete(b, "cwd")
				}
			}),
			mutant.RewriteRequestJSON(runCommand, "for a file as cwd its folder", func(b map[string]any) {
				if kind(b["cwd"]) == "file" {
					b["cwd"] = filepath.Dir(b["cwd"].(string))
				}
			}),
			mutant.RewriteRequestJSON(runCommand, "goes on where cd failed", func(b map[string]any) {
				if command, ok := b["command"].(string); ok && cwdIsNone(b) {
					b["command"] = "cd " + quoted(b["cwd"].(string)) + "\n" + command
					delete(b, "cwd")
				}
			}),
		),
		breaks("EX-CMD-07",
			mutant.Status(runCommand.WithBody(cwdIsNone), 400, 404),
			mutant.Status(runCommand.WithBody(cwdIsNone), 400, 500),
			failsToStart(runCommand.WithBody(cwdIsNone)),
		),
		[]Mutant{
			misbehaves("EX-CMD-08", "a client that goes away is not noticed", "POST", "/command", unnoticed(false)),
			misbehaves("EX-CMD-08", "a client that goes away is noticed at the next output", "POST", "/command", unnoticed(true)),
		},
	)
}

// changeError changes the error events of commands for which test is true.
func changeError(what string, test func(map[string]any) bool, change func(map[string]any)) mutant.Fault {
	return mutant.ChangeEvent(runCommand, "error", what, func(e map[string]any) {
		if test(e) {
			change(e)
		}
	})
}

func evalue(e map[string]any) string {
	detail, _ := e["error"].(map[string]any)
	return fmt.Sprint(detail["evalue"])
}

func setEvalue(e map[string]any, value any) { setError(e, "evalue", value) }

func setError(e map[string]any, property string, value any) {
	if detail, ok := e["error"].(map[string]any); ok {
		detail[property] = value
	}
}

// toComplete makes a good end of an event.
func toComplete(e map[string]any) {
	delete(e, "error")
	e["type"], e["execution_time"] = "execution_complete", 1
}

// failsToStart answers with a stream that has no output, where an error status should be.
func failsToStart(m mutant.Match) mutant.Fault {
	return mutant.Fault{Name: m.String() + ": a stream in place of an error", Match: m, Response: func(res *http.Response, act func()) error {
		if res.StatusCode != http.StatusBadRequest {
			return nil
		}
		if err := mutant.ContentType(m.Always(), "text/event-stream").Response(res, func() {}); err != nil {
			return err
		}
		if err := mutant.Body(m.Always(), "", func([]byte) []byte { return failedStart() }).Response(res, func() {}); err != nil {
			return err
		}
		act()
		res.Header.Set("Cache-Control", "no-cache")
		res.Header.Set("X-Accel-Buffering", "no")
		res.StatusCode, res.Status = http.StatusOK, "200 OK"
		return nil
	}}
}

func failedStart() []byte {
	now := nowMilli()
	return slices.Concat(
		mutant.Encode(map[string]any{"type": "init", "text": "e1", "timestamp": now}).Raw,
		mutant.Encode(map[string]any{"type": "error", "timestamp": now, "error": map[string]any{
			"ename": "CommandExecError", "evalue": "1", "traceback": []string{"no such directory"},
		}}).Raw,
	)
}

// kind is "directory", "file" or "missing", as the daemon sees a path; empty for none.
func kind(path any) string {
	text, _ := path.(string)
	if text == "" {
		return ""
	}
	info, err := os.Stat(text)
	switch {
	case err != nil:
		return "missing"
	case info.IsDir():
		return "directory"
	}
	return "file"
}

func cwdIsDirectory(b map[string]any) bool { return kind(b["cwd"]) == "directory" }

func cwdIsNone(b map[string]any) bool {
	k := kind(b["cwd"])
	return k == "missing" || k == "file"
}

// quoted makes one word of a text for a shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
