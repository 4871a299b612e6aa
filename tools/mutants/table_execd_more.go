package main

import (
	"net/http"
	"slices"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// The operations of commands and sessions beside POST /command.
var (
	interruptCommand = mutant.Op("DELETE", "/command")
	commandStatus    = mutant.Op("GET", "/command/status/{session}")
	commandOutput    = mutant.Op("GET", "/command/output/{session}")
	commandLogs      = mutant.Op("GET", "/command/{id}/logs")
	openSession      = mutant.Op("POST", "/session")
	runInSession     = mutant.Op("POST", "/session/{sessionId}/run")
	closeSession     = mutant.Op("DELETE", "/session/{sessionId}")
)

const cursorHeader = "EXECD-COMMANDS-TAIL-CURSOR"

// moreCommandMutants break what is asked about commands and sessions beside the stream of a command.
func moreCommandMutants() []Mutant {
	return slices.Concat(
		backgroundMutants(), interruptMutants(), userMutants(), secretMutants(),
		statusMutants(), statusFieldMutants(), keptOutputMutants(), keptMutants(), logMutants(), logCursorMutants(),
		sessionMutants(), sessionPlaceMutants(), sessionStateMutants(), sessionRunMutants(), sessionOutputMutants(),
		silenceMutants(), blameMutants(),
	)
}

// followed ties faults that know the daemon's commands to the requirement that each of them breaks.
func followed(requirement string, makers ...func(x *executions) mutant.Fault) []Mutant {
	var all []Mutant
	for _, maker := range makers {
		x := newExecutions()
		all = append(all, Mutant{Requirement: requirement, Wire: maker(x), HTTP: x.watch})
	}
	return all
}

// forgets answers 404 for the commands that all tests are true of.
func forgets(op mutant.Match, what string, tests ...about) func(x *executions) mutant.Fault {
	return claims(op, what, http.StatusNotFound, refusal("no such command"), tests...)
}

// claims answers, without asking the daemon, for the commands that all tests are true of.
func claims(op mutant.Match, what string, status int, body any, tests ...about) func(x *executions) mutant.Fault {
	return func(x *executions) mutant.Fault {
		return renamed(mutant.Answer(x.those(op, tests...), status, body), op, what)
	}
}

// tells changes the JSON that is answered for the commands that all tests are true of.
func tells(op mutant.Match, what string, change func(map[string]any), tests ...about) func(x *executions) mutant.Fault {
	return func(x *executions) mutant.Fault {
		return renamed(mutant.JSONBody(x.those(op, tests...), "", change), op, what)
	}
}

// undocumented are answers that no document allows: 404 for what is not there, without the error body that it needs.
func undocumented(m mutant.Match, status int) []mutant.Fault {
	return []mutant.Fault{
		mutant.EmptyBody(m.On(status)),
		mutant.DropField(m.On(status), "code"),
		asText(m.On(status), "404 page not found"),
	}
}

// bodyAdded answers a JSON body where none is documented.
func bodyAdded(m mutant.Match) mutant.Fault {
	return chained(m, "a body where none is documented", mutant.ContentType(m, "application/json"),
		mutant.Body(m, "", func([]byte) []byte { return []byte(`{"success":true}`) }))
}

// saying sets one property of a JSON object.
func saying(property string, value any) func(map[string]any) {
	return func(b map[string]any) { b[property] = value }
}
