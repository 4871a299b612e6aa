package e2e_test

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
)

// The tests of the kernels run where there is one: in the image with Debian's own ipykernel.
func TestTheKernelsOfTheJupyterImage(t *testing.T) {
	t.Parallel()
	dockertest.Image(t, dockertest.Jupyter)
	engine := dockertest.Engine(t)
	program := filepath.Join(t.TempDir(), "jupyter.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", program, "../../execd/code/jupyter")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	made, err := engine.ContainerCreate(t.Context(), &container.Config{
		Image: dockertest.Jupyter, Env: []string{"OPENSANDBOX_REQUIRE_JUPYTER=1"},
		Cmd: []string{"/jupyter.test", "-test.short", "-test.timeout", "4m"},
	}, nil, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = engine.ContainerRemove(context.WithoutCancel(t.Context()), made.ID, container.RemoveOptions{Force: true}) // it may have ended
	})
	if err := engine.CopyToContainer(t.Context(), made.ID, "/", archived(t, program), container.CopyToContainerOptions{}); err != nil {
		t.Fatal(err)
	}
	ended, failed := engine.ContainerWait(t.Context(), made.ID, container.WaitConditionNextExit)
	if err := engine.ContainerStart(t.Context(), made.ID, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-failed:
		t.Fatal(err)
	case <-time.After(5 * time.Minute):
		t.Error("the tests don't end")
	case end := <-ended:
		if end.StatusCode != 0 {
			t.Errorf("the tests end with %d", end.StatusCode)
		}
	}
	if logs, err := engine.ContainerLogs(t.Context(), made.ID, container.LogsOptions{ShowStdout: true, ShowStderr: true}); err == nil {
		defer logs.Close()
		var said bytes.Buffer
		_, _ = stdcopy.StdCopy(&said, &said, logs)
		t.Logf("%s", said.Bytes())
	}
}

// archived is a file as the only one of an archive.
func archived(t *testing.T, path string) io.Reader {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: filepath.Base(path), Mode: 0o755, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}
