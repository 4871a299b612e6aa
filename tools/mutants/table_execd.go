package main

import (
	"net/http"
	"slices"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// The operations of execd that the table breaks.
var (
	pingExecd  = mutant.Op("GET", "/ping")
	runCommand = mutant.Op("POST", "/command")
	uploadFile = mutant.Op("POST", "/files/upload")
	getFile    = mutant.Op("GET", "/files/download")
	fileInfo   = mutant.Op("GET", "/files/info")
)

func execdMutants() []Mutant {
	return slices.Concat(
		authMutants(), httpMutants(),
		commandMutants(), commandRequestMutants(), commandOptionMutants(),
		moreCommandMutants(),
		framingMutants(), eventMutants(), livenessMutants(), outputMutants(), streamStyleMutants(),
		uploadMutants(), uploadSettingMutants(), brokenUploadMutants(),
		downloadMutants(), rangeMutants(), lineReadMutants(), infoMutants(),
		codeMutants(), metricsMutants(),
		treeMutants(),
		negativeMutants(),
	)
}

// breaks ties faults on the wire to the requirement that each of them breaks.
func breaks(requirement string, faults ...mutant.Fault) []Mutant {
	var all []Mutant
	for _, f := range faults {
		all = append(all, Mutant{Requirement: requirement, Wire: f})
	}
	return all
}

// inSandbox has the daemon judged in a sandbox, which has what a bare daemon may lack.
func inSandbox(mutants []Mutant) []Mutant {
	for i := range mutants {
		mutants[i].Setup.Inside = true
	}
	return mutants
}

// misbehaves is a mutant whose fault is around the daemon's handler, for the requests of one operation.
func misbehaves(requirement, name, method, path string, serve func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request)) Mutant {
	return Mutant{Requirement: requirement, Name: method + " " + path + ": " + name, HTTP: func(next http.Handler, act func()) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == method && r.URL.Path == path {
				serve(next, act, w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}}
}

// refusal is an error body as the document wants it.
func refusal(message string) map[string]any {
	return map[string]any{"code": "INVALID_REQUEST", "message": message}
}

// renamed gives a fault a name that tells it from others.
func renamed(f mutant.Fault, m mutant.Match, what string) mutant.Fault {
	f.Name = m.String() + ": " + what
	return f
}

// chained applies several faults of the answer to the exchanges of one match.
func chained(m mutant.Match, what string, faults ...mutant.Fault) mutant.Fault {
	return mutant.Fault{Name: m.String() + ": " + what, Match: m, Response: func(res *http.Response, act func()) error {
		for _, f := range faults {
			if err := f.Response(res, act); err != nil {
				return err
			}
		}
		return nil
	}}
}

// asText answers with an error body that is no JSON.
func asText(m mutant.Match, text string) mutant.Fault {
	return chained(m, "the body "+text+" as text/plain", mutant.ContentType(m, "text/plain; charset=utf-8"),
		mutant.Body(m, "", func([]byte) []byte { return []byte(text) }))
}
