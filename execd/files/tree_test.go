package files_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/files"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

// hitsOf reads what a search or a listing writes.
func hitsOf(tree *files.Tree, err error) ([]execdapi.FileInfo, error) {
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := tree.WriteJSON(&text); err != nil {
		return nil, err
	}
	infos := []execdapi.FileInfo{}
	return infos, json.Unmarshal(text.Bytes(), &infos)
}

// wide makes a tree with directories beside and in one another, and gives its files in the order of a walk.
func wide(t *testing.T) (dir string, all []string) {
	dir = t.TempDir()
	for i := range 6 {
		for j := range 6 {
			write(t, dir, fmt.Sprintf("%d/%d/deep/x", i, j), fmt.Sprintf("%d/%d/z", i, j), fmt.Sprintf("%d/%d", i, j+6), fmt.Sprintf("%d", i+6))
		}
	}
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if !e.IsDir() {
			all = append(all, path)
		}
		return err
	})
	return dir, all
}

func TestTheOrderIsThatOfTheNamesOnAnyNumberOfProcessors(t *testing.T) {
	dir, want := wide(t)
	for _, processors := range []int{1, 2, 8} {
		before := runtime.GOMAXPROCS(processors)
		infos, err := hitsOf(files.Search(t.Context(), dir, "**"))
		runtime.GOMAXPROCS(before)
		must(t, err)
		got := []string{}
		for _, info := range infos {
			got = append(got, info.Path)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("on %d:\n%s", processors, diff)
		}
	}
}

// closing is a client that goes away after some writes.
type closing struct {
	left int
	gone func()
	err  error
}

func (c *closing) Write(p []byte) (int, error) {
	if c.left--; c.left < 0 {
		c.gone()
		return 0, c.err
	}
	return len(p), nil
}

func TestATreeEndsWhenItsReaderGoesAway(t *testing.T) {
	dir, _ := wide(t)
	broken := errors.New("broken")
	for writes := range 5 {
		tree, err := files.Search(t.Context(), dir, "**")
		must(t, err)
		if err := tree.WriteJSON(&closing{writes, func() {}, broken}); !errors.Is(err, broken) {
			t.Errorf("after %d writes: %v", writes, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		tree, err = files.Search(ctx, dir, "**")
		must(t, err)
		if err := tree.WriteJSON(&closing{writes, cancel, nil}); !errors.Is(err, context.Canceled) {
			t.Errorf("after %d writes: %v", writes, err)
		}
		cancel()
	}
}
