package mutant

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// Match picks the exchanges that a fault is applied to. Faults of the answer
// are applied to answers of status 2xx, unless On, Errors or Always says
// otherwise. A Match is a value: its methods give a narrower copy.
type Match struct {
	name   string
	method string         // empty: any
	path   *regexp.Regexp // nil: any
	where  []func(*http.Request) bool
	status func(int) bool // nil: 2xx
	skip   int
}

// Op matches an operation as the YAML names it, by method and path template:
// Op("POST", "/sandboxes/{sandboxId}/pause"). The template is matched against
// the end of the path, so a base path or a gateway's prefix may stand before it.
func Op(method, template string) Match {
	pattern := regexp.MustCompile(`\\\{[^/]*?\\\}`).ReplaceAllString(regexp.QuoteMeta(template), `[^/]+`)
	return Path(method, regexp.MustCompile(pattern+`$`)).named(method + " " + template)
}

// Path matches a method (empty: any) and the escaped path.
func Path(method string, path *regexp.Regexp) Match {
	return Match{method: method, path: path}.named(strings.TrimSpace(method + " " + path.String()))
}

// Any matches every exchange.
func Any() Match { return Match{}.named("any operation") }

func (m Match) named(name string) Match {
	m.name = name
	return m
}

// String names the exchanges.
func (m Match) String() string { return m.name }

// Where narrows it to requests of which test is true. The test must not read
// the body; see WithBody.
func (m Match) Where(test func(*http.Request) bool) Match {
	m.where = append(m.where[:len(m.where):len(m.where)], test)
	return m
}

// WithHeader narrows it to requests with this value of a header, "" for none.
func (m Match) WithHeader(name, value string) Match {
	return m.Where(func(r *http.Request) bool { return r.Header.Get(name) == value })
}

// WithBody narrows it to requests whose body is a JSON object of which test is
// true. The body is read whole before the request goes on.
func (m Match) WithBody(test func(map[string]any) bool) Match {
	return m.WithRawBody(func(body []byte) bool {
		var object map[string]any
		return json.Unmarshal(body, &object) == nil && object != nil && test(object)
	})
}

// WithRawBody narrows it to requests of whose body, JSON or not, test is true.
// The body is read whole before the request goes on; one that breaks off is not
// tested.
func (m Match) WithRawBody(test func([]byte) bool) Match {
	return m.Where(func(r *http.Request) bool {
		body, ok := peek(r)
		return ok && test(body)
	})
}

// peek reads a request's body and puts it back, and says whether it is whole.
func peek(r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		// What came is passed on, and then the error.
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
	}
	return body, err == nil
}

// failing is the end of a body that broke.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// On narrows it to answers of one status.
func (m Match) On(status int) Match { return m.onStatus(func(s int) bool { return s == status }) }

// Errors narrows it to answers of status 400 and above.
func (m Match) Errors() Match { return m.onStatus(func(s int) bool { return s >= 400 }) }

// Always widens it to answers of every status.
func (m Match) Always() Match { return m.onStatus(func(int) bool { return true }) }

func (m Match) onStatus(test func(int) bool) Match {
	m.status = test
	return m
}

// Skip leaves out the first n requests that match.
func (m Match) Skip(n int) Match {
	m.skip = n
	return m
}

func (m Match) request(r *http.Request) bool {
	if m.method != "" && m.method != r.Method {
		return false
	}
	if m.path != nil && !m.path.MatchString(r.URL.EscapedPath()) {
		return false
	}
	for _, test := range m.where {
		if !test(r) {
			return false
		}
	}
	return true
}

func (m Match) answer(status int) bool {
	if m.status == nil {
		return status >= 200 && status <= 299
	}
	return m.status(status)
}
