package process

import (
	"context"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process/cgroup"
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
func Tiers() []string { return []string{"shifted", "root", "user", plainName} }

// tiers lists all, the best first.
func tiers(r *Runtime) []tier {
	return []tier{
		&namespaced{r: r, name: "shifted", shift: &stage.Shift{Base: shiftBase, Size: shiftSize}},
		&namespaced{r: r, name: "root"},
		&namespaced{r: r, name: "user", user: true},
		&plain{r: r},
	}
}

// lacks lists the limits that no control group holds here.
func (r *Runtime) lacks() []string {
	if r.tree == nil {
		return []string{cgroup.CPU, cgroup.Memory, cgroup.Pids, cgroup.Freezer}
	}
	return r.tree.Lacks()
}

// unheld names the limits that need control groups which are not to be had.
func (r *Runtime) unheld(limits runtime.Limits) []string {
	var unheld []string
	for _, l := range r.lacks() {
		if l == cgroup.CPU && limits.NanoCPUs > 0 || l == cgroup.Memory && limits.MemoryBytes > 0 {
			unheld = append(unheld, l)
		}
	}
	return unheld
}

// perProcess are limits of each process for those that no control group holds: less than was asked for, and better than
// nothing. pids: the sandbox's processes can be counted by their user.
func (r *Runtime) perProcess(b *box, pids bool) []stage.Rlimit {
	var limits []stage.Rlimit
	lacks := r.lacks()
	if b.limits.MemoryBytes > 0 && slices.Contains(lacks, cgroup.Memory) {
		// Not the address space, of which a Go program takes much and uses little.
		limits = append(limits, stage.Rlimit{Resource: unix.RLIMIT_DATA, Value: dataLimit(b.limits)})
	}
	if pids && slices.Contains(lacks, cgroup.Pids) {
		limits = append(limits, stage.Rlimit{Resource: unix.RLIMIT_NPROC, Value: uint64(r.cfg.Pids)})
	}
	return limits
}

// leastData is what execd itself needs of the data of a process, in bytes: Go
// maps far more than it uses.
const leastData = 192 << 20

// dataLimit is the limit on the data of each process, in bytes, where no control
// group holds the memory of all.
func dataLimit(limits runtime.Limits) uint64 { return uint64(max(limits.MemoryBytes, leastData)) }
