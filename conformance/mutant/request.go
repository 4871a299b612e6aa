package mutant

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// SetRequestHeader sets a header of the request: with the right token, nothing
// behind the proxy ever sees a wrong one, so the token is not checked.
func SetRequestHeader(m Match, header, value string) Fault {
	return Fault{Name: name(m, "takes any %s", header), Match: m, Request: func(r *http.Request, act func()) error {
		if got := r.Header.Values(header); len(got) != 1 || got[0] != value {
			act()
			r.Header.Set(header, value)
		}
		return nil
	}}
}

// DropRequestHeader takes a header from the request: it is ignored.
func DropRequestHeader(m Match, header string) Fault {
	return Fault{Name: name(m, "ignores the header %s", header), Match: m, Request: func(r *http.Request, act func()) error {
		if len(r.Header.Values(header)) > 0 {
			act()
			r.Header.Del(header)
		}
		return nil
	}}
}

// RewriteRequestBody changes the bytes of the request's body, which is read
// whole first. What says how.
func RewriteRequestBody(m Match, what string, change func([]byte) []byte) Fault {
	return Fault{Name: name(m, "%s", what), Match: m, Request: func(r *http.Request, act func()) error {
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return fmt.Errorf("read the request's body: %w", err)
		}
		changed := change(bytes.Clone(body))
		r.Body = io.NopCloser(bytes.NewReader(changed))
		if bytes.Equal(body, changed) {
			return nil
		}
		act()
		r.ContentLength = int64(len(changed))
		return nil
	}}
}

// RewriteRequestJSON changes the request's JSON object; a body that is none
// stays. What says how.
func RewriteRequestJSON(m Match, what string, change func(map[string]any)) Fault {
	return RewriteRequestBody(m, what, func(body []byte) []byte {
		return editJSON(body, func(v any) any {
			if object, ok := v.(map[string]any); ok {
				change(object)
			}
			return v
		})
	})
}

// RewriteQuery changes the query of the request; one that is no query stays.
// What says how.
func RewriteQuery(m Match, what string, change func(url.Values)) Fault {
	return Fault{Name: name(m, "%s", what), Match: m, Request: func(r *http.Request, act func()) error {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return nil //nolint:nilerr // a query that can't be read is the deployment's to judge
		}
		before := query.Encode()
		change(query)
		if after := query.Encode(); after != before {
			act()
			r.URL.RawQuery = after
		}
		return nil
	}}
}

// DropQuery takes a parameter from the query: it is ignored.
func DropQuery(m Match, parameter string) Fault {
	return RewriteQuery(m, "ignores the parameter "+parameter, func(q url.Values) { q.Del(parameter) })
}
