package files

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

// Replace replaces texts in files, literally, and says how often in each, under the paths as they were given. The new
// files are written beside the old ones first: a crash leaves each whole, and one that can't be written changes none.
// A file without the text is not touched.
func Replace(ctx context.Context, items map[string]execdapi.ReplaceContentItem) (_ map[string]execdapi.ReplaceContentResult, err error) {
	r := replacement{ctx: ctx, staging: staging{buf: bufio.NewWriterSize(nil, writeSize)}, seen: map[string]string{}}
	defer func() {
		if err != nil {
			r.undo()
		}
	}()
	results := make(map[string]execdapi.ReplaceContentResult, len(items))
	for _, path := range inOrder(items) {
		count, err := r.replace(path, []byte(items[path].Old), []byte(items[path].New))
		if err != nil {
			return nil, err
		}
		results[path] = execdapi.ReplaceContentResult{ReplacedCount: count}
	}
	return results, r.commit()
}

// replacement is one request.
type replacement struct {
	staging
	ctx  context.Context
	seen map[string]string // files that are replaced in, with the paths that name them
}

func (r *replacement) replace(path string, old, with []byte) (count int, err error) {
	if err := checkPath(path); err != nil {
		return 0, err
	}
	if len(old) == 0 {
		return 0, fault.Errorf(fault.Invalid, "%q: old must not be empty", path)
	}
	target, st, err := resolve(path)
	if err == nil && st == nil {
		err = unix.ENOENT
	}
	if err != nil {
		return 0, refusal(path, err)
	}
	if real, err := filepath.EvalSymlinks(target); err == nil {
		if other, ok := r.seen[real]; ok {
			return 0, fault.Errorf(fault.Invalid, "%q and %q are the same file: replace in it in one request after the other", other, path)
		}
		r.seen[real] = path
	}
	f, _, err := openRegular(target)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	in := &reading{r.ctx, f, path}
	if found, err := contains(in, old); err != nil || !found {
		return 0, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, unreadable(path, err)
	}
	err = r.stage(target, func(to *os.File) error {
		r.buf.Reset(to)
		if count, err = replaceAll(r.buf, in, old, with); err != nil {
			return err
		}
		if err := r.buf.Flush(); err != nil {
			return err
		}
		if err := (attributes{uid: -1, gid: -1}).over(to, st); err != nil {
			return err
		}
		copyXattrs(target, to.Name())
		return to.Sync()
	})
	return count, unwritable(path, err)
}

// reading marks the errors of a file that is read, and ends where the caller has gone away.
type reading struct {
	ctx  context.Context
	f    *os.File
	path string
}

func (r *reading) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.f.Read(p)
	if err != nil && err != io.EOF {
		err = unreadable(r.path, err)
	}
	return n, err
}
