package cgroup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// serverLeaf is the group on v2 that the server moves into, since a group whose controllers are handed on may hold no
// process itself.
const serverLeaf = prefix + "server"

// Detect finds where this server may make groups: at the top of what it sees of each hierarchy, else in the group that
// it runs in itself. It tries rather than asks, and the error says for each place why it can't be used. On v2 what runs
// in that group, this server and perhaps what started it, is moved into a group within it.
func Detect() (*Tree, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		return nil, fmt.Errorf("find control groups: %w", err)
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("find control groups: %w", err)
	}
	return detect(mounts, own)
}

func detect(mounts []*mountinfo.Info, own []byte) (*Tree, error) {
	t := &Tree{}
	var refused []error
	for _, m := range mounts {
		if m.FSType != "cgroup" {
			continue
		}
		controllers := v1ControllersOf(m)
		if len(controllers) == 0 || slices.ContainsFunc(t.hierarchies, func(h hierarchy) bool { return slices.Contains(h.controllers, controllers[0]) }) {
			continue
		}
		parent, err := usable(candidates(m, ownPath(own, controllers[0])))
		if err != nil {
			refused = append(refused, err)
			continue
		}
		t.hierarchies = append(t.hierarchies, hierarchy{m.Mountpoint, parent, controllers})
	}
	if len(t.hierarchies) > 0 {
		return t, nil
	}
	for _, m := range mounts {
		if m.FSType != "cgroup2" {
			continue
		}
		h, err := detectV2(m, ownPath(own, ""))
		if err != nil {
			refused = append(refused, err)
			continue
		}
		return &Tree{unified: true, hierarchies: []hierarchy{h}}, nil
	}
	if len(refused) == 0 {
		return nil, errors.New("find control groups: none are mounted here")
	}
	return nil, fmt.Errorf("find control groups that this server may use (as root, or on cgroup v2 with systemd-run --user --scope -p Delegate=yes): %w", errors.Join(refused...))
}

func v1ControllersOf(m *mountinfo.Info) []string {
	var found []string
	for option := range strings.SplitSeq(m.VFSOptions, ",") {
		if slices.Contains(v1Controllers, option) {
			found = append(found, option)
		}
	}
	return found
}

// ownPath is the path of this process's group in the hierarchy of a controller, "" being v2 (cgroups(7)).
func ownPath(own []byte, controller string) string {
	for line := range strings.Lines(string(own)) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) == 3 && slices.Contains(strings.Split(fields[1], ","), controller) {
			return fields[2]
		}
	}
	return "/"
}

// candidates are the directories of a mount where groups may be made, the best first: at the top a server that is
// started again finds them wherever it runs itself.
func candidates(m *mountinfo.Info, own string) []string {
	dirs := []string{m.Mountpoint}
	rel, err := filepath.Rel(m.Root, own)
	if err != nil || rel == "." || rel == ".." || strings.HasPrefix(rel, "../") {
		return dirs
	}
	if filepath.Base(rel) == serverLeaf { // started again by what was moved there
		rel = filepath.Dir(rel)
	}
	return append(dirs, filepath.Join(m.Mountpoint, rel))
}

// usable is the first directory in which a group can be made.
func usable(dirs []string) (string, error) {
	var refused []error
	for _, dir := range dirs {
		err := tryIn(dir)
		if err == nil {
			return dir, nil
		}
		refused = append(refused, err)
	}
	return "", errors.Join(refused...)
}

func tryIn(dir string) error {
	probe := filepath.Join(dir, prefix+"probe-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(probe, 0o755); err != nil {
		return err
	}
	return unix.Rmdir(probe)
}

func detectV2(m *mountinfo.Info, own string) (hierarchy, error) {
	var refused []error
	for _, dir := range candidates(m, own) {
		controllers, err := handDown(dir)
		if err == nil {
			return hierarchy{m.Mountpoint, dir, controllers}, nil
		}
		refused = append(refused, err)
	}
	return hierarchy{}, errors.Join(refused...)
}

// handDown has the groups within a group get its controllers, and says which they get.
func handDown(dir string) ([]string, error) {
	if err := tryIn(dir); err != nil {
		return nil, err
	}
	offered, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return nil, err
	}
	var controllers []string
	for c := range strings.FieldsSeq(string(offered)) {
		if !slices.Contains([]string{CPU, Memory, Pids}, c) {
			continue
		}
		err := write(dir, "cgroup.subtree_control", "+"+c)
		if errors.Is(err, unix.EBUSY) {
			if err = vacate(dir); err == nil {
				err = write(dir, "cgroup.subtree_control", "+"+c)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("hand the controller %s on to groups in %s: %w", c, dir, err)
		}
		controllers = append(controllers, c)
	}
	return controllers, nil
}

// vacate moves what runs in a group into one within it.
func vacate(dir string) error {
	leaf := filepath.Join(dir, serverLeaf)
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	for range killRounds {
		b, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			return err
		}
		if len(b) == 0 {
			return nil
		}
		for pid := range strings.FieldsSeq(string(b)) {
			if err := write(leaf, "cgroup.procs", pid); err != nil && !errors.Is(err, unix.ESRCH) && !errors.Is(err, io.EOF) {
				return fmt.Errorf("move process %s to %s: %w", pid, leaf, err)
			}
		}
	}
	return fmt.Errorf("move what runs in %s: it does not get empty", dir)
}
