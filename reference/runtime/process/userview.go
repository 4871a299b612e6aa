package process

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage"
)

// An unprivileged user can't put an overlay on "/", nor on any directory with a
// mount inside, as those mounts are locked. So "/" is a small tmpfs, and every
// largest directory without mounts gets an overlay of its own.
const rootSize = 4 << 20

// mostOverlays bounds how many there are: a machine with mounts everywhere
// shows less of its files.
const mostOverlays = 200

// pieces makes the view of an unprivileged user.
type pieces struct {
	points []string // where something is mounted
	disks  map[string]bool
	hidden []string
	mounts []stage.Mount
	count  int
}

// userRoot is what the view of an unprivileged user begins with.
func userRoot(hidden []string) ([]stage.Mount, error) {
	found, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, fmt.Errorf("look up the mounts of this machine: %w", err)
	}
	p := &pieces{disks: map[string]bool{}, hidden: hidden, mounts: []stage.Mount{{Kind: stage.Tmpfs, At: "/", Size: rootSize}}}
	for _, m := range found {
		if m.Mountpoint != "/" {
			p.points = append(p.points, m.Mountpoint)
			p.disks[m.Mountpoint] = slices.Contains(disks, m.FSType) // the last one is what shows
		}
	}
	if err := p.split("/"); err != nil {
		return nil, err
	}
	return p.mounts, nil
}

// split shows what is in a directory, which has mounts inside, entry by entry.
func (p *pieces) split(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil //nolint:nilerr // the user can't read it: it shows empty
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if within(path, p.hidden) || slices.Contains(own, path) {
			continue // it gets one of its own, or none
		}
		if err := p.add(path, e); err != nil {
			return err
		}
	}
	return nil
}

func (p *pieces) add(path string, e fs.DirEntry) error {
	switch {
	case e.Type()&fs.ModeSymlink != 0:
		to, err := os.Readlink(path)
		if err == nil {
			p.mounts = append(p.mounts, stage.Mount{Kind: stage.Link, At: path, From: to})
		}
		return err
	case e.Type().IsRegular():
		if unix.Access(path, unix.R_OK) == nil {
			p.mounts = append(p.mounts, stage.Mount{Kind: stage.Bind, At: path, From: path, Optional: true})
		}
		return nil
	case !e.IsDir():
		return nil
	}
	inside := slices.ContainsFunc(p.points, func(point string) bool { return strings.HasPrefix(point, path+"/") })
	disk, mounted := p.disks[path]
	switch {
	case unix.Access(path, unix.R_OK|unix.X_OK) != nil, mounted && !disk, p.count >= mostOverlays:
		p.mounts = append(p.mounts, stage.Mount{Kind: stage.Dir, At: path})
	case inside:
		p.mounts = append(p.mounts, stage.Mount{Kind: stage.Dir, At: path})
		return p.split(path)
	default:
		p.count++
		p.mounts = append(p.mounts, stage.Mount{Kind: stage.Overlay, At: path, From: path, User: true, Own: ownable(path)})
	}
	return nil
}

// mostOwnable bounds how many directories are made in a layer beforehand, each of which takes time in every create.
const mostOwnable = 250

// ownable lists the directories of an overlay that the sandbox's only user may
// write to though they are root's outside: where software is installed by hand.
// The top of an overlay is its own in any case. Those nearest to the top come
// first, so that one large tree does not take the place of all others.
func ownable(path string) []string {
	const top = "/usr/local"
	if !within(top, []string{path}) {
		return nil
	}
	var dirs []string
	for level := []string{top}; len(level) > 0 && len(dirs) < mostOwnable; {
		var below []string
		for _, dir := range level {
			if rel, err := filepath.Rel(path, dir); err == nil && rel != "." && len(dirs) < mostOwnable {
				dirs = append(dirs, rel)
			}
			entries, err := os.ReadDir(dir)
			if err != nil {
				continue // what can't be read can't be written to
			}
			for _, e := range entries {
				if e.IsDir() {
					below = append(below, filepath.Join(dir, e.Name()))
				}
			}
		}
		level = below
	}
	return dirs
}
