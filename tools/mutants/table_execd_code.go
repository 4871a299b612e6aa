package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// The operations of execd that run code.
var (
	runCode        = mutant.Op("POST", "/code")
	interruptCode  = mutant.Op("DELETE", "/code")
	createContext  = mutant.Op("POST", "/code/context")
	listContexts   = mutant.Op("GET", "/code/contexts")
	deleteContexts = mutant.Op("DELETE", "/code/contexts")
	getContext     = mutant.Op("GET", "/code/contexts/{context_id}")
	deleteContext  = mutant.Op("DELETE", "/code/contexts/{context_id}")
)

func codeMutants() []Mutant {
	return slices.Concat(
		codeDocumentMutants(), contextMutants(), contextDeletionMutants(), codeRequestMutants(),
		variableMutants(), unknownContextMutants(), unknownLanguageMutants(), languageMutants(),
		codeInterruptMutants(), busyContextMutants(),
		codeErrorMutants(), codeOutputMutants(), codeResultMutants(),
	)
}

// onCode applies a fault of a command's answer to code.
func onCode(f mutant.Fault) mutant.Fault { return moved(runCode, f) }

// moved applies a fault of the answer to other exchanges.
func moved(m mutant.Match, f mutant.Fault) mutant.Fault {
	f.Name = strings.Replace(f.Name, f.Match.String(), m.String(), 1)
	f.Match = m
	return f
}

// emptied answers a status with no body in place of another with one.
func emptied(m mutant.Match, from, to int) mutant.Fault {
	m = m.On(from)
	return chained(m, fmt.Sprintf("an empty %d in place of %d", to, from),
		mutant.DropHeader(m, "Content-Type"), mutant.EmptyBody(m), mutant.Status(m, from, to))
}

// contextOf is the context that a request to run code names, nil for none.
func contextOf(b map[string]any) map[string]any {
	context, _ := b["context"].(map[string]any)
	return context
}

// idOf and languageOf are what a request names, whether it runs code or makes a context; empty for none.
func idOf(b map[string]any) string {
	id, _ := contextOf(b)["id"].(string)
	return id
}

func languageOf(b map[string]any) string {
	if language, ok := b["language"].(string); ok {
		return language
	}
	language, _ := contextOf(b)["language"].(string)
	return language
}

// unknownLanguage tells a language that no deployment has.
func unknownLanguage(language string) bool {
	return language != "" && !slices.Contains([]string{"python", "javascript", "bash", "typescript", "java", "go"}, language)
}
