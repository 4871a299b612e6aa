package stage

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage/confine"
)

// Confine confines this process and all that it will start. The process is the sandbox's own user already.
func (p *Plain) Confine() error {
	for _, limit := range []struct {
		name  string
		which int
		max   uint64
	}{{"data", unix.RLIMIT_DATA, p.Data}, {"processes", unix.RLIMIT_NPROC, p.Processes}, {"core files", unix.RLIMIT_CORE, 0}} {
		if limit.max == 0 && limit.which != unix.RLIMIT_CORE {
			continue
		}
		var is unix.Rlimit
		if err := unix.Getrlimit(limit.which, &is); err != nil {
			return fmt.Errorf("look up the limit of %s: %w", limit.name, err)
		}
		limit.max = min(limit.max, is.Max)
		if err := unix.Setrlimit(limit.which, &unix.Rlimit{Cur: limit.max, Max: limit.max}); err != nil {
			return fmt.Errorf("limit %s: %w", limit.name, err)
		}
	}
	if err := confine.Landlock(p.View); err != nil {
		return err
	}
	return confine.Seccomp()
}
