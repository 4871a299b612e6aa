package process

import (
	"fmt"
	"os"
	goruntime "runtime"
	"strconv"
	"strings"
	"unicode"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// leastMemory is what the supervisor and the daemon need to start, in bytes.
const leastMemory = 24 << 20

// check refuses what can't be made here, whatever is tried.
func (r *Runtime) check(spec runtime.Spec) error {
	const nano = 1_000_000_000
	limits := spec.Limits
	switch {
	case spec.Image != Image:
		return &runtime.Failure{Reason: runtime.ReasonImageNotFound, Message: fmt.Sprintf(
			"this server runs sandboxes on the files of its own machine: its only image is %q, and image %q can't be had; a server with --runtime docker runs images", Image, spec.Image)}
	case len(spec.Entrypoint) == 0:
		return &runtime.Failure{Reason: runtime.ReasonEntrypointNotFound, Message: fmt.Sprintf("image %q names no entrypoint of its own: send one", Image)}
	case limits.NanoCPUs > int64(r.hostCPUs)*nano:
		return unavailable("resourceLimits.cpu: %g cores were asked for, and the host has %d", float64(limits.NanoCPUs)/nano, r.hostCPUs)
	case limits.NanoCPUs > 0 && limits.NanoCPUs < nano/100:
		return unavailable("resourceLimits.cpu: the host can't give less than 10m")
	case limits.MemoryBytes > r.hostMemory:
		return unavailable("resourceLimits.memory: %d bytes were asked for, and the host has %d", limits.MemoryBytes, r.hostMemory)
	case limits.MemoryBytes > 0 && limits.MemoryBytes < leastMemory:
		return unavailable("resourceLimits.memory: %d bytes are too few to start anything; ask for %d or more", limits.MemoryBytes, leastMemory)
	case limits.GPUs > 0:
		return unavailable("resourceLimits.gpu: this server gives sandboxes no GPU")
	}
	return nil
}

func unavailable(format string, args ...any) error {
	return &runtime.Failure{Reason: runtime.ReasonResourcesUnavailable, Message: fmt.Sprintf(format, args...)}
}

// measure says what the host has: cores, and bytes of memory.
func measure() (cpus int, memory int64, err error) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, 0, fmt.Errorf("look up the memory of this machine: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemTotal:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			return goruntime.NumCPU(), kib << 10, err
		}
	}
	return 0, 0, fmt.Errorf("look up the memory of this machine: no MemTotal in /proc/meminfo")
}

const briefLength = 300

// brief makes text from a sandbox fit for a message: one line, printable, at
// most briefLength bytes.
func brief(text string) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) {
			return ' '
		}
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.TrimSpace(text)
	if len(text) > briefLength {
		text = strings.ToValidUTF8(text[:briefLength-len("…")], "") + "…"
	}
	return text
}
