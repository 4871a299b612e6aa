package main

import (
	"encoding/json"
	"math"
	"net/http"
	"os/exec"
	"os/user"
	"slices"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// userMutants break who commands run as.
func userMutants() []Mutant {
	given := func(what string, change func(b map[string]any)) mutant.Fault {
		return mutant.RewriteRequestJSON(runCommand, what, func(b map[string]any) {
			if b["uid"] != nil && !noUID(b) {
				change(b)
			}
		})
	}
	bad := runCommand.WithBody(noUID)
	inPlace := func(what string, change func(b map[string]any)) mutant.Fault {
		return mutant.RewriteRequestJSON(runCommand, what, func(b map[string]any) {
			if noUID(b) {
				change(b)
			}
		})
	}
	return slices.Concat(
		breaks("EX-CMD-19",
			given("uid and gid are ignored", func(b map[string]any) {
				delete(b, "uid")
				delete(b, "gid")
			}),
			given("gid is ignored", func(b map[string]any) { delete(b, "gid") }),
			given("uid is ignored, gid is not", func(b map[string]any) {
				if b["gid"] != nil {
					b["uid"] = 0
				}
			}),
			given("the group stays the daemon's", func(b map[string]any) {
				if b["gid"] != nil {
					b["gid"] = 0
				}
			}),
			given("uid and gid are swapped", func(b map[string]any) {
				if b["gid"] != nil {
					b["uid"], b["gid"] = b["gid"], b["uid"]
				}
			}),
			given("gid is the uid", func(b map[string]any) {
				if b["gid"] != nil {
					b["gid"] = b["uid"]
				}
			}),
			given("any uid but 0 is nobody's", func(b map[string]any) {
				if n, ok := b["uid"].(json.Number); ok && n != "0" {
					b["uid"] = 65534
				}
			}),
			given("a uid that no account has is ignored", func(b map[string]any) {
				if n, ok := b["uid"].(json.Number); ok {
					if _, err := user.LookupId(n.String()); err != nil {
						delete(b, "uid")
						delete(b, "gid")
					}
				}
			}),
			given("ignored in the background", func(b map[string]any) {
				if b["background"] == true {
					delete(b, "uid")
					delete(b, "gid")
				}
			}),
		),
		breaks("EX-CMD-20",
			renamed(mutant.Status(bad, 400, 500), runCommand, "a uid that can't be: status 500"),
			renamed(mutant.Status(bad, 400, 403), runCommand, "a uid that can't be: status 403"),
			renamed(mutant.Status(bad, 400, 422), runCommand, "a uid that can't be: status 422"),
			renamed(failsToStart(bad), runCommand, "a uid that can't be: a stream that ends in an error"),
			inPlace("a uid that can't be is cut to 31 bits", func(b map[string]any) {
				n, _ := b["uid"].(json.Number)
				if uid, err := n.Int64(); err == nil {
					b["uid"] = uid & math.MaxInt32
				}
			}),
			inPlace("a uid that can't be is the daemon's", func(b map[string]any) {
				delete(b, "uid")
				delete(b, "gid")
			}),
		),
		[]Mutant{misbehaves("EX-CMD-20", "runs as the daemon's user and then refuses the uid", "POST", "/command", runsAsItself)},
	)
}

// noUID says whether a request has a number as uid that is none: below 0, or beyond int32.
func noUID(b map[string]any) bool {
	var n float64
	switch uid := b["uid"].(type) {
	case json.Number:
		var err error
		if n, err = uid.Float64(); err != nil {
			return true
		}
	case float64:
		n = uid
	default:
		return false
	}
	return n < 0 || n > math.MaxInt32
}

// runsAsItself runs the command of a request whose uid will be refused.
func runsAsItself(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
	var b map[string]any
	if json.Unmarshal(takeBody(r), &b) == nil && noUID(b) {
		act()
		delete(b, "uid")
		delete(b, "gid")
		replay(next, r, mustJSON(b), "application/json")
	}
	next.ServeHTTP(w, r)
}

// secretMutants show the token to commands.
func secretMutants() []Mutant {
	variable := func(what, name string, test func(b map[string]any) bool) mutant.Fault {
		return mutant.RewriteRequestJSON(runCommand, what, func(b map[string]any) {
			if command, ok := b["command"].(string); ok && test(b) {
				b["command"] = "export " + name + "=" + quoted(token) + "\n" + command
			}
		})
	}
	always := func(map[string]any) bool { return true }
	return slices.Concat(
		breaks("EX-AUTH-04",
			variable("the token in the environment", "EXECD_ACCESS_TOKEN", always),
			variable("the token in the environment under an odd name", "_AUTH", always),
			variable("the token within a variable", "DAEMON_OPTS", always),
			mutant.RewriteRequestJSON(runCommand, "the token in the command line of the shell", func(b map[string]any) {
				if command, ok := b["command"].(string); ok {
					b["command"] = "set -- --token=" + quoted(token) + "\n" + command
				}
			}),
		),
		[]Mutant{
			misbehaves("EX-AUTH-04", "the token in the command line of a process of the daemon's", "POST", "/command", besides(nil, "--token="+token)),
			misbehaves("EX-AUTH-04", "the token in the environment of a process of the daemon's", "POST", "/command", besides([]string{"EXECD_TOKEN=" + token}, "")),
		},
	)
}

// besides has a process beside each command, with these variables and this argument.
func besides(env []string, argument string) func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
	return func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
		process := exec.Command("sh", "-c", "read -r end", "execd", argument) //nolint:gosec // of the table
		process.Env = append([]string{"PATH=/usr/bin:/bin"}, env...)
		in, err := process.StdinPipe()
		if err == nil {
			err = process.Start()
		}
		if err != nil {
			decline(w, http.StatusInternalServerError, err.Error())
			return
		}
		act()
		next.ServeHTTP(w, r)
		_ = in.Close()
		_ = process.Wait() // read found the end, and that is its status
	}
}
