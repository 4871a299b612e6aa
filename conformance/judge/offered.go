package judge

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
)

// NotOffered says whether the answer to a request means that its operation is not there. A 404 alone does not: the
// caller knows whether what it named exists.
func NotOffered(x *exchange.Exchange) bool {
	return x.Status == http.StatusMethodNotAllowed || x.Status == http.StatusNotImplemented || x.Status == http.StatusNotFound
}

// tells says whether an answer shows if its operation is there. A 404 about a sandbox does so only where there is such
// a sandbox: where none can be made, nothing but unknown ids is asked for.
func (b *Book) tells(x *exchange.Exchange) bool {
	id := sandboxOf(x)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case x.Operation.ID == "createSandbox" && x.OK():
		var created struct{ ID string }
		if json.Unmarshal(x.Body, &created) == nil && created.ID != "" {
			b.sandboxes[created.ID] = true
		}
	case x.Operation.ID == "deleteSandbox" && x.OK():
		delete(b.sandboxes, id)
	}
	return x.Status != http.StatusNotFound || id == "" || b.sandboxes[id]
}

// sandboxOf is the id of the sandbox that a request is about; empty: none.
func sandboxOf(x *exchange.Exchange) string {
	template := strings.Split(x.Operation.Path, "/")
	at := slices.Index(template, "{sandboxId}")
	target, _, _ := strings.Cut(x.URL, "?")
	segments := strings.Split(target, "/")
	if at < 0 || len(segments) < len(template) {
		return ""
	}
	id, err := url.PathUnescape(segments[len(segments)-len(template)+at])
	if err != nil {
		return ""
	}
	return id
}
