package stage

import "github.com/opensandbox-conformance/opensandbox-conformance/internal/stage/confine"

// Confine confines this process and all that it will start, as confine.Landlock says: execute a program after it. The
// process is the sandbox's own user already.
func (p *Plain) Confine() error {
	if err := confine.Landlock(p.View); err != nil {
		return err
	}
	more := []confine.Refusal{confine.Others}
	if !confine.SocketsHeld(p.UID == 0) {
		more = append(more, confine.UnixSockets)
	}
	return confine.Seccomp(more...)
}
