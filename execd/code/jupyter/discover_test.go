package jupyter_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code/jupyter"
)

type spec map[string]any

func TestSearchPath(t *testing.T) {
	for _, c := range []struct {
		name string
		env  []string
		want []string
	}{
		{"nothing set", nil, []string{"/usr/local/share/jupyter", "/usr/share/jupyter"}},
		{"home", []string{"HOME=/h", "PATH=/bin"}, []string{"/h/.local/share/jupyter", "/usr/local/share/jupyter", "/usr/share/jupyter"}},
		{"data", []string{"HOME=/h", "XDG_DATA_HOME=/x", "PATH=/bin"}, []string{"/x/jupyter", "/usr/local/share/jupyter", "/usr/share/jupyter"}},
		{"all", []string{"JUPYTER_PATH=/a:/b:rel", "JUPYTER_DATA_DIR=/d", "HOME=/h", "VIRTUAL_ENV=/v", "PATH=/v/bin:/opt/py/bin/:/usr/bin"},
			[]string{"/a", "/b", "/d", "/v/share/jupyter", "/opt/py/share/jupyter", "/usr/share/jupyter", "/usr/local/share/jupyter"}},
		{"the last of two counts", []string{"JUPYTER_PATH=/a", "JUPYTER_PATH=/b", "PATH=/bin"}, []string{"/b", "/usr/local/share/jupyter", "/usr/share/jupyter"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, jupyter.SearchPath(c.env)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// discover gives the names that are found in the folders alone, and what was logged.
func discover(t *testing.T, dirs ...string) (names []string, log string) {
	t.Helper()
	var logged bytes.Buffer
	languages, err := jupyter.Discover(jupyter.Config{
		Log: slog.New(slog.NewTextHandler(&logged, nil)),
		Env: []string{"JUPYTER_PATH=" + strings.Join(dirs, ":"), "PATH=/bin", "HOME=" + t.TempDir()},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range languages {
		if l.Name() != "python" { // the machine's own may be there too
			names = append(names, l.Name())
		}
	}
	return names, logged.String()
}

func TestDiscover(t *testing.T) {
	good := func(language string) spec {
		return spec{"argv": []string{"sh", "{connection_file}"}, "language": language, "display_name": language}
	}
	t.Run("order and names", func(t *testing.T) {
		a, b := t.TempDir(), t.TempDir()
		writeSpec(t, a, "tslab", good("TypeScript"))
		writeSpec(t, a, "java", good(" java "))
		writeSpec(t, b, "java", good("hidden by the folder of the same name"))
		writeSpec(t, b, "java2", good("Java"))
		writeSpec(t, b, "go", good("go"))
		names, log := discover(t, a, b)
		if diff := cmp.Diff([]string{"java", "typescript", "go"}, names); diff != "" || log != "" {
			t.Error(diff, log)
		}
	})
	t.Run("again", func(t *testing.T) {
		dir := t.TempDir()
		if names, _ := discover(t, dir); len(names) > 0 {
			t.Error(names)
		}
		writeSpec(t, dir, "go", good("go"))
		if names, _ := discover(t, dir); len(names) != 1 {
			t.Error(names)
		}
	})
	for name, broken := range map[string]any{
		"no JSON":           "{",
		"wrong type":        spec{"argv": "sh {connection_file}", "language": "x"},
		"no argv":           spec{"language": "x"},
		"no language":       spec{"argv": []string{"sh", "{connection_file}"}},
		"no file":           spec{"argv": []string{"sh"}, "language": "x"},
		"no program":        spec{"argv": []string{"no-such-program", "{connection_file}"}, "language": "x"},
		"a folder":          spec{"argv": []string{"/bin", "{connection_file}"}, "language": "x"},
		"unknown interrupt": spec{"argv": []string{"sh", "{connection_file}"}, "language": "x", "interrupt_mode": "kindly"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeSpec(t, dir, "broken", broken)
			writeSpec(t, dir, "whole", good("go"))
			names, log := discover(t, dir)
			if diff := cmp.Diff([]string{"go"}, names); diff != "" || !strings.Contains(log, "broken") {
				t.Error(diff, log)
			}
		})
	}
	t.Run("things that are no kernels", func(t *testing.T) {
		dir := t.TempDir()
		writeSpec(t, dir, "whole", good("go"))
		if err := os.MkdirAll(filepath.Join(dir, "kernels/fifo"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(filepath.Join(dir, "kernels/fifo/kernel.json"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "kernels/README"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, "kernels/empty"), 0o755); err != nil {
			t.Fatal(err)
		}
		if names, _ := discover(t, dir, "/no/such/folder"); len(names) != 1 {
			t.Error(names)
		}
	})
}
