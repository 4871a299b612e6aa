package sandbox

import (
	"context"
	"time"
)

// Renew sets a later end for a sandbox (rule 3) and returns it, exactly the
// time that was asked for. The time must be after the present one, and within
// the longest timeout from now.
func (m *Manager) Renew(ctx context.Context, id string, until time.Time) (time.Time, error) {
	// The monotonic reading and the zone would not survive the store.
	until = until.UTC().Round(0)
	err := m.change(id, func(r *record, sb *Sandbox) error {
		now := m.clock.Now()
		switch {
		case !sb.Status.State.Live():
			return refuse(Conflict, "SANDBOX_NOT_RUNNING",
				"the sandbox is %s and can't be renewed; create another one", sb.Status.State)
		case !until.After(now):
			return invalid("INVALID_EXPIRATION",
				"expiresAt %s is not in the future; give a later time", until.Format(time.RFC3339Nano))
		case sb.ExpiresAt.IsZero():
			return refuse(Conflict, "SANDBOX_HAS_NO_EXPIRATION",
				"the sandbox was created without a timeout and lives until it is deleted; there is nothing to renew")
		case !until.After(sb.ExpiresAt):
			return invalid("INVALID_EXPIRATION",
				"expiresAt %s is not after the present one, %s; give a later time", until.Format(time.RFC3339Nano), sb.ExpiresAt.Format(time.RFC3339Nano))
		case until.Sub(now) > m.cfg.MaxTimeout:
			return invalid("INVALID_EXPIRATION",
				"expiresAt %s is more than %s from now, which is the longest that this server allows; give an earlier time", until.Format(time.RFC3339Nano), m.cfg.MaxTimeout)
		}
		next := *sb
		next.ExpiresAt = until
		if err := m.publish(ctx, r, &next); err != nil {
			return err
		}
		m.log.InfoContext(ctx, "sandbox renewed", "sandbox", r.id, "expires", until)
		return nil
	})
	if err != nil {
		return time.Time{}, err
	}
	return until, nil
}
