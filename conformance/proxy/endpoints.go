package proxy

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
)

// endpointPath is where endpoints are, below Own.
const endpointPath = "at/"

// endpoint is where a port of a sandbox really is.
type endpoint struct {
	host    string
	path    string // without a slash at its end
	port    int    // in the sandbox
	headers []string
}

// endpoints knows the endpoints that were handed out. It keeps all of them: clients hold on to one for as long as they
// like.
type endpoints struct {
	mu     sync.Mutex
	byName map[string]endpoint
	names  map[string]string // endpoint as it was answered, with its port, to name
}

func newEndpoints() *endpoints {
	return &endpoints{byName: map[string]endpoint{}, names: map[string]string{}}
}

// name gives an endpoint a name that nobody can guess: it may be reached by it.
func (e *endpoints) name(real string, port int, headers []string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := strconv.Itoa(port) + " " + real
	name, known := e.names[key]
	if !known {
		name = rand.Text()
		e.names[key] = name
	}
	host, path, found := strings.Cut(real, "/")
	if found {
		path = "/" + strings.TrimSuffix(path, "/")
	}
	e.byName[name] = endpoint{host: host, path: path, port: port, headers: headers}
	return name
}

// find takes a path apart into an endpoint and what lies below it.
func (e *endpoints) find(path string) (endpoint, string, error) {
	name, below, found := strings.Cut(path, "/")
	e.mu.Lock()
	defer e.mu.Unlock()
	to, known := e.byName[name]
	if !known {
		return endpoint{}, "", errors.New("this proxy has handed out no such endpoint since it was started; ask for the endpoint again")
	}
	if found {
		below = "/" + below
	}
	return to, below, nil
}

// replaceEndpoint lets the client have a path of the proxy in the place of an endpoint. An answer that can't be read
// passes as it is, and is judged like any other.
func (p *Proxy) replaceEndpoint(res *http.Response, t *traffic) error {
	data, err := io.ReadAll(io.LimitReader(res.Body, exchange.MaxBody+1))
	if err != nil {
		return fmt.Errorf("read the endpoint: %w", err)
	}
	fields, real := readEndpoint(data)
	if real == "" {
		res.Body = body{io.MultiReader(bytes.NewReader(data), res.Body), res.Body}
		return nil
	}
	var headers map[string]string
	_ = json.Unmarshal(fields["headers"], &headers) // if they are none, the judge says so
	names := make([]string, 0, len(headers))
	for name, value := range headers {
		names = append(names, name)
		p.secrets.learn(name, value)
	}
	slices.Sort(names)
	name := p.endpoints.name(real, portOf(t.exchange.URL), names)
	mine, err := json.Marshal(p.public(t.client.Host) + Own + endpointPath + name)
	if err != nil {
		return err
	}
	fields["endpoint"] = mine
	changed, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	res.Body = body{bytes.NewReader(changed), res.Body}
	if res.ContentLength >= 0 {
		res.ContentLength = int64(len(changed))
		res.Header.Set("Content-Length", strconv.Itoa(len(changed)))
	}
	return nil
}

// readEndpoint takes the answer that names an endpoint apart; without one the endpoint is empty.
func readEndpoint(data []byte) (fields map[string]json.RawMessage, real string) {
	if len(data) <= exchange.MaxBody && json.Unmarshal(data, &fields) == nil {
		_ = json.Unmarshal(fields["endpoint"], &real) // it stays empty where that is no text
	}
	return fields, real
}

// portOf reads the port that an endpoint was asked for.
func portOf(url string) int {
	path, _, _ := strings.Cut(url, "?")
	port, err := strconv.Atoi(path[strings.LastIndex(path, "/")+1:])
	if err != nil {
		return 0 // none that is judged
	}
	return port
}

// body reads from one thing and closes another.
type body struct {
	io.Reader
	io.Closer
}
