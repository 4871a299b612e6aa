package process

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/family"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage/confine"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process/cgroup"
)

const plainName = "plain"

// privateDir is the one directory that a sandbox of the tier plain may write to, within its own on the host. Only such
// sandboxes have it.
const privateDir = "private"

// mark is a variable in the environment of all that runs in such a sandbox, to find it by where nothing else tells.
const mark = "OPENSANDBOX_SANDBOX="

// plain is the tier without namespaces: Landlock and a filter of system calls hold what runs on the host itself. As root
// each sandbox has a user of its own.
type plain struct {
	r *Runtime

	mu      sync.Mutex // while a user is chosen
	once    sync.Once
	program string
	failed  error
}

// Users of sandboxes, where no account has any.
const (
	firstUser = 0x60000000
	users     = 0x0fffffff
)

func (t *plain) Name() string { return plainName }

func (t *plain) Misses() []string {
	misses := []string{
		"sandboxes use this machine's network: they reach all of its services, this server too, which only its API key guards; and no two can listen on the same port",
		"sandboxes have no file system of their own: they see this machine's but home directories and those that are hidden, and can write to a directory of their own only",
		"sandboxes see which processes run on this machine",
	}
	gaps, _ := confine.LandlockGaps() // without Landlock no sandbox can be made
	if os.Getuid() != 0 {
		misses = append(misses, "sandboxes run as the user of this server")
		for _, gap := range gaps {
			misses = append(misses, "a sandbox may "+gap)
		}
	}
	return misses
}

func (t *plain) Unheld(limits runtime.Limits) []string { return t.r.unheld(limits) }

func (t *plain) Prepare(b *box, c *stage.Config, attr *syscall.SysProcAttr) ([]*os.File, error) {
	if _, err := confine.LandlockGaps(); err != nil {
		return nil, err
	}
	t.once.Do(t.install)
	if t.failed != nil {
		return nil, t.failed
	}
	private, said := filepath.Join(b.dir, privateDir), filepath.Join(b.dir, stage.DirSaid)
	uid, err := t.directories(b, private, said)
	if err != nil {
		return nil, err
	}
	hide, err := t.hidden()
	if err != nil {
		return nil, err
	}
	c.Hostname, c.Network = "", false
	c.Program, c.WorkDir = t.program, private
	c.Flags = []string{"--said", said, "--root", daemonRoot(private), "--code-port", "0"}
	c.Env = atHome(c.Env, private, b.id)
	c.Rlimits = t.r.perProcess(b, true) // which counts all of this server's user, where the sandbox has none of its own
	c.Plain = &stage.Plain{
		UID:  uid,
		View: confine.View{Write: []string{private, said}, Hide: hide, Run: []string{t.program}, Show: t.r.cfg.Show, Terminals: uid != 0},
	}
	return nil, nil
}

// atHome makes the private directory what programs take for theirs.
func atHome(env []string, private, id string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(v string) bool { return v == "HOME=/root" })
	for _, v := range []string{"HOME=" + private, "TMPDIR=" + private, mark + id} {
		name, _, _ := strings.Cut(v, "=")
		if !slices.ContainsFunc(env, func(have string) bool { return strings.HasPrefix(have, name+"=") }) {
			env = append(env, v)
		}
	}
	return env
}

// install puts execd where the users of sandboxes can run it.
func (t *plain) install() {
	t.program = t.r.cfg.Execd
	if os.Getuid() != 0 {
		return
	}
	for _, dir := range []string{t.r.cfg.State, t.r.sandboxes()} {
		if t.failed = os.Chmod(dir, 0o711); t.failed != nil {
			return
		}
	}
	if t.failed = passable(t.r.cfg.State); t.failed != nil || passable(t.program) == nil {
		return
	}
	t.program = filepath.Join(t.r.cfg.State, "execd")
	if err := replace(t.program, t.r.cfg.Execd); err != nil {
		t.failed = fmt.Errorf("put execd where sandboxes can run it: %w", err)
	}
}

// passable tells whether every user can get to a path.
func passable(path string) error {
	for dir := path; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("each sandbox has a user of its own here, and %s is closed to it: give the server a --state that all users may pass through, as /var/lib/opensandbox", dir)
		}
		if dir == "/" {
			return nil
		}
	}
}

// replace copies a program to a path where an older one may run.
func replace(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Chmod(0o755), out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), to)
}

// directories makes what belongs to the sandbox, and as root chooses its user.
func (t *plain) directories(b *box, private, said string) (uid int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	root := os.Getuid() == 0
	if root {
		if uid, err = t.user(b.id); err == nil {
			err = os.Chmod(b.dir, 0o711)
		}
		if err != nil {
			return 0, err
		}
	}
	for _, dir := range []string{private, said} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return 0, err
		}
		if root {
			if err := os.Chown(dir, uid, uid); err != nil {
				return 0, err
			}
		}
	}
	return uid, nil
}

// user chooses one by the sandbox's id, so that another server is unlikely to choose it, and that no sandbox of this
// server has.
func (t *plain) user(id string) (int, error) {
	dirs, err := filepath.Glob(filepath.Join(t.r.sandboxes(), "*", privateDir))
	if err != nil {
		return 0, err
	}
	taken := map[int]bool{}
	for _, dir := range dirs {
		taken[owner(dir)] = true
	}
	hash := fnv.New32a()
	_, _ = io.WriteString(hash, t.r.cfg.Instance+id) // a hash takes all
	uid := firstUser + int(hash.Sum32()%users)
	for taken[uid] {
		uid = firstUser + (uid-firstUser+1)%users
	}
	return uid, nil
}

// owner is the user that a directory belongs to; -1: there is none.
func owner(dir string) int {
	var is unix.Stat_t
	if err := unix.Lstat(dir, &is); err != nil {
		return -1
	}
	return int(is.Uid)
}

// hidden are the paths that sandboxes can't read, without links.
func (t *plain) hidden() ([]string, error) {
	hide := slices.Concat(engines, []string{t.r.cfg.State, "/root", "/home", "/tmp", "/var/tmp"}, t.r.cfg.Hide)
	if home, err := os.UserHomeDir(); err == nil && filepath.IsAbs(home) && filepath.Clean(home) != "/" {
		hide = append(hide, home)
	}
	var real []string
	for _, path := range hide {
		found, err := filepath.EvalSymlinks(path)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
			continue // not there, or closed to this server's user too
		}
		if err != nil {
			return nil, fmt.Errorf("hide %s: %w", path, err)
		}
		real = append(real, found)
	}
	return real, nil
}

// family finds the processes of a sandbox: all that is below its first one, which takes on what loses its parent.
func (t *plain) family(b *box) family.Finder {
	below := family.Below(b.first.pid)
	return func() ([]family.Process, bool, error) {
		found, sure, err := below()
		if b.first.over() { // its number may be another's by now
			return nil, true, err
		}
		return found, sure, err
	}
}

// strays finds them where the first one has ended before its time, and where it never came to be.
func (t *plain) strays(b *box) family.Finder {
	private := filepath.Join(b.dir, privateDir)
	if uid := owner(private); os.Getuid() == 0 && uid >= firstUser {
		return family.OfUser(uid)
	}
	return family.Any(family.Marked(mark+b.id), family.Arguments("--root", daemonRoot(private)))
}

func daemonRoot(private string) string { return filepath.Join(private, ".execd") }

func (t *plain) Pause(ctx context.Context, b *box) error {
	if b.group != nil {
		if err := b.group.Freeze(ctx); !errors.Is(err, cgroup.ErrNoFreezer) {
			return err
		}
	}
	return family.Stop(ctx, t.family(b))
}

func (t *plain) Resume(ctx context.Context, b *box) error {
	if b.group != nil {
		if err := b.group.Thaw(ctx); !errors.Is(err, cgroup.ErrNoFreezer) {
			return err
		}
	}
	return family.Continue(ctx, t.family(b))
}

// Kill kills all of a sandbox, the first one last: what it takes on would be lost without it.
func (t *plain) Kill(ctx context.Context, b *box) error {
	if b.group != nil {
		if err := b.group.Kill(); err != nil {
			return err
		}
	}
	if b.first != nil {
		if err := family.Kill(ctx, t.family(b)); err != nil {
			return err
		}
		if err := b.first.signal(unix.SIGKILL); err != nil {
			return err
		}
	}
	return family.Kill(ctx, t.strays(b))
}

func (t *plain) Close() error { return nil }
