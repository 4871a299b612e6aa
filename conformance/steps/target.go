package steps

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// label is the metadata key by which the suite knows its own sandboxes.
const label = "osc-run"

// Target is the deployment that is judged, and what the suite has made there.
type Target struct {
	Book          *judge.Book
	Lifecycle     *judge.Client // Base is empty where only a daemon is judged
	ExecdDocument *spec.Document
	Bare          *judge.Client // the daemon of profile execd; nil: it is reached through a sandbox
	Image         string
	Run           string // names this run in the metadata of its sandboxes
	Capabilities  *Capabilities
	Seed          uint32 // of what wrong requests have that is chosen at random

	mu     sync.Mutex
	guests map[string]bool                // ids of the sandboxes that were made and not yet removed
	locks  map[string]*semaphore.Weighted // by language: who deletes all its contexts must be alone
	shared *shared
	facts  Capabilities // what was found out about the sandbox and its daemon, by name
}

type shared struct {
	once   sync.Once
	client *judge.Client
	err    error
}

// NewRun makes the name of a run.
func NewRun() string {
	raw := make([]byte, 6)
	_, _ = rand.Read(raw) // crypto/rand.Read never fails
	return hex.EncodeToString(raw)
}

// Prepare makes the target ready for use.
func (t *Target) Prepare() {
	t.guests, t.shared, t.locks = map[string]bool{}, &shared{}, map[string]*semaphore.Weighted{}
}

// Alive says whether the deployment answers at all.
func (t *Target) Alive(ctx context.Context) bool {
	// One that is gone refuses at once; one that is slow is not gone.
	ctx, cancel := context.WithTimeout(ctx, t.Book.Deadlines.Answer)
	defer cancel()
	c, path := t.Lifecycle, "/sandboxes?pageSize=1"
	if t.Bare != nil {
		c, path = t.Bare, "/ping"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Base+path, nil)
	if err != nil {
		return false
	}
	for name, values := range c.Headers {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil
}

// Execd is the daemon that scenarios without a sandbox of their own speak to: the bare one, or that of one sandbox
// which they share.
func (t *Target) Execd() (*judge.Client, error) {
	if t.Bare != nil {
		return t.Bare, nil
	}
	t.shared.once.Do(func() {
		w := NewWorld(t, "a sandbox that scenarios share", nil)
		ctx := context.Background()
		if t.shared.err = w.createSandbox(ctx, map[string]any{"timeout": 900}); t.shared.err != nil {
			return
		}
		if t.shared.err = w.becomes(ctx, "Running"); t.shared.err != nil {
			return
		}
		t.shared.client, t.shared.err = w.execd(ctx)
	})
	return t.shared.client, t.shared.err
}

// client makes a client for an endpoint: an address without scheme, and headers to send along.
func (t *Target) client(doc *spec.Document, endpoint string, headers map[string]string) *judge.Client {
	c := &judge.Client{
		Document: doc, Base: "http://" + strings.TrimSuffix(endpoint, "/"), Headers: http.Header{},
		HTTP: t.Lifecycle.HTTP, Book: t.Book, Alive: t.Alive,
	}
	for name, value := range headers {
		c.Headers.Set(name, value)
		t.Book.Redactor.Add(value, variable(name))
	}
	return c
}

// variable is the name of a shell variable for a secret header.
func variable(header string) string {
	return strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(header, "X-"), "-", "_"))
}

// Guest remembers a sandbox to remove.
func (t *Target) Guest(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.guests[id] = true
}

// Remove deletes a sandbox that the suite made. It takes no part in the judging.
func (t *Target) Remove(ctx context.Context, id string) {
	t.mu.Lock()
	known := t.guests[id]
	delete(t.guests, id)
	t.mu.Unlock()
	if !known {
		return
	}
	for {
		status := t.quietly(ctx, http.MethodDelete, "/sandboxes/"+url.PathEscape(id), nil)
		if status != http.StatusConflict && status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(200 * time.Millisecond): // a state that passes: Pending or Pausing
		}
	}
}

// Sweep removes every sandbox of this run that is left: those that are known, and those whose create was broken off
// before its answer came, which the deployment finds by their label.
func (t *Target) Sweep(ctx context.Context) {
	t.mu.Lock()
	left := make([]string, 0, len(t.guests))
	for id := range t.guests {
		left = append(left, id)
	}
	t.mu.Unlock()
	for _, id := range left {
		t.Remove(ctx, id)
	}
	if t.Bare == nil {
		t.sweepUnknown(ctx)
	}
}

func (t *Target) sweepUnknown(ctx context.Context) {
	query := "/sandboxes?pageSize=100&metadata=" + url.QueryEscape(label+"="+t.Run)
	for _, state := range []string{"Pending", "Running", "Pausing", "Paused", "Resuming"} {
		query += "&state=" + state
	}
	var list struct {
		Items []struct {
			ID       string            `json:"id"`
			Metadata map[string]string `json:"metadata"`
		} `json:"items"`
	}
	if t.quietly(ctx, http.MethodGet, query, &list) != http.StatusOK {
		return
	}
	for _, item := range list.Items {
		if item.Metadata[label] == t.Run { // a filter may be ignored: nothing of others is touched
			t.Guest(item.ID)
			t.Remove(ctx, item.ID)
		}
	}
}

// quietly makes a request that takes no part in the judging, and returns the status of its answer; 0: there was none.
func (t *Target) quietly(ctx context.Context, method, path string, into any) int {
	req, err := http.NewRequestWithContext(ctx, method, t.Lifecycle.Base+path, nil)
	if err != nil {
		return 0
	}
	for name, values := range t.Lifecycle.Headers {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	resp, err := t.Lifecycle.HTTP.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	if into != nil && json.NewDecoder(resp.Body).Decode(into) != nil {
		return 0
	}
	return resp.StatusCode
}

// Capabilities remembers what was found out about the optional parts.
type Capabilities struct {
	Declared []string // told by the user: absent ones are errors
	Outside  []string // the edition judged by does not have them yet: nothing of them is judged

	mu    sync.Mutex
	found map[string]bool
}

// Found returns what is known of a capability.
func (c *Capabilities) Found(name string) (present, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	present, known = c.found[name]
	return present, known
}

// Set remembers whether a capability is there.
func (c *Capabilities) Set(name string, present bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.found == nil {
		c.found = map[string]bool{}
	}
	c.found[name] = present
}

// All lists what is known: "present" or "absent" by name.
func (c *Capabilities) All() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]string{}
	for name, present := range c.found {
		out[name] = "absent"
		if present {
			out[name] = "present"
		}
	}
	return out
}

func (t *Target) String() string { return fmt.Sprintf("run %s", t.Run) }
