package files

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// split cuts a path into its directory and its last part. Unlike filepath.Dir it takes no ".." away, which means
// something else behind a link.
func split(path string) (dir, base string) {
	path = trimSlashes(path)
	i := strings.LastIndexByte(path, '/')
	switch {
	case i < 0:
		return ".", path
	case strings.Trim(path[:i], "/") == "":
		return "/", path[i+1:]
	default:
		return trimSlashes(path[:i]), path[i+1:]
	}
}

// join is the path of name in dir, without taking any ".." away.
func join(dir, name string) string {
	if strings.HasSuffix(dir, "/") {
		return dir + name
	}
	return dir + "/" + name
}

// trimSlashes takes the slashes behind a path away; "/" stays.
func trimSlashes(path string) string {
	if trimmed := strings.TrimRight(path, "/"); trimmed != "" || path == "" {
		return trimmed
	}
	return "/"
}

// absolute is path from the root on, with nothing else changed.
func absolute(path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	wd, err := os.Getwd()
	return join(wd, path), err
}

// inOrder are the paths of a request, those of directories before what lies in them, so that what happens does
// not depend on chance.
func inOrder[V any](items map[string]V) []string {
	paths := make([]string, 0, len(items))
	for path := range items {
		paths = append(paths, path)
	}
	slices.SortFunc(paths, func(a, b string) int {
		if c := strings.Compare(filepath.Clean(a), filepath.Clean(b)); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	return paths
}

// resolve finds the file that path means, through links, and what is there now; nil where nothing is.
func resolve(path string) (string, *unix.Stat_t, error) {
	if os.IsPathSeparator(path[len(path)-1]) {
		return "", nil, fault.Errorf(fault.Invalid, "%q names a directory, not a file", path)
	}
	target, err := absolute(path)
	if err != nil {
		return "", nil, err
	}
	for range 40 { // as many as the kernel follows
		st, err := lstat(target)
		if err != nil {
			if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
				return target, nil, nil // makeParents says what is wrong with the way there
			}
			return "", nil, err
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFLNK:
			to, err := os.Readlink(target)
			if err != nil {
				return "", nil, err
			}
			if !filepath.IsAbs(to) {
				dir, _ := split(target)
				to = join(dir, to)
			}
			target = to
		case unix.S_IFREG:
			return target, st, nil
		case unix.S_IFDIR:
			return "", nil, fault.Errorf(fault.Invalid, "%q is a directory", path)
		default:
			return "", nil, fault.Errorf(fault.Invalid, "%q is a device, FIFO or socket, not a file", path)
		}
	}
	return "", nil, syscall.ELOOP
}

func lstat(path string) (*unix.Stat_t, error) {
	st := &unix.Stat_t{}
	if err := unix.Lstat(path, st); err != nil {
		return nil, err
	}
	return st, nil
}

func isDir(st *unix.Stat_t) bool  { return st.Mode&unix.S_IFMT == unix.S_IFDIR }
func isLink(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFLNK }
