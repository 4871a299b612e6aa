package mutant

import (
	"fmt"
	"net/http"
)

// Fault is one way to be wrong. Its hooks are called for the exchanges that
// Match picks, concurrently for concurrent exchanges, and call act whenever
// they change something; a hook that finds nothing to change leaves all as it
// is. The zero Fault changes nothing.
type Fault struct {
	// Name says what is wrong, and where.
	Name string
	// Match picks the exchanges.
	Match Match
	// Request changes the request before it goes on: header, URL, body. A body
	// that is replaced needs its ContentLength.
	Request func(r *http.Request, act func()) error
	// Answer, if set, answers in place of the deployment, which is not asked.
	Answer http.Handler
	// Response changes the answer before it goes back. Where it replaces Body,
	// the body may change later too, as the bytes come.
	Response func(res *http.Response, act func()) error

	unsized bool // the answer goes out with no Content-Length, even if empty
}

func name(m Match, format string, args ...any) string {
	return m.String() + ": " + fmt.Sprintf(format, args...)
}

// onAnswer is a fault of the answers that m picks.
func onAnswer(m Match, name string, change func(res *http.Response, act func()) error) Fault {
	return Fault{Name: name, Match: m, Response: func(res *http.Response, act func()) error {
		if !m.answer(res.StatusCode) {
			return nil
		}
		return change(res, act)
	}}
}
