package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// treeRmdirMutants remove directories wrongly.
func treeRmdirMutants() []Mutant {
	o := removeDirs
	folder, missing, file := o.forOne("directory"), o.forOne("missing"), o.forOne("file")
	full := o.with(func(path string) bool { return isFolder(path) && len(inside(path)) > 0 })
	deep := o.with(func(path string) bool { return slices.ContainsFunc(inside(path), isFolder) })
	after := func(requirement, what string, success bool, of string, change func(path string) bool) Mutant {
		return o.does(requirement, what, afterwards(success, eachPath(func(path string, _ map[string]any) func() bool {
			if lkind(path) != of {
				return nil
			}
			return func() bool { return change(path) }
		})))
	}
	linked := o.does("EX-RMDIR-02", "links in a directory are followed", func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
		var led []string
		for _, path := range pathsOf(r, nil) {
			walkBelow(path, func(path string, _ os.DirEntry) {
				if real, err := filepath.EvalSymlinks(path); err == nil && lkind(path) == "symlink" {
					led = append(led, real)
				}
			})
		}
		afterwards(true, func(*http.Request, []byte) func() bool {
			if len(led) == 0 {
				return nil
			}
			return func() bool { return removeAll(led) }
		})(next, act, w, r)
	})
	return slices.Concat(
		breaks("EX-RMDIR-01", o.undocumented(400)...),
		breaks("EX-RMDIR-02",
			o.paths("the first of several alone", func(paths []string) []string { return paths[:1] }),
			o.paths("the last of several alone", func(paths []string) []string { return paths[len(paths)-1:] }),
			o.instead(folder, "200, and nothing is removed", nil),
			o.instead(full, "200, and what is not empty stays", nil),
		),
		breaks("EX-RMDIR-02", o.not(full, "a directory that is not empty", 200, 400, 409, 500)...),
		breaks("EX-RMDIR-02", o.not(deep, "directories in a directory", 200, 400)...),
		[]Mutant{
			linked,
			o.does("EX-RMDIR-02", "answered before it is done", tooLate),
			o.does("EX-RMDIR-02", "what is in a directory goes, it stays", takenOver(forFolders(isFolder, folderEmptied))),
			o.does("EX-RMDIR-02", "files in a directory go, the rest stays", takenOver(forFolders(isFolder, func(path string) bool {
				return removeWithin(path, func(_ string, d os.DirEntry) bool { return !d.IsDir() })
			}))),
			o.does("EX-RMDIR-02", "hidden files stay, and their directory", takenOver(forFolders(func(path string) bool {
				return isFolder(path) && slices.ContainsFunc(inside(path), isHidden)
			}, func(path string) bool {
				return removeAll(slices.DeleteFunc(inside(path), isHidden))
			}))),
			after("EX-RMDIR-02", "directories whose names begin alike go too", true, "directory", func(path string) bool {
				return removeAll(glob(quotedGlob(path) + "*"))
			}),
			after("EX-RMDIR-02", "an empty parent goes too", true, "directory", func(path string) bool {
				parent := filepath.Dir(path)
				return isFolder(parent) && len(inside(parent)) == 0 && removedAt(parent)
			}),
			after("EX-RMDIR-02", "the parent goes too", true, "directory", func(path string) bool { return removedAt(filepath.Dir(path)) }),
		},
		breaks("EX-RMDIR-03", o.not(missing, "a missing directory", 200, 400, 404, 500)...),
		breaks("EX-RMDIR-03", o.not(o.forAny("missing"), "a missing directory among others", 200, 404)...),
		breaks("EX-RMDIR-03", o.named(mutant.Status(missing, 200, 204), "a missing directory: done with 204")),
		breaks("EX-RMDIR-04", o.not(file, "a file", 400, 200, 404, 409, 500)...),
		[]Mutant{
			after("EX-RMDIR-04", "refused, and the file is gone", false, "file", removedAt),
			o.does("EX-RMDIR-04", "a file is removed", takenOver(forFolders(func(path string) bool { return lkind(path) == "file" }, removedAt))),
			after("EX-RMDIR-04", "refused, and the file is empty", false, "file", func(path string) bool {
				info, err := os.Stat(path)
				return err == nil && info.Size() > 0 && !spare(path) && os.Truncate(path, 0) == nil
			}),
		},
		breaks("EX-RMDIR-05", o.not(o.withoutPath(), "no path", 400, 200, 404, 422, 500)...),
	)
}

func isHidden(path string) bool { return strings.HasPrefix(filepath.Base(path), ".") }
