package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process/cgroup"
)

// cleanupTimeout bounds what is cleaned up after something failed.
const cleanupTimeout = 30 * time.Second

// Provision makes a sandbox and starts its entry process.
func (r *Runtime) Provision(ctx context.Context, spec runtime.Spec) error {
	if err := r.check(spec); err != nil {
		return err
	}
	release, err := r.acquire(ctx, spec.ID)
	if err != nil {
		return err
	}
	defer release()
	b := r.box(spec.ID)
	if b.there() {
		taken, err := r.takeOver(ctx, b)
		if taken || err != nil {
			return err
		}
	}
	return r.make(ctx, r.tier, b, spec)
}

// takeOver looks at a sandbox that a server left which was killed. One that has
// begun is gone on with; of any other nothing is kept.
func (r *Runtime) takeOver(ctx context.Context, b *box) (taken bool, err error) {
	if err := b.find(); err != nil {
		return false, err
	}
	if b.has(stage.FileBegun) {
		if b.first != nil {
			r.know(b)
			return true, nil
		}
		if _, told := stage.ReadEnd(b.dir); told {
			return true, &runtime.Exited{Exit: b.describe(unseen, false)}
		}
	}
	return false, r.discard(ctx, r.tier, b)
}

// make makes a sandbox of which there is nothing yet.
func (r *Runtime) make(ctx context.Context, t tier, b *box, spec runtime.Spec) (err error) {
	if err := os.Mkdir(b.dir, 0o700); err != nil {
		return fmt.Errorf("make a directory for sandbox %s: %w", b.id, err)
	}
	defer func() {
		if err == nil {
			return
		}
		if b.group != nil {
			if kills, oomErr := b.group.OOMKills(); oomErr == nil && kills > 0 {
				err = unavailable("resourceLimits.memory: %d bytes are too few to start anything", spec.Limits.MemoryBytes)
			}
		}
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		defer cancel()
		if cerr := r.discard(cleaning, t, b); cerr != nil {
			r.log.Error("could not clean up", "sandbox", b.id, "error", cerr)
		}
	}()
	b.limits = spec.Limits
	if r.tree != nil {
		b.group, err = r.tree.Create(r.groupName(b.id), cgroup.Limits{
			NanoCPUs: spec.Limits.NanoCPUs, MemoryBytes: spec.Limits.MemoryBytes, Pids: r.cfg.Pids,
		})
		if err != nil {
			return err
		}
	}
	if err := r.start(ctx, t, b, spec); err != nil {
		return err
	}
	r.know(b)
	return nil
}

// start starts the first process, and returns when it is about to start the
// entry process.
func (r *Runtime) start(ctx context.Context, t tier, b *box, spec runtime.Spec) error {
	config := &stage.Config{
		Hostname: hostname(b.id), Network: true,
		Program: stage.ExecdInside, Flags: []string{"--said", stage.SaidInside},
		Entrypoint: spec.Entrypoint, Env: r.environment(spec), WorkDir: "/", Token: spec.Token,
	}
	attr := &syscall.SysProcAttr{Setsid: true, PidFD: new(int)}
	handed, err := t.Prepare(b, config, attr)
	if err != nil {
		return err
	}
	opened, err := openAll(b.dir)
	defer opened.close()
	if err != nil {
		return err
	}
	fds := []uintptr{opened.null.Fd(), opened.null.Fd(), opened.null.Fd(), opened.configInside.Fd(), opened.statusInside.Fd(), opened.execd.Fd(), opened.ports.Fd(), opened.control.Fd()}
	for _, f := range handed {
		fds = append(fds, f.Fd())
	}
	if b.group != nil {
		attr.CgroupFD, attr.UseCgroupFD = b.group.FD()
	}
	pid, err := syscall.ForkExec(r.cfg.Execd, []string{"execd", "stage"}, &syscall.ProcAttr{
		Dir: b.dir, Env: []string{"GOMAXPROCS=2"}, Files: fds, Sys: attr, // nothing of this server's environment
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", r.cfg.Execd, err)
	}
	if b.first, err = hold(pid, *attr.PidFD); err != nil {
		return err
	}
	opened.handedDown()
	if b.group != nil && !attr.UseCgroupFD {
		if err := b.group.Add(pid); err != nil {
			return err
		}
	}
	defer context.AfterFunc(ctx, func() {
		_ = opened.config.SetDeadline(time.Unix(1, 0))
		_ = opened.status.SetDeadline(time.Unix(1, 0))
	})()
	// What it says is read first: a process that is already dead takes nothing.
	serr := config.Send(opened.config)
	_ = opened.config.Close()
	said, err := io.ReadAll(io.LimitReader(opened.status, 4<<10))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(said) > 0 {
		return errors.New(brief(string(said)))
	}
	if err := errors.Join(serr, err); err != nil {
		return fmt.Errorf("tell the first process what to make: %w", err)
	}
	return nil
}

// handles are the files by which a sandbox is started.
type handles struct {
	null, config, configInside, status, statusInside, execd, ports, control *os.File
}

func openAll(dir string) (h handles, err error) {
	if h.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
		return h, err
	}
	if h.configInside, h.config, err = os.Pipe(); err != nil {
		return h, err
	}
	if h.status, h.statusInside, err = os.Pipe(); err != nil {
		return h, err
	}
	if h.execd, err = listenUnix(dir, stage.FileExecd); err != nil {
		return h, err
	}
	if h.ports, err = listenUnix(dir, stage.FilePorts); err != nil {
		return h, err
	}
	h.control, err = listenUnix(dir, stage.FileControl)
	return h, err
}

// handedDown closes what is the first process's.
func (h *handles) handedDown() {
	for _, f := range []*os.File{h.null, h.configInside, h.statusInside, h.execd, h.ports, h.control} {
		f.Close()
	}
}

func (h *handles) close() {
	for _, f := range []*os.File{h.null, h.config, h.configInside, h.status, h.statusInside, h.execd, h.ports, h.control} {
		f.Close() // also a nil one, and one that is closed
	}
}

// environment is that of everything in the sandbox.
func (r *Runtime) environment(spec runtime.Spec) []string {
	env := map[string]string{
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME": "/root",
	}
	maps.Copy(env, spec.Env)
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// hostname is a name for the sandbox, as engines choose it.
func hostname(id string) string { return id[:min(12, len(id))] }

// know keeps a sandbox whose entry process was started, and waits for its end.
func (r *Runtime) know(b *box) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.known[b.id]; old != nil {
		if old != b {
			b.letGo()
		}
		return
	}
	r.known[b.id] = b
	r.running.Go(func() { r.follow(b) })
}

// try makes a throw-away sandbox and sees that all that is asked of sandboxes
// works with it.
func (r *Runtime) try(ctx context.Context, t tier) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r.tier = t
	b := r.box(fmt.Sprintf("%s%s-%d", trialPrefix, t.Name(), os.Getpid()))
	spec := runtime.Spec{ID: b.id, Image: Image, Entrypoint: []string{"sleep", "infinity"}, Token: "trial"}
	if err := r.make(ctx, t, b, spec); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Remove(context.WithoutCancel(ctx), b.id)) }()
	if err := r.ping(ctx, b.id); err != nil {
		if end, ok := stage.ReadEnd(b.dir); ok {
			text, _ := json.Marshal(end)
			err = fmt.Errorf("%w; it ended: %s", err, text)
		}
		return err
	}
	if err := r.Pause(ctx, b.id); err != nil {
		return err
	}
	return r.Resume(ctx, b.id)
}

// ping asks the daemon for a sign of life.
func (r *Runtime) ping(ctx context.Context, id string) error {
	conn, err := r.Dial(ctx, id, daemonPort)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	if _, err := io.WriteString(conn, "GET /ping HTTP/1.1\r\nHost: execd\r\nX-EXECD-ACCESS-TOKEN: trial\r\nConnection: close\r\n\r\n"); err != nil {
		return fmt.Errorf("ask the daemon: %w", err)
	}
	answer := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(conn, answer); err != nil {
		return fmt.Errorf("ask the daemon: %w", err)
	}
	if string(answer) != "HTTP/1.1 200" {
		return fmt.Errorf("the daemon answers %q", answer)
	}
	return nil
}

// sweepTrials removes what a server left that was killed while it tried, or
// while it removed something.
func (r *Runtime) sweepTrials(ctx context.Context) error {
	trials, err := filepath.Glob(filepath.Join(r.sandboxes(), trialPrefix+"*"))
	if err != nil {
		return err
	}
	for _, dir := range trials {
		b := r.box(filepath.Base(dir))
		if err := b.find(); err != nil {
			return err
		}
		if err := r.discard(ctx, &namespaced{r: r}, b); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(r.gone())
	for _, e := range entries {
		r.removeBehind(filepath.Join(r.gone(), e.Name()))
	}
	return err
}
