package docker

import (
	"context"
	"fmt"
)

// Ping returns nil when the engine answers.
func (d *Docker) Ping(ctx context.Context) error {
	if _, err := d.engine.Ping(ctx); err != nil {
		return fmt.Errorf("ask the Docker engine: %w", err)
	}
	return nil
}
