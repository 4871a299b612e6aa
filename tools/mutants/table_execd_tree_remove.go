package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// paths changes the paths of the query of requests for several.
func (o treeOp) paths(what string, change func(paths []string) []string) mutant.Fault {
	return mutant.RewriteQuery(o.Match, what, func(q url.Values) {
		if len(q["path"]) > 1 {
			q["path"] = change(q["path"])
		}
	})
}

// eachOf changes each path of the query to any number of paths.
func (o treeOp) eachOf(what string, change func(path string) []string) mutant.Fault {
	return mutant.RewriteQuery(o.Match, what, func(q url.Values) {
		var paths []string
		for _, p := range q["path"] {
			paths = append(paths, change(p)...)
		}
		q["path"] = paths
	})
}

// treeRemoveMutants delete files wrongly.
func treeRemoveMutants() []Mutant {
	o := removeFiles
	folder, missing, none := o.forOne("directory"), o.forOne("missing"), o.withoutPath()
	file := o.forOne("file")
	return slices.Concat(
		breaks("EX-REMOVE-01", o.undocumented(400)...),
		breaks("EX-REMOVE-02",
			o.paths("the first of several alone", func(paths []string) []string { return paths[:1] }),
			o.paths("the last of several alone", func(paths []string) []string { return paths[len(paths)-1:] }),
			o.paths("the last of several is left out", func(paths []string) []string { return paths[:len(paths)-1] }),
			o.instead(file, "200, and nothing is deleted", nil),
			o.eachOf("a path ends at a blank", func(path string) []string {
				before, _, _ := strings.Cut(path, " ")
				return []string{before}
			}),
			o.eachOf("a path is a pattern", func(path string) []string {
				if found, err := filepath.Glob(path); err == nil && len(found) > 0 && lkind(path) != "directory" {
					return found
				}
				return []string{path}
			}),
			o.eachOf("a link leads to what is deleted", func(path string) []string {
				if real, err := filepath.EvalSymlinks(path); err == nil && lkind(path) == "symlink" && kind(path) == "file" {
					return []string{real}
				}
				return []string{path}
			}),
		),
		[]Mutant{
			o.does("EX-REMOVE-02", "answered before it is done", tooLate),
			o.does("EX-REMOVE-02", "files whose names begin alike go too", afterwards(true, eachPath(func(path string, _ map[string]any) func() bool {
				return func() bool { return removeAll(sansFolders(glob(quotedGlob(path) + "*"))) }
			}))),
			o.does("EX-REMOVE-02", "files of the same folder go too", afterwards(true, eachPath(func(path string, _ map[string]any) func() bool {
				return func() bool { return removeAll(sansFolders(inside(filepath.Dir(path)))) }
			}))),
			o.does("EX-REMOVE-02", "what a link leads to goes too", afterwards(true, eachPath(func(path string, _ map[string]any) func() bool {
				real, err := filepath.EvalSymlinks(path)
				if err != nil || lkind(path) != "symlink" || kind(path) != "file" {
					return nil
				}
				return func() bool { return os.Remove(real) == nil }
			}))),
		},
		[]Mutant{
			o.does("EX-REMOVE-03", "a directory is deleted with all that is in it", takenOver(forFolders(isFolder, removedAt))),
			o.does("EX-REMOVE-03", "an empty directory is deleted", takenOver(forFolders(func(path string) bool {
				return isFolder(path) && len(inside(path)) == 0
			}, removedAt))),
			o.does("EX-REMOVE-03", "a directory is emptied", takenOver(forFolders(func(path string) bool {
				return isFolder(path) && len(inside(path)) > 0
			}, folderEmptied))),
			o.does("EX-REMOVE-03", "a directory is deleted, and the answer is a refusal", afterwards(false, refusedFolders(removedAt))),
			o.does("EX-REMOVE-03", "files in a directory are deleted, and the answer is a refusal", afterwards(false, refusedFolders(func(path string) bool {
				return removeAll(sansFolders(inside(path)))
			}))),
			o.does("EX-REMOVE-03", "a directory among files is deleted", takenOver(func(r *http.Request, body []byte) func() {
				if paths := pathsOf(r, body); len(paths) > 1 && slices.ContainsFunc(paths, isFolder) {
					return func() { removeAll(paths) }
				}
				return nil
			})),
		},
		breaks("EX-REMOVE-04", o.not(folder, "a directory", 400, 200, 204, 403, 404, 409, 500)...),
		breaks("EX-REMOVE-05", o.not(missing, "a missing file", 200, 400, 404, 500)...),
		breaks("EX-REMOVE-05", o.named(mutant.Status(missing, 200, 204), "a missing file: done with 204")),
		breaks("EX-REMOVE-06", o.not(none, "no path", 400, 200, 404, 422, 500)...),
		[]Mutant{
			o.does("EX-REMOVE-07", "those before the one that fails are deleted", itemByItem(false, nil)),
			o.does("EX-REMOVE-07", "the others are deleted", itemByItem(true, nil)),
			o.does("EX-REMOVE-07", "what can't be deleted is looked for in the first path alone", itemByItem(false, func(r *http.Request, body []byte) bool {
				return !isFolder(pathsOf(r, body)[0])
			})),
		},
	)
}

func isFolder(path string) bool { return lkind(path) == "directory" }

// forFolders does something, for takenOver, to the paths of a request of which when is true.
func forFolders(when, do func(path string) bool) func(r *http.Request, body []byte) func() {
	return func(r *http.Request, body []byte) func() {
		folders := slices.DeleteFunc(slices.Clone(pathsOf(r, body)), func(p string) bool { return !when(p) })
		if len(folders) == 0 {
			return nil
		}
		return func() {
			for _, path := range folders {
				do(path)
			}
		}
	}
}

// refusedFolders does something, for afterwards, to the directories of a request.
func refusedFolders(do func(path string) bool) func(r *http.Request, body []byte) func() bool {
	return eachPath(func(path string, _ map[string]any) func() bool {
		if !isFolder(path) {
			return nil
		}
		return func() bool { return do(path) }
	})
}

func removedAt(path string) bool { return removeAll([]string{path}) }

func folderEmptied(path string) bool { return removeAll(inside(path)) }

// inside are the paths of all that is in a directory, hidden things too.
func inside(path string) []string { return glob(quotedGlob(path) + "/*") }

func glob(pattern string) []string {
	found, _ := filepath.Glob(pattern) // patterns here are right
	return found
}

// quotedGlob is a pattern for a path as it is.
func quotedGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

func sansFolders(paths []string) []string { return slices.DeleteFunc(paths, isFolder) }

// removeAll removes what is there of the paths, and says whether something was.
func removeAll(paths []string) bool {
	gone := false
	for _, path := range paths {
		if spare(path) || lkind(path) == "missing" {
			continue
		}
		gone = os.RemoveAll(path) == nil || gone
	}
	return gone
}

// spare keeps faults away from what is the host's: the daemon of a mutant has no sandbox around it.
func spare(path string) bool {
	for _, folder := range []string{os.TempDir(), "/tmp", "/var/tmp", "/workspace"} {
		if strings.HasPrefix(filepath.Clean(path), folder+"/") {
			return false
		}
	}
	return true
}
