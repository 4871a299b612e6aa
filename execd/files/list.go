package files

import (
	"context"
	"io/fs"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/account"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// List finds what is in a directory, down to depth levels (0: nothing), each under the path that was asked for
// and what lies below it, made absolute. Links are shown and not entered.
func List(ctx context.Context, path string, depth int) (*Tree, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	st, err := lstat(trimSlashes(path)) // with a slash behind it a link would be followed
	if err != nil {
		return nil, refusal(path, err)
	}
	if isLink(st) {
		return nil, fault.Errorf(fault.Invalid, "%q is a link: ask for what it points to", path)
	}
	root, err := openRoot(path, st)
	if err != nil {
		return nil, refusal(path, err)
	}
	if depth == 0 {
		return &Tree{ctx: ctx}, nil
	}
	t := &Tree{
		ctx:      ctx,
		root:     root,
		accounts: account.Load("/etc"),
		wanted:   func(fs.DirEntry, string) bool { return true },
		enter:    func(_ string, level int) bool { return level < depth },
	}
	if err := t.begin(); err != nil {
		return nil, refusal(path, err)
	}
	return t, nil
}
