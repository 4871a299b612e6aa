package metrics

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// groups are the directories of this process's control groups, by controller; "" is that of cgroup v2. The first of a
// list is the group itself, then come those above it as far as they can be seen: a limit there holds too.
type groups map[string][]string

// findGroups reads /proc/self/cgroup and /proc/self/mountinfo (cgroups(7)). Where they say nothing there are no groups.
func findGroups(root fs.FS) groups {
	own, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	table, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return nil
	}
	mounts, err := mountinfo.GetMountsFromReader(bytes.NewReader(table), func(m *mountinfo.Info) (skip, stop bool) {
		return m.FSType != "cgroup" && m.FSType != "cgroup2", false
	})
	if err != nil {
		return nil
	}
	g := groups{}
	for line := range strings.Lines(string(own)) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3) // hierarchy, controllers, path
		if len(fields) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(fields[1], ",") {
			if dirs := directories(mounts, controller, fields[2]); dirs != nil {
				g[controller] = dirs
			}
		}
	}
	return g
}

// directories finds a group in the mounts of its controller. A mount may show only a part of the tree, and in a
// namespace of groups the paths are relative to the sandbox's own: where the group lies outside of what is
// mounted, what is mounted is the sandbox's.
func directories(mounts []*mountinfo.Info, controller, own string) []string {
	var top, below string
	for _, m := range mounts {
		if !carries(m, controller) {
			continue
		}
		rel, ok := strings.CutPrefix(own, strings.TrimSuffix(m.Root, "/"))
		ok = ok && (rel == "" || rel[0] == '/') && !strings.HasPrefix(own, "/..")
		if top == "" || ok {
			top, below = strings.TrimPrefix(m.Mountpoint, "/"), ""
		}
		if ok {
			below = rel
			break
		}
	}
	if top == "" {
		return nil
	}
	var dirs []string
	for dir := path.Join(top, below); ; dir = path.Dir(dir) {
		dirs = append(dirs, dir)
		if dir == top || dir == "." {
			return dirs
		}
	}
}

func carries(m *mountinfo.Info, controller string) bool {
	if controller == "" {
		return m.FSType == "cgroup2"
	}
	return m.FSType == "cgroup" && slices.Contains(strings.Split(m.VFSOptions, ","), controller)
}
