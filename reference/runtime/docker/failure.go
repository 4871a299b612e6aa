package docker

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"unicode"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

func isNotFound(err error) bool { return err != nil && errdefs.IsNotFound(err) }

// lost reports whether the engine could not be asked, or its answer did not
// come or not to its end: what was asked for may have been done.
func lost(err error) bool {
	network := (*net.OpError)(nil)
	return err != nil && (client.IsErrConnectionFailed(err) || errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || closing(err))
}

// closing recognises what an engine says while it shuts down.
func closing(err error) bool {
	return containsAny(err.Error(), "transport is closing", "Error while dialing", "the connection is unavailable", "database not open")
}

// halfStarted recognises that the engine was killed while it started the
// container, and doesn't know any more that it did.
func halfStarted(err error) bool {
	said := err.Error()
	return strings.Contains(said, "task ") && strings.Contains(said, "already exists") || strings.Contains(said, "id already in use") ||
		strings.Contains(said, "failed to start shim") && strings.Contains(said, "file exists")
}

// available adds runtime.ErrUnavailable to the errors that lost recognises.
func available(err error) error {
	if !lost(err) {
		return err
	}
	return fmt.Errorf("%w: %w", runtime.ErrUnavailable, err)
}

// engineLost makes a Failure of what was lost while a sandbox was being made.
func engineLost(err error) error {
	if !lost(err) {
		return err
	}
	return &runtime.Failure{Reason: runtime.ReasonRuntimeUnavailable, Err: available(err),
		Message: "the Docker engine does not answer; create the sandbox again when it is back"}
}

// affordable refuses limits that the engine would take though the host can't
// give them.
func (d *Docker) affordable(limits runtime.Limits) error {
	const nano = 1_000_000_000
	if limits.NanoCPUs > int64(d.hostCPUs)*nano {
		return unavailable(nil, "resourceLimits.cpu: %g cores were asked for, and the host has %d", float64(limits.NanoCPUs)/nano, d.hostCPUs)
	}
	if limits.NanoCPUs > 0 && limits.NanoCPUs < nano/100 {
		return unavailable(nil, "resourceLimits.cpu: the host can't give less than 10m")
	}
	if d.hostMemory > 0 && limits.MemoryBytes > d.hostMemory {
		return unavailable(nil, "resourceLimits.memory: %d bytes were asked for, and the host has %d", limits.MemoryBytes, d.hostMemory)
	}
	return nil
}

func unavailable(err error, format string, args ...any) error {
	return &runtime.Failure{Reason: runtime.ReasonResourcesUnavailable, Message: fmt.Sprintf(format, args...), Err: err}
}

// createFailure tells what the person who asked can mend from what is the
// engine's fault. A missing image stays as it is: it is pulled.
func createFailure(spec runtime.Spec, err error) error {
	said := err.Error()
	switch {
	case isNotFound(err):
		return err
	case strings.Contains(said, "invalid reference format"), strings.Contains(said, "repository name must be"):
		return &runtime.Failure{Reason: runtime.ReasonImageInvalid, Err: err,
			Message: fmt.Sprintf("%q is not a reference to an image", spec.Image)}
	case containsAny(said, "CPUs available", "memory limit", "NanoCPUs"):
		return unavailable(err, "the host can't give the limits that were asked for: %s", brief(said))
	}
	return fmt.Errorf("create container %s: %w", containerName(spec.ID), err)
}

func startFailure(spec runtime.Spec, err error) error {
	said := err.Error()
	switch {
	case containsAny(said, "could not select device driver", "nvidia-container-cli"):
		return unavailable(err, "resourceLimits.gpu: the host has no GPU that the engine can give")
	case containsAny(said, "OOM-killed", "memory limit too low", "cannot allocate memory"):
		return unavailable(err, "resourceLimits.memory: %d bytes are too few to start anything", spec.Limits.MemoryBytes)
	case containsAny(said, "unable to find user", "unable to find group", "no matching entries in passwd"):
		return &runtime.Failure{Reason: runtime.ReasonEntrypointNotStarted, Err: err,
			Message: fmt.Sprintf("the user that image %q names is not in it: %s", spec.Image, brief(said))}
	}
	return fmt.Errorf("start container %s: %w", containerName(spec.ID), err)
}

// lacksExecd recognises that the container's first program is not there.
func lacksExecd(err error) bool {
	said := err.Error()
	return strings.Contains(said, execdPath) && containsAny(said, "no such file or directory", "not found", "permission denied", "exec format error")
}

// pullFailure sorts what a registry, or the way to it, said. The engine passes
// on only text.
func pullFailure(image string, auth *runtime.Auth, said string) *runtime.Failure {
	lower := strings.ToLower(said)
	switch {
	case containsAny(lower, "invalid reference", "repository name must be"):
		return &runtime.Failure{Reason: runtime.ReasonImageInvalid,
			Message: fmt.Sprintf("%q is not a reference to an image", image)}
	case containsAny(lower, "dial tcp", "no such host", "timeout", "timed out", "connection refused", "tls", "x509", "eof", "network is unreachable", "awaiting headers"):
		return &runtime.Failure{Reason: runtime.ReasonImagePullFailed,
			Message: fmt.Sprintf("image %q is not on the host, and its registry could not be reached: %s", image, brief(said))}
	case containsAny(lower, "denied", "unauthorized", "authentication required", "no basic auth credentials", "forbidden", "incorrect username or password"):
		hint := "it needs image.auth, or does not exist"
		if auth != nil {
			hint = "image.auth is not right for it, or it does not exist"
		}
		return &runtime.Failure{Reason: runtime.ReasonImagePullDenied,
			Message: fmt.Sprintf("the registry refuses image %q: %s", image, hint)}
	case containsAny(lower, "manifest unknown", "not found", "name unknown", "no matching manifest", "does not exist"):
		return &runtime.Failure{Reason: runtime.ReasonImageNotFound,
			Message: fmt.Sprintf("image %q is neither on the host nor at its registry", image)}
	}
	return &runtime.Failure{Reason: runtime.ReasonImagePullFailed,
		Message: fmt.Sprintf("image %q could not be pulled: %s", image, brief(said))}
}

func containsAny(s string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}

const briefLength = 300

// brief makes text from elsewhere fit for a message: one line, printable, at
// most briefLength bytes.
func brief(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.TrimPrefix(strings.TrimSpace(text), "Error response from daemon: ")
	if len(text) > briefLength {
		text = strings.ToValidUTF8(text[:briefLength-len("…")], "") + "…"
	}
	return text
}
