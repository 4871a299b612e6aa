package confine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// View is which files a process may reach where all see the same. What is in no list may be read and run.
type View struct {
	// Write lists directories where everything may be done.
	Write []string
	// Hide lists files and directories that may not even be read, absolute and without links. What of them is in Write,
	// Run or Show may be reached all the same. The directories above them can't be listed, as a right to list holds for all below.
	Hide []string
	// Run lists files that may be read and run.
	Run []string
	// Terminals lets programs make terminals of their own, which opens those of the sandbox's user to it; no other device
	// but a few that lead nowhere can be reached in any case.
	Terminals bool
	// Show lists directories that may be read, though they are hidden.
	Show []string
}

// devices are what programs write to; each leads nowhere but to the process itself.
var devices = []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"}

// terminals are what new terminals are made by, and those that there are.
var terminals = []string{"/dev/ptmx", "/dev/pts"}

// ErrNoLandlock says that the kernel has no Landlock (since 5.13), that it is switched off, or that a filter of system
// calls around this process forbids it.
var ErrNoLandlock = errors.New("the kernel offers no Landlock to this process (it needs 5.13 or newer, with landlock in the list of lsm=)")

// What Landlock can refuse came with its versions.
const (
	versionRefer    = 2 // 5.19
	versionTruncate = 3 // 6.2
	versionScope    = 6 // 6.12
	versionSockets  = 9 // connect to sockets that are files
)

func version() int {
	v, err := ll.LandlockGetABIVersion()
	if err != nil {
		return 0
	}
	return v
}

// LandlockGaps says what neither Landlock of this kernel nor the filter holds back, in words that follow "a sandbox may",
// from sandboxes that run as a user who runs something else too.
func LandlockGaps() ([]string, error) {
	v := version()
	if v == 0 {
		return nil, ErrNoLandlock
	}
	var gaps []string
	if v < versionTruncate {
		gaps = append(gaps, "truncate files of the user that it runs as (closed by kernel 6.2)")
	}
	if v < versionScope {
		gaps = append(gaps, "send signals to processes of the user that it runs as (closed by kernel 6.12)")
	}
	return gaps, nil
}

// SocketsHeld tells whether a sandbox is kept from connecting to Unix sockets outside that are not its business. shared:
// it runs as a user who runs something else too, and so may connect to that; else files' permissions hold, but abstract
// sockets have none.
func SocketsHeld(shared bool) bool {
	v := version()
	return v >= versionSockets || v >= versionScope && !shared
}

// Landlock lets this process, and all that it will start, reach no file but as the view says, and send no signal to and
// trace no process outside. It sets no_new_privs. Every thread comes into a domain of its own, and so does what it starts: a
// thread can't signal what another one has started. So a program is to be executed after it, by a goroutine that was
// locked to its thread (runtime.LockOSThread). Where the kernel has no Landlock nothing is done, and the error is
// ErrNoLandlock.
func Landlock(view View) error {
	v := version()
	if v == 0 {
		return ErrNoLandlock
	}
	rules, err := view.rules(v)
	if err != nil {
		return fmt.Errorf("gather what the sandbox may read: %w", err)
	}
	// In one step, as one that knows no files forbids to move them; and not the network, which is the machine's own here.
	config, err := landlock.NewConfig(landlock.V9.HandledAccessFS, landlock.V9.Scoped)
	if err == nil {
		err = config.BestEffort().Restrict(rules...)
	}
	if err != nil {
		return fmt.Errorf("restrict files and signals: %w", err)
	}
	return nil
}

func (view View) rules(v int) ([]landlock.Rule, error) {
	write := landlock.RWDirs(view.Write...)
	if v >= versionRefer { // asked of an older kernel it would have the library do nothing at all
		write = write.WithRefer()
	}
	rules := []landlock.Rule{
		write.WithIoctlDev().WithResolveUnix(),
		landlock.RWFiles(devices...).WithIoctlDev().IgnoreIfMissing(),
		landlock.ROFiles(view.Run...),
		landlock.RODirs(view.Show...).IgnoreIfMissing(),
	}
	if view.Terminals {
		rules = append(rules, landlock.RWFiles(terminals...).WithIoctlDev().IgnoreIfMissing())
	}
	view.Hide = append(view.Hide[:len(view.Hide):len(view.Hide)], "/dev")
	seen, err := view.readable("/")
	if err != nil {
		return nil, err
	}
	return append(rules, seen...), nil
}

// readable makes a rule for every entry beside what is hidden, from a directory down.
func (view View) readable(dir string) ([]landlock.Rule, error) {
	if !view.hidesBelow(dir) {
		return []landlock.Rule{landlock.RODirs(dir).IgnoreIfMissing()}, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		if errors.Is(err, os.ErrPermission) || errors.Is(err, os.ErrNotExist) { // nobody gets in there
			return nil, nil
		}
		return nil, err
	}
	var rules []landlock.Rule
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case view.hides(path), e.Type()&os.ModeSymlink != 0: // where a link leads to has its own rule, or is hidden
		case e.IsDir():
			below, err := view.readable(path)
			if err != nil {
				return nil, err
			}
			rules = append(rules, below...)
		default:
			rules = append(rules, landlock.ROFiles(path).IgnoreIfMissing())
		}
	}
	return rules, nil
}

func (view View) hides(path string) bool {
	for _, hidden := range view.Hide {
		if path == filepath.Clean(hidden) {
			return true
		}
	}
	return false
}

func (view View) hidesBelow(dir string) bool {
	for _, hidden := range view.Hide {
		if strings.HasPrefix(filepath.Clean(hidden), strings.TrimSuffix(dir, "/")+"/") {
			return true
		}
	}
	return false
}
