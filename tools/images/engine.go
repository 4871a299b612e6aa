package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"
)

// engine is the Docker engine that DOCKER_HOST names.
type engine struct {
	*client.Client
	arch string // as Go names it
}

// noEngineError says why no engine can be used, and what to do about it.
type noEngineError struct{ error }

func connect(ctx context.Context) (*engine, error) {
	cli, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	version, err := cli.ServerVersion(ctx)
	if err != nil {
		cli.Close()
		if errors.Is(err, fs.ErrPermission) {
			return nil, noEngineError{fmt.Errorf("run as root, or join the group docker: %w", err)}
		}
		return nil, noEngineError{fmt.Errorf("no Docker engine answers: run tools/docker-up as root (%w)", err)}
	}
	return &engine{cli, version.Arch}, nil
}

// load makes an image, not yet named, of a root file system in tar form.
func (e *engine) load(ctx context.Context, tree io.Reader, changes []string) (id string, err error) {
	answer, err := e.ImageImport(ctx, image.ImportSource{Source: tree, SourceName: "-"}, "", image.ImportOptions{Changes: changes})
	if err != nil {
		return "", err
	}
	defer answer.Close()
	for decoder := json.NewDecoder(answer); ; {
		var line struct{ Status, Error string }
		switch err := decoder.Decode(&line); {
		case errors.Is(err, io.EOF) && id != "":
			return id, nil
		case err != nil:
			return "", err
		case line.Error != "":
			return "", errors.New(line.Error)
		}
		id = line.Status
	}
}

// start starts a container without a network; the caller removes it.
func (e *engine) start(ctx context.Context, image string, command ...string) (id string, err error) {
	created, err := e.ContainerCreate(ctx, &container.Config{Image: image, Cmd: command}, &container.HostConfig{NetworkMode: "none"}, nil, nil, "")
	if err != nil {
		return "", err
	}
	if err := e.ContainerStart(ctx, created.ID, container.StartOptions{}); err != nil {
		e.remove(ctx, created.ID)
		return "", err
	}
	return created.ID, nil
}

// run runs a command in a container of its own and returns all that it wrote.
func (e *engine) run(ctx context.Context, image string, command ...string) (log string, status int64, err error) {
	id, err := e.start(ctx, image, command...)
	if err != nil {
		return "", 0, err
	}
	defer e.remove(ctx, id)
	if status, err = e.wait(ctx, id); err != nil {
		return "", 0, err
	}
	logs, err := e.ContainerLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return "", 0, err
	}
	defer logs.Close()
	var text bytes.Buffer
	_, err = stdcopy.StdCopy(&text, &text, logs)
	return text.String(), status, err
}

// await returns when the container has written that text first.
func (e *engine) await(ctx context.Context, id, text string) error {
	logs, err := e.ContainerLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
	if err != nil {
		return err
	}
	defer logs.Close()
	const frameHeader = 8
	begin := make([]byte, frameHeader+len(text))
	if n, err := io.ReadFull(logs, begin); err != nil {
		return fmt.Errorf("it ended after it wrote %q: %w", begin[min(n, frameHeader):n], err)
	}
	if got := string(begin[frameHeader:]); got != text {
		return fmt.Errorf("it wrote %q, not %q", got, text)
	}
	return nil
}

// stop asks the container to end, and kills it after the grace period.
func (e *engine) stop(ctx context.Context, id string, grace time.Duration) (status int64, err error) {
	seconds := int(grace.Seconds())
	if err := e.ContainerStop(ctx, id, container.StopOptions{Timeout: &seconds}); err != nil {
		return 0, err
	}
	return e.wait(ctx, id)
}

func (e *engine) wait(ctx context.Context, id string) (status int64, err error) {
	ended, failed := e.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	select {
	case end := <-ended:
		return end.StatusCode, nil
	case err := <-failed:
		return 0, err
	}
}

// remove goes on when ctx is done: nothing is left behind after an interrupt.
func (e *engine) remove(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := e.ContainerRemove(ctx, id, container.RemoveOptions{Force: true}); err != nil {
		fmt.Fprintf(os.Stderr, "images: container %s is left behind: %v\n", id, err)
	}
}
