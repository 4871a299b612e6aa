package files

import (
	"context"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/account"
)

// Search finds the files in the whole tree below path whose names, or paths below path, match a glob, in the
// order of the names in each directory. Only regular files are hits, and no link is followed; path itself may be one.
func Search(ctx context.Context, path, pattern string) (*Tree, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	glob, err := parseGlob(pattern)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return nil, refusal(path, err)
	}
	root, err := openRoot(path, &st)
	if err != nil {
		return nil, refusal(path, err)
	}
	t := &Tree{
		ctx:      ctx,
		root:     root,
		accounts: account.Load("/etc"),
		wanted:   func(e fs.DirEntry, rel string) bool { return e.Type().IsRegular() && glob.match(e.Name(), rel) },
		enter:    func(rel string, _ int) bool { return glob.mayMatchIn(rel) },
	}
	if err := t.begin(); err != nil {
		return nil, refusal(path, err)
	}
	return t, nil
}
