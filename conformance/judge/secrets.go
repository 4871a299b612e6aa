package judge

import (
	"encoding/json"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
)

// leastSecret is the length of the shortest value that is taken for a secret, in bytes: hiding less would make the
// report unreadable.
const leastSecret = 8

// learn hides the headers that an endpoint comes with: a token is among them, and the answer itself may be a finding.
func (b *Book) learn(x *exchange.Exchange) {
	if x.Operation == nil || x.Operation.ID != "getSandboxEndpoint" {
		return
	}
	var endpoint struct {
		Headers map[string]any `json:"headers"`
	}
	if json.Unmarshal(x.Body, &endpoint) != nil {
		return // what is no JSON is a finding of its own
	}
	for name, value := range endpoint.Headers {
		if secret, ok := value.(string); ok && len(secret) >= leastSecret {
			b.Redactor.Add(secret, strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(name, "X-"), "-", "_")))
		}
	}
}
