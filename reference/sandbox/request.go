package sandbox

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// CreateRequest asks for a sandbox (CreateSandboxRequest in the lifecycle
// YAML).
type CreateRequest struct {
	Image      string
	Auth       *runtime.Auth
	Entrypoint []string
	Env        map[string]string
	Metadata   map[string]string
	Limits     map[string]string
	Timeout    *int64 // seconds; nil: until it is deleted
}

// MinTimeout is the shortest life that may be asked for.
const MinTimeout = 60 * time.Second

// The daemon's token comes to it by this variable, so nobody else may set it.
const tokenVariable = "EXECD_ACCESS_TOKEN"

const (
	maxImageLength  = 512
	maxEntrypoint   = 1024
	maxVariableName = 1024
)

// check returns the request's limits and lifetime (zero: no end), or the first
// thing that is wrong with it.
func (c *CreateRequest) check(cfg *Config) (runtime.Limits, time.Duration, error) {
	var none runtime.Limits
	if err := checkImage(c.Image); err != nil {
		return none, 0, err
	}
	if err := checkEntrypoint(c.Entrypoint); err != nil {
		return none, 0, err
	}
	life, err := checkTimeout(c.Timeout, cfg)
	if err != nil {
		return none, 0, err
	}
	if err := checkEnv(c.Env); err != nil {
		return none, 0, err
	}
	if err := checkMetadata(c.Metadata); err != nil {
		return none, 0, err
	}
	limits, err := parseLimits(c.Limits)
	if err != nil {
		return none, 0, err
	}
	return limits, life, nil
}

func checkImage(image string) error {
	if image == "" {
		return invalid("INVALID_IMAGE", "image.uri is empty; name an image, such as \"debian:12\"")
	}
	bad := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	if len(image) > maxImageLength || !utf8.ValidString(image) || strings.ContainsFunc(image, bad) {
		return invalid("INVALID_IMAGE",
			"image.uri %.64q has white space or control characters, or more than %d bytes; name an image, such as \"debian:12\"", image, maxImageLength)
	}
	return nil
}

func checkEntrypoint(entrypoint []string) error {
	if len(entrypoint) == 0 || entrypoint[0] == "" {
		return invalid("INVALID_ENTRYPOINT",
			"entrypoint needs at least one element, and its first must name a program, such as [\"tail\",\"-f\",\"/dev/null\"]")
	}
	if len(entrypoint) > maxEntrypoint {
		return invalid("INVALID_ENTRYPOINT", "entrypoint has %d elements; at most %d are allowed", len(entrypoint), maxEntrypoint)
	}
	for i, arg := range entrypoint {
		if strings.ContainsRune(arg, 0) {
			return invalid("INVALID_ENTRYPOINT", "entrypoint[%d] has a NUL character, which no program can be given", i)
		}
	}
	return nil
}

func checkTimeout(seconds *int64, cfg *Config) (time.Duration, error) {
	longest := int64(cfg.MaxTimeout / time.Second)
	switch {
	case seconds == nil && cfg.ManualCleanup:
		return 0, nil
	case seconds == nil:
		return 0, invalid("TIMEOUT_REQUIRED",
			"timeout is missing: this server does not keep sandboxes without an end; give timeout in seconds, %d to %d", int64(MinTimeout/time.Second), longest)
	case *seconds < int64(MinTimeout/time.Second) || *seconds > longest:
		return 0, invalid("INVALID_TIMEOUT",
			"timeout %d is out of range; give %d to %d seconds", *seconds, int64(MinTimeout/time.Second), longest)
	}
	return time.Duration(*seconds) * time.Second, nil
}

func checkEnv(env map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		switch {
		case name == tokenVariable:
			return invalid("INVALID_ENV", "env must not set %s: it belongs to the daemon in the sandbox", tokenVariable)
		case name == "" || len(name) > maxVariableName || strings.ContainsAny(name, "=\x00"):
			return invalid("INVALID_ENV", "env: %.64q can't be the name of a variable: it must not be empty, nor hold = or NUL", name)
		case strings.ContainsRune(env[name], 0):
			return invalid("INVALID_ENV", "env: the value of %.64q has a NUL character, which no process can be given", name)
		}
	}
	return nil
}
