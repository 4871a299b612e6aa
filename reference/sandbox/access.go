package sandbox

import (
	"context"
	"net"
)

// Access is how a client reaches a port inside a sandbox.
type Access struct {
	// Token is to be sent in TokenHeader; empty: the port needs none.
	Token string
}

// Access says how to reach a port, whether or not anything listens there
// (rule 1). It answers for a sandbox that isn't there yet or is paused, too:
// the address stays the same as long as the sandbox lives.
func (m *Manager) Access(id string, port int) (Access, error) {
	sb, err := m.Get(id)
	if err != nil {
		return Access{}, err
	}
	if port < 1 || port > 65535 {
		return Access{}, invalid("INVALID_PORT", "port %d is out of range; give 1 to 65535", port)
	}
	if !sb.Status.State.Live() {
		return Access{}, refuse(NotFound, "SANDBOX_NOT_RUNNING",
			"the sandbox is %s and has no endpoints any more; create another one", sb.Status.State)
	}
	if port == DaemonPort {
		return Access{Token: sb.Token}, nil
	}
	return Access{}, nil
}

// Dial connects to a port inside a sandbox.
func (m *Manager) Dial(ctx context.Context, id string, port int) (net.Conn, error) {
	return m.cfg.Runtime.Dial(ctx, id, port)
}
