package sandbox

import (
	"context"
	"maps"
)

// Patch applies a JSON merge patch (RFC 7396) to a sandbox's metadata (rule 11)
// and returns the sandbox: a value sets a key, nil removes it, what is not named
// stays. What runs is not touched.
func (m *Manager) Patch(ctx context.Context, id string, changes map[string]*string) (*Sandbox, error) {
	set := map[string]string{}
	for key, value := range changes {
		// A key that could never be set can't be removed either.
		set[key] = ""
		if value != nil {
			set[key] = *value
		}
	}
	if err := checkMetadata(set); err != nil {
		return nil, err
	}
	var patched *Sandbox
	err := m.change(id, func(r *record, sb *Sandbox) error {
		if !sb.Status.State.Live() {
			return refuse(Conflict, "SANDBOX_NOT_RUNNING",
				"the sandbox is %s and can't be changed; create another one", sb.Status.State)
		}
		next := *sb
		next.Metadata = maps.Clone(sb.Metadata) // values are shared
		if next.Metadata == nil {
			next.Metadata = map[string]string{}
		}
		for key, value := range changes {
			if value == nil {
				delete(next.Metadata, key)
			} else {
				next.Metadata[key] = *value
			}
		}
		patched = &next
		if maps.Equal(sb.Metadata, next.Metadata) {
			return nil
		}
		return m.publish(ctx, r, patched)
	})
	if err != nil {
		return nil, err
	}
	return patched, nil
}
