package process

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process/egress"
)

// egressSocket is in a directory of its own, which sandboxes see: a server that
// starts again puts a new one there.
const egressSocket = "proxy.sock"

// egressDir is that directory.
func (r *Runtime) egressDir() string { return filepath.Join(r.cfg.State, "egress") }

// openEgress opens the only way out of the sandboxes' networks.
func (r *Runtime) openEgress() error {
	dir := r.egressDir()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("egress proxy: %w", err)
	}
	if err := os.Remove(filepath.Join(dir, egressSocket)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("egress proxy: %w", err)
	}
	f, err := listenUnix(dir, egressSocket)
	if err != nil {
		return fmt.Errorf("egress proxy: %w", err)
	}
	defer f.Close()
	if err := os.Chmod(filepath.Join(dir, egressSocket), 0o666); err != nil { // any user of a sandbox
		return fmt.Errorf("egress proxy: %w", err)
	}
	l, err := net.FileListener(f)
	if err != nil {
		return fmt.Errorf("egress proxy: %w", err)
	}
	r.egress = egress.New(egress.Config{Log: r.log})
	r.running.Go(func() {
		if err := r.egress.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			r.log.Error("the egress proxy ended: sandboxes can't reach other machines", "error", err)
		}
	})
	return nil
}

// proxied lets programs in a sandbox find the proxy.
func (r *Runtime) proxied(c *stage.Config) {
	c.Mounts = append(c.Mounts, stage.Mount{Kind: stage.Bind, At: stage.NetInside, From: r.egressDir()})
	c.Flags = append(c.Flags, "--egress", filepath.Join(stage.NetInside, egressSocket))
	for _, v := range proxyVariables {
		name := v[:strings.IndexByte(v, '=')+1]
		if !slices.ContainsFunc(c.Env, func(have string) bool { return strings.HasPrefix(have, name) }) {
			c.Env = append(c.Env, v)
		}
	}
}

// proxyVariables are for programs that look for a proxy.
var proxyVariables = []string{
	"http_proxy=http://127.0.0.1:3128", "https_proxy=http://127.0.0.1:3128", "no_proxy=localhost,127.0.0.1,::1",
}
