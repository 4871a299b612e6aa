package main

import (
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// sessionPlaceMutants break where sessions begin and where runs happen.
func sessionPlaceMutants() []Mutant {
	cwd := func(op mutant.Match, what string, change func(cwd string, b map[string]any)) mutant.Fault {
		return mutant.RewriteRequestJSON(op, what, func(b map[string]any) {
			if cwd, ok := b["cwd"].(string); ok {
				change(cwd, b)
			}
		})
	}
	ignored := func(_ string, b map[string]any) { delete(b, "cwd") }
	parent := func(cwd string, b map[string]any) { b["cwd"] = filepath.Dir(filepath.Clean(cwd)) }
	return breaks("EX-SESSION-06",
		cwd(openSession, "the cwd of a session is ignored", ignored),
		cwd(openSession, "begins in the parent of its cwd", parent),
		cwd(runInSession, "the cwd of a run is ignored", ignored),
		cwd(runInSession, "happens in the parent of its cwd", parent),
		renamed(cwd(runInSession.Skip(1), "", ignored), runInSession, "the cwd counts for the first run only"),
		cwd(runInSession, "a cwd that needs quotes is lost", func(cwd string, b map[string]any) {
			if strings.ContainsAny(cwd, " '\"$&;\\") {
				delete(b, "cwd")
			}
		}),
		cwd(runInSession, "a cwd that is no directory is ignored", func(cwd string, b map[string]any) {
			if cwdIsNone(b) {
				delete(b, "cwd")
			}
		}),
		cwd(runInSession, "goes to its cwd behind the command", func(cwd string, b map[string]any) {
			if command, ok := b["command"].(string); ok {
				b["command"] = command + "\n__s=$?; cd " + quoted(cwd) + "; (exit $__s)"
				delete(b, "cwd")
			}
		}),
	)
}

// sessionStateMutants lose what a session is for. They are written for bash.
func sessionStateMutants() []Mutant {
	// Around is a run with something before and behind it, where it has one of the words.
	around := func(what, words, before, behind string) mutant.Fault {
		has := regexp.MustCompile(words)
		return mutant.RewriteRequestJSON(runInSession, what, func(b map[string]any) {
			if command, ok := b["command"].(string); ok && has.MatchString(command) {
				b["command"] = before + "\n" + command + "\n" + behind
			}
		})
	}
	const (
		places    = `\bcd\b|pushd`
		exports   = `export|declare|typeset|set -a`
		variables = `=|read|declare`
		functions = `\(\)|\bfunction\b`
		exported  = `__e=" $(compgen -e | tr '\n' ' ')"`
		newOnes   = `__s=$?; for __v in $(compgen -e); do case "$__e" in *" $__v "*) ;; *) `
		done      = `; esac; done; (exit $__s)`
		unset     = `for __v in $(compgen -v); do case "$__e" in *" $__v "*) ;; *) [[ $__v = __* || ${!__v@a} = *x* ]] || unset "$__v" 2>/dev/null`
	)
	return slices.Concat(
		breaks("EX-SESSION-04",
			around("each run is a shell of its own", places, "(", ")"),
			around("goes back when a run has ended", places, `__d=$PWD`, `__s=$?; cd "$__d"; (exit $__s)`),
			around("goes back when a run has failed", places, `__d=$PWD`, `__s=$?; [ $__s = 0 ] || cd "$__d"; (exit $__s)`),
			around("a directory that needs quotes is lost", places, ``, `__s=$?; case $PWD in *[[:space:]]*) cd;; esac; (exit $__s)`),
			around("the parent of the directory is kept", places, ``, `__s=$?; cd ..; (exit $__s)`),
		),
		[]Mutant{oneShell("EX-SESSION-04")},
		breaks("EX-SESSION-05",
			around("each run is a shell of its own", exports, "(", ")"),
			around("what was exported is lost", exports, exported, newOnes+`unset "$__v"`+done),
			around("kept, and no longer exported", exports, exported, newOnes+`export -n "$__v"`+done),
			around("values end at a line end", exports, exported, newOnes+`export "$__v=${!__v%%$'\n'*}"`+done),
			around("values end at a blank", exports, exported, newOnes+`export "$__v=${!__v%% *}"`+done),
			around("lost when a run has failed", exports, exported, newOnes+`[ $__s = 0 ] || unset "$__v"`+done),
		),
		[]Mutant{oneShell("EX-SESSION-05")},
		breaks("EX-SESSION-07",
			around("each run is a shell of its own", variables+"|"+functions, "(", ")"),
			around("functions are lost", functions, ``, `__s=$?; unset -f $(compgen -A function); (exit $__s)`),
			around("variables that are not exported are lost", variables, `__e=" $(compgen -v | tr '\n' ' ')"`, `__s=$?; `+unset+done),
		),
	)
}

// oneShell has all sessions in one.
func oneShell(requirement string) Mutant {
	first := ""
	x := newExecutions()
	return Mutant{Requirement: requirement, Name: runInSession.String() + ": all sessions are one shell", HTTP: func(next http.Handler, act func()) http.Handler {
		inner := x.watch(next, nil)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/run") && x.isOpen(r) {
				x.mu.Lock()
				id := sessionInPath.FindStringSubmatch(r.URL.Path)[1]
				if first == "" || !x.open[first] {
					first = id
				}
				one := first
				x.mu.Unlock()
				if one != id {
					act()
					r.URL.Path, r.URL.RawPath = "/session/"+one+"/run", ""
				}
			}
			inner.ServeHTTP(w, r)
		})
	}}
}
