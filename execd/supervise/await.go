package supervise

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/prepared"
)

// Await waits on standard input for what this container has to become, and makes c run it. Processes then have an input
// that is at its end, as in a container that nobody prepared. An error says that no order came.
func Await(c *Config) error {
	order, err := prepared.Read(os.Stdin)
	if err != nil {
		return err
	}
	null, err := os.Open(os.DevNull)
	if err == nil {
		err = unix.Dup3(int(null.Fd()), 0, 0)
		_ = null.Close()
	}
	if err != nil {
		return fmt.Errorf("leave standard input: %w", err)
	}
	c.Entrypoint, c.Token, c.Env = order.Entrypoint, order.Token, over(os.Environ(), order.Env)
	return nil
}

// over is env with variables that are set anew.
func over(env []string, set map[string]string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		_, replaced := set[name]
		return replaced
	})
	for _, name := range slices.Sorted(maps.Keys(set)) {
		env = append(env, name+"="+set[name])
	}
	return env
}
