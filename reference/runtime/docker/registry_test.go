package docker_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/uuid"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/docker"
)

// registry is a registry on loopback, where engines do without TLS. It has one
// image with nothing in it, under the name that it returns, and asks for one
// user (basic authentication, RFC 7617).
type registry struct {
	host, image string

	mu        sync.Mutex
	manifests int           // how often the image was asked for
	hold      chan struct{} // not nil: the image is given out when it is closed
}

const user, password = "user", "pass word"

func newRegistry(t *testing.T) *registry {
	t.Helper()
	store := ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))
	r := &registry{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if u, p, _ := req.BasicAuth(); u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if strings.Contains(req.URL.Path, "/manifests/") && !r.giveOut(req) {
			return
		}
		store.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	r.host = server.Listener.Addr().String()
	tag := uuid.NewString()
	r.image = r.host + "/team/tools:" + tag
	push(t, store, "team/tools", tag)
	return r
}

func (r *registry) giveOut(req *http.Request) bool {
	r.mu.Lock()
	r.manifests++
	hold := r.hold
	r.mu.Unlock()
	if hold == nil {
		return true
	}
	select {
	case <-hold:
		return true
	case <-req.Context().Done():
		return false
	}
}

func (r *registry) asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.manifests
}

// push puts an image into a registry (OCI distribution specification 1.1,
// pushing a blob with one POST, pushing a manifest).
func push(t *testing.T, store http.Handler, repository, tag string) {
	t.Helper()
	put := func(method, path, mediaType string, body []byte) {
		req := httptest.NewRequest(method, "/v2/"+repository+path, bytes.NewReader(body))
		req.Header.Set("Content-Type", mediaType)
		answer := httptest.NewRecorder()
		if store.ServeHTTP(answer, req); answer.Code != http.StatusCreated {
			t.Fatalf("push %s: %d %s", path, answer.Code, answer.Body)
		}
	}
	blob := func(content []byte) (digest string) {
		digest = fmt.Sprintf("sha256:%x", sha256.Sum256(content))
		put(http.MethodPost, "/blobs/uploads/?digest="+digest, "application/octet-stream", content)
		return digest
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: tag, Mode: 0o644}), w.Close()); err != nil {
		t.Fatal(err)
	}
	layerDigest := blob(layer.Bytes())
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux", "config": map[string]any{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{layerDigest}},
	})
	if err != nil {
		t.Fatal(err)
	}
	const manifestType = "application/vnd.docker.distribution.manifest.v2+json"
	put(http.MethodPut, "/manifests/"+tag, manifestType, fmt.Appendf(nil,
		`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":%q,"size":%d},"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar","digest":%q,"size":%d}]}`,
		manifestType, blob(config), len(config), layerDigest, layer.Len()))
}

// removeImage takes an image off the engine in the end.
func (f *fixture) removeImage(name string) {
	f.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(f.t.Context()), time.Minute)
		defer cancel()
		for _, c := range f.containers(ctx) {
			_ = f.engine.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true})
		}
		if _, err := f.engine.ImageRemove(ctx, name, image.RemoveOptions{Force: true}); err != nil {
			f.t.Error(err)
		}
	})
}

func withAuth(name string, auth *runtime.Auth) runtime.Spec {
	s := spec(name, "/nothing") // it has no program: what was pulled can be seen by that
	s.Auth = auth
	return s
}

func TestAnImageIsPulledWithItsCredentials(t *testing.T) {
	f := newFixture(t, "")
	exits := f.watch()
	r := newRegistry(t)
	f.removeImage(r.image)
	for _, c := range []struct {
		name   string
		spec   runtime.Spec
		reason string
	}{
		{"none", withAuth(r.image, nil), runtime.ReasonImagePullDenied},
		{"wrong", withAuth(r.image, &runtime.Auth{Username: user, Password: "wrong-pa55"}), runtime.ReasonImagePullDenied},
		{"right, for no image", withAuth(r.host+"/nothing/here:1", &runtime.Auth{Username: user, Password: password}), runtime.ReasonImageNotFound},
	} {
		err := f.Provision(t.Context(), c.spec)
		failure := (*runtime.Failure)(nil)
		if !errors.As(err, &failure) || failure.Reason != c.reason {
			t.Errorf("%s: %v, want %s", c.name, err, c.reason)
		}
		if err != nil && strings.Contains(err.Error(), "pa55") {
			t.Errorf("%s: the password is in %v", c.name, err)
		}
	}
	// The second finds it on the host.
	for _, auth := range []*runtime.Auth{{Username: user, Password: password}, nil} {
		if e := f.end(withAuth(r.image, auth), exits); e.ExitCode != 127 {
			t.Errorf("%+v, want 127", e)
		}
	}
}

// gate is a log that lets wait return when a line was written n times.
type gate struct {
	slog.Handler
	line string
	left atomic.Int64
	open chan struct{}
}

func newGate(line string, n int64) *gate {
	g := &gate{Handler: slog.DiscardHandler, line: line, open: make(chan struct{})}
	g.left.Store(n)
	return g
}

func (g *gate) Enabled(context.Context, slog.Level) bool { return true }

func (g *gate) Handle(_ context.Context, r slog.Record) error {
	if r.Message == g.line && g.left.Add(-1) == 0 {
		close(g.open)
	}
	return nil
}

func TestWhoNeedsAnImageAtTheSameTimeSharesThePull(t *testing.T) {
	const n = 4
	g := newGate("an image is not on the host", n)
	f := newFixture(t, "", func(c *docker.Config) { c.Log = slog.New(g) })
	r := newRegistry(t)
	f.removeImage(r.image)
	r.hold = make(chan struct{})
	auth := &runtime.Auth{Username: user, Password: password}
	leaves, leave := context.WithCancel(t.Context())
	ends := make(chan error, n)
	for i := range n {
		ctx := t.Context()
		if i == 0 {
			ctx = leaves
		}
		go func() { ends <- f.Provision(ctx, withAuth(r.image, auth)) }()
	}
	<-g.open
	leave()
	if err := <-ends; !errors.Is(err, context.Canceled) {
		t.Errorf("who left has %v", err)
	}
	close(r.hold)
	for range n - 1 {
		err := <-ends
		if exited := (*runtime.Exited)(nil); err != nil && !errors.As(err, &exited) {
			t.Error(err)
		}
	}
	// An engine asks once or twice for one pull.
	if asked := r.asked(); asked < 1 || asked > 2 {
		t.Errorf("the registry was asked for the image %d times", asked)
	}
}

func TestAPullHasALimit(t *testing.T) {
	f := newFixture(t, "", func(c *docker.Config) { c.PullTimeout = 300 * time.Millisecond })
	r := newRegistry(t)
	r.hold = make(chan struct{})
	defer close(r.hold)
	err := f.Provision(t.Context(), withAuth(r.image, &runtime.Auth{Username: user, Password: password}))
	failure := (*runtime.Failure)(nil)
	if !errors.As(err, &failure) || failure.Reason != runtime.ReasonImagePullFailed || !strings.Contains(failure.Message, "300ms") {
		t.Errorf("%v", err)
	}
}

func TestAPullThatHangsIsBrokenOff(t *testing.T) {
	f := newFixture(t, "")
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer s.Close()
	defer close(hang)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := f.Provision(ctx, spec(s.Listener.Addr().String()+"/a/b:1", "x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if left := f.containers(t.Context()); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
