package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
)

// leastValue is the length of the shortest value of an environment that is hidden wherever it occurs, in bytes: hiding
// less would make the report unreadable.
const leastValue = 8

// hidden stands for a value that no report shows.
const hidden = "$HIDDEN"

// secrets finds out what no report may show: unlike the suite, the proxy is not told.
type secrets struct {
	redactor *exchange.Redactor
	headers  []string // that let a client in
	known    sync.Map // of texts
}

func (s *secrets) learn(name, value string) {
	if _, known := s.known.LoadOrStore(value, true); !known {
		s.redactor.Add(value, strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(strings.ToUpper(name), "X-"), "-", "_")))
	}
}

// ofRequest learns the headers that let a client in.
func (s *secrets) ofRequest(r *http.Request, keys []string) {
	for _, name := range slices.Concat(s.headers, keys) {
		for _, value := range r.Header.Values(name) {
			s.learn(name, value)
			if _, credentials, found := strings.Cut(value, " "); found {
				s.learn(name, credentials)
			}
		}
	}
}

// private are the properties of requests that hold what is nobody else's: environments, and how an image is pulled.
var private = map[string]bool{"env": true, "envs": true, "auth": true}

// show is what a report may show of a body: forms and what no document has may hold anything, and are left out.
func (s *secrets) show(x *exchange.Exchange) []byte {
	if len(x.RequestBody) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(x.RequestBody))
	dec.UseNumber()
	var value any
	known := x.Operation != nil && strings.Contains(x.RequestHeader.Get("Content-Type"), "json")
	if !known || x.RequestCut || dec.Decode(&value) != nil {
		x.RequestCut = true
		return fmt.Appendf(nil, "(%d bytes)", len(x.RequestBody))
	}
	if !s.hide(value, false) {
		return x.RequestBody
	}
	data, err := json.Marshal(value)
	if err != nil {
		panic(err) // it was JSON
	}
	return data
}

// hide takes the private texts out of a value, and says whether there were any.
func (s *secrets) hide(value any, within bool) bool {
	changed := false
	each := func(name string, v any, set func(any)) {
		inside := within || private[name]
		if text, ok := v.(string); ok && inside {
			if len(text) >= leastValue {
				s.learn("hidden", text)
			}
			set(hidden)
			changed = true
			return
		}
		changed = s.hide(v, inside) || changed
	}
	switch v := value.(type) {
	case map[string]any:
		for name, item := range v {
			each(name, item, func(to any) { v[name] = to })
		}
	case []any:
		for i, item := range v {
			each("", item, func(to any) { v[i] = to })
		}
	}
	return changed
}
