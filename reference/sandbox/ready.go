package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// DaemonPort is where execd listens in every sandbox.
const DaemonPort = 44772

// TokenHeader carries the daemon's token (security scheme of the execd YAML).
const TokenHeader = "X-EXECD-ACCESS-TOKEN"

// awaitDaemon asks the daemon's GET /ping until it answers 200. It returns a
// *runtime.Failure when it does not within the ready timeout.
func (m *Manager) awaitDaemon(ctx context.Context, sb *Sandbox) error {
	wait, cancel := context.WithTimeout(ctx, m.cfg.ReadyTimeout)
	defer cancel()
	b := backoff.NewExponentialBackOff()
	// A refused connection costs nothing, and a daemon is there in milliseconds.
	b.InitialInterval, b.Multiplier, b.RandomizationFactor, b.MaxInterval = time.Millisecond, 1.2, 0, 250*time.Millisecond
	var last error
	_, err := backoff.Retry(wait, func() (struct{}, error) {
		err := m.ping(wait, sb)
		if err != nil && wait.Err() == nil {
			last = err
		}
		return struct{}{}, err
	}, backoff.WithBackOff(b), backoff.WithMaxElapsedTime(0))
	if err == nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	return &runtime.Failure{
		Reason:  ReasonExecdUnreachable,
		Message: fmt.Sprintf("the daemon in the sandbox did not answer on port %d within %s; see that the entrypoint leaves this port alone", DaemonPort, m.cfg.ReadyTimeout),
		Err:     last,
	}
}

// ping makes one request on a connection of its own: nothing is left of it when
// ctx ends.
func (m *Manager) ping(ctx context.Context, sb *Sandbox) error {
	// An answer that doesn't come must not use up the whole of the wait.
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := m.cfg.Runtime.Dial(ctx, sb.ID, DaemonPort)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://execd/ping", nil)
	if err != nil {
		return err
	}
	req.Header.Set(TokenHeader, sb.Token)
	req.Close = true
	if err := req.Write(conn); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("ping answered %s", res.Status)
	}
	return nil
}
