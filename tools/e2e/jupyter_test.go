package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
)

// Debian's own ipykernel, in place of the driver that is built in.
func TestAJupyterKernelInASandbox(t *testing.T) {
	t.Parallel()
	dockertest.Image(t, dockertest.Jupyter)
	d := enter(t, dockertest.Jupyter, []string{"tail", "-f", "/dev/null"})
	// Both serve python: the driver wins, whose process has no kernel.
	const code = "import ipykernel"
	if said := d.json(t, http.MethodPost, "/code", map[string]any{"code": code, "context": map[string]any{"language": "python"}}, nil); !strings.Contains(said, "execution_complete") {
		t.Errorf("%s: %s", code, said)
	}
	start := "nohup /opt/opensandbox/execd --listen 127.0.0.1:8081 --code-port 0 --prefer-kernels --root /tmp/second >/tmp/second.log 2>&1"
	d.json(t, http.MethodPost, "/command", map[string]any{"command": start, "background": true}, nil)
	kernel := &daemon{base: d.base + "/proxy/8081", headers: d.headers}
	eventually(t, func() error { return kernel.answers(t) })
	said := kernel.json(t, http.MethodPost, "/code", map[string]any{
		"code": "import sys\nprint('ipykernel' in sys.modules)\n40 + 2", "context": map[string]any{"language": "python"},
	}, nil)
	for _, want := range []string{`"text":"True"`, `"text/plain":"42"`, "execution_count", "execution_complete"} {
		if !strings.Contains(said, want) {
			t.Errorf("the kernel's stream lacks %s: %s", want, said)
		}
	}
}
