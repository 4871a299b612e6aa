package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// Filters of output for bash. Each makes the file MARK when it changed something.
const (
	lastLineLost = `l=; while IFS= read -r l; do printf '%s\n' "$l"; l=; done; [ -z "$l" ] || : >MARK`
	wholeLines   = `p=
while :; do
	l=; IFS= read -r -t 0.1 l; s=$?; p=$p$l
	if [ $s -eq 0 ]; then printf '%s\n' "$p"; p=
	elif [ $s -gt 128 ]; then [ -z "$p" ] || : >MARK
	else printf %s "$p"; break
	fi
done`
)

// redirected has a filter read the stdout and another one the stderr of a command.
func redirected(command, filter string) string {
	return "exec > >(" + filter + ") 2> >({ " + filter + "\n} >&2)\nexec bash -c " + quoted(command)
}

// piped has a filter read the stdout of a command, which loses the state of its session.
func piped(command, filter string) string {
	return "(\n" + command + "\n) | { " + filter + "\n}\n(exit ${PIPESTATUS[0]})"
}

// filtered puts a filter behind each command, as put says.
func filtered(put func(command, filter string) string, filter string) func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
	return func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
		dir, err := os.MkdirTemp("", "mutant-")
		if err != nil {
			decline(w, http.StatusInternalServerError, err.Error())
			return
		}
		defer os.RemoveAll(dir)
		mark := filepath.Join(dir, "mark")
		var request map[string]any
		if json.Unmarshal(takeBody(r), &request) == nil {
			if command, ok := request["command"].(string); ok {
				request["command"] = put(command, strings.ReplaceAll(filter, "MARK", quoted(mark)))
				replaceBody(r, mustJSON(request))
			}
		}
		next.ServeHTTP(w, r)
		if _, err := os.Stat(mark); err == nil {
			act()
		}
	}
}
