package docker_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/google/uuid"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// registry serves one image with nothing in it under every name, to one user
// (OCI distribution specification 1.1; basic authentication, RFC 7617). It is
// on loopback, where engines do without TLS.
func registry(t *testing.T, user, password string) (host string) {
	t.Helper()
	blobs := map[string][]byte{}
	add := func(b []byte) (digest string, size int) {
		sum := sha256.Sum256(b)
		digest = "sha256:" + hex.EncodeToString(sum[:])
		blobs[digest] = b
		return digest, len(b)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: uuid.NewString(), Mode: 0o644}), w.Close()); err != nil {
		t.Fatal(err)
	}
	layerDigest, layerSize := add(layer.Bytes())
	config, _ := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux", "config": map[string]any{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{layerDigest}},
	})
	configDigest, configSize := add(config)
	const manifestType = "application/vnd.docker.distribution.manifest.v2+json"
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":%q,"size":%d},"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar","digest":%q,"size":%d}]}`,
		manifestType, configDigest, configSize, layerDigest, layerSize)
	manifestDigest, _ := add([]byte(manifest))

	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		switch {
		case r.URL.Path == "/v2/":
		case strings.Contains(r.URL.Path, "/nothing/"):
			http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`, http.StatusNotFound)
		case strings.Contains(r.URL.Path, "/manifests/"):
			w.Header().Set("Content-Type", manifestType)
			w.Header().Set("Docker-Content-Digest", manifestDigest)
			w.Header().Set("Content-Length", fmt.Sprint(len(manifest)))
			_, _ = w.Write([]byte(manifest))
		case blobs[name] != nil:
			_, _ = w.Write(blobs[name])
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestAnImageIsPulledWithItsCredentials(t *testing.T) {
	f := newFixture(t, "")
	exits := f.watch()
	host := registry(t, "user", "pass word")
	name := host + "/team/tools:" + uuid.NewString()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if _, err := f.engine.ImageRemove(ctx, name, image.RemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	})
	wanted := func(name string, auth *runtime.Auth) runtime.Spec {
		s := spec(name, "/nothing")
		s.Auth = auth
		return s
	}
	for _, c := range []struct {
		name   string
		spec   runtime.Spec
		reason string
	}{
		{"none", wanted(name, nil), runtime.ReasonImagePullDenied},
		{"wrong", wanted(name, &runtime.Auth{Username: "user", Password: "wrong-pa55"}), runtime.ReasonImagePullDenied},
		{"right, for no image", wanted(host+"/nothing/here:1", &runtime.Auth{Username: "user", Password: "pass word"}), runtime.ReasonImageNotFound},
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
	// It has no program: what was pulled can be seen by that.
	for _, auth := range []*runtime.Auth{{Username: "user", Password: "pass word"}, nil} {
		if e := f.end(wanted(name, auth), exits); e.ExitCode != 127 {
			t.Errorf("%+v, want 127", e)
		}
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
