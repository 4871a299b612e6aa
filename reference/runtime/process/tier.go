package process

import (
	"context"
	"os"
	"syscall"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// tier is a way to keep a sandbox apart from the host and from others. All
// methods may be called from several goroutines at once, for one box from one
// at a time.
type tier interface {
	// Name says which: "shifted", "root", "user" or "plain".
	Name() string

	// Misses says in words what is not isolated; an operator reads it.
	Misses() []string

	// Unheld names which of the limits that are set can't be held for the
	// sandbox as a whole, in the words of the API: "cpu", "memory".
	Unheld(limits runtime.Limits) []string

	// Prepare completes what is made and how its process starts. Common parts
	// are filled in: everything but the view of files and the namespaces. The
	// files come after stage.FDControl, and are not closed.
	Prepare(b *box, c *stage.Config, attr *syscall.SysProcAttr) (files []*os.File, err error)

	// Pause stops every process but, where that is its business, the first one.
	Pause(ctx context.Context, b *box) error
	Resume(ctx context.Context, b *box) error

	// Kill kills all processes of the sandbox, paused ones too. They may take a
	// moment to end.
	Kill(ctx context.Context, b *box) error

	// Close lets go of what the tier has opened.
	Close() error
}

// Tiers names all, the best first.
func Tiers() []string { return []string{"shifted", "root", "user"} }

// tiers lists all, the best first.
func tiers(r *Runtime) []tier {
	return []tier{
		&namespaced{r: r, name: "shifted", shift: &stage.Shift{Base: shiftBase, Size: shiftSize}},
		&namespaced{r: r, name: "root"},
		&namespaced{r: r, name: "user", user: true},
	}
}
