package main

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// languageMutants lack languages whose interpreter is there.
func languageMutants() []Mutant {
	both := mutant.Path("POST", regexp.MustCompile(`/code(/context)?$`))
	in := func(m mutant.Match, language string) mutant.Match {
		return m.WithBody(func(b map[string]any) bool { return languageOf(b) == language })
	}
	lacks := func(m mutant.Match, language string, status int) mutant.Fault {
		return mutant.Answer(in(m, language), status, refusal(language+" is not there; there are: sh"))
	}
	defaultIn := func(language string) mutant.Match {
		return in(runCode, language).WithBody(func(b map[string]any) bool { return idOf(b) == "" })
	}
	what := func(f mutant.Fault, op, what string) mutant.Fault {
		f.Name = op + ": " + what
		return f
	}
	return slices.Concat(
		breaks("EX-CODE-25",
			what(lacks(both, "python", 400), "POST /code, POST /code/context", "no python"),
			what(lacks(createContext, "python", 400), "POST /code/context", "no contexts of python"),
			what(lacks(defaultIn("python"), "python", 400), "POST /code", "python in contexts that were created alone"),
			what(lacks(both, "python", 500), "POST /code, POST /code/context", "python does not start: status 500"),
		),
		[]Mutant{
			behaves("EX-CODE-25", "python is started, and is not there", map[string]func(*codeCall){"runCode": neverStarts("python")}),
		},
		breaks("EX-CODE-26",
			what(lacks(both, "javascript", 400), "POST /code, POST /code/context", "no javascript"),
			what(lacks(both, "bash", 400), "POST /code, POST /code/context", "no bash"),
			what(lacks(createContext, "bash", 400), "POST /code/context", "no contexts of bash"),
			what(lacks(createContext, "javascript", 400), "POST /code/context", "no contexts of javascript"),
			what(lacks(defaultIn("javascript"), "javascript", 400), "POST /code", "javascript in contexts that were created alone"),
			what(lacks(defaultIn("bash"), "bash", 400), "POST /code", "bash in contexts that were created alone"),
		),
		[]Mutant{
			behaves("EX-CODE-26", "javascript is started, and is not there", map[string]func(*codeCall){"runCode": neverStarts("javascript")}),
			behaves("EX-CODE-26", "javascript is run by bash", map[string]func(*codeCall){"runCode": func(c *codeCall) {
				if c.language != "javascript" {
					c.pass()
					return
				}
				c.act()
				c.with(func(b map[string]any) { b["context"] = map[string]any{"language": "bash"} })
			}}),
		},
	)
}

// neverStarts begins a stream for code of a language, and finds then that its interpreter can't be started.
func neverStarts(language string) func(*codeCall) {
	return func(c *codeCall) {
		if c.language != language {
			c.pass()
			return
		}
		c.act()
		c.w.Header().Set("Content-Type", "text/event-stream")
		c.w.Header().Set("Cache-Control", "no-cache")
		c.w.Header().Set("X-Accel-Buffering", "no")
		c.w.WriteHeader(http.StatusOK)
		_, _ = c.w.Write(failedStart()) // to a client that may be gone
	}
}
