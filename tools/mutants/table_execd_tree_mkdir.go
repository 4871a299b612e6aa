package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// onceMade is a mutant that does something to each directory that was made: to it, or to what is in it.
func onceMade(requirement, what string, when func(entry map[string]any) bool, change func(path string) bool) Mutant {
	return makeDirs.does(requirement, what, afterwards(true, eachPath(func(path string, entry map[string]any) func() bool {
		if !isMissing(path, nil) || !when(entry) {
			return nil
		}
		return func() bool { return change(path) }
	})))
}

// lacksParent says that the folder of a path is missing.
func lacksParent(path string) bool { return path != "" && lkind(filepath.Dir(path)) == "missing" }

// treeMkdirMutants make directories wrongly.
func treeMkdirMutants() []Mutant {
	o := makeDirs
	there := o.forOne("directory")
	orphan, deep := o.with(lacksParent), o.with(func(path string) bool { return lacksParent(filepath.Dir(path)) && lacksParent(path) })
	always := func(map[string]any) bool { return true }
	noMode := func(entry map[string]any) bool { _, given := entry["mode"]; return !given }
	zero := func(entry map[string]any) bool { return fmt.Sprint(entry["mode"]) == "0" }
	allNew := o.Where(func(r *http.Request) bool {
		paths := pathsOf(r, takeBody(r))
		return len(paths) > 0 && !slices.ContainsFunc(paths, func(p string) bool { return lkind(p) != "missing" })
	})
	null := func(name string) func(map[string]any) bool {
		return func(e map[string]any) bool { v, given := e[name]; return given && v == nil }
	}
	nullRefused := func(name string) []Mutant {
		m := o.WithRawBody(func(b []byte) bool {
			return anyEntry(b, func(_ string, e map[string]any) bool { return null(name)(e) })
		})
		return breaks("EX-MKDIR-08", o.not(m, name+" null is refused", 200, 400, 500)...)
	}
	return slices.Concat(
		breaks("EX-MKDIR-01", o.undocumented(400)...),
		breaks("EX-MKDIR-02",
			o.only("the first of several alone", isFirst),
			o.only("the last of several alone", isLastOf),
			o.instead(allNew, "200, and nothing is made", nil),
		),
		breaks("EX-MKDIR-02", o.not(orphan, "missing parents", 200, 400, 404, 500)...),
		breaks("EX-MKDIR-02", o.not(deep, "more than one missing parent", 200, 400)...),
		[]Mutant{
			onceMade("EX-MKDIR-02", "the parents alone are made", always, removedAt),
			onceMade("EX-MKDIR-02", "a file is made", always, func(path string) bool {
				return removedAt(path) && os.WriteFile(path, nil, 0o644) == nil
			}),
		},
		breaks("EX-MKDIR-03", o.not(there, "a directory that is there", 200, 400, 409, 500)...),
		[]Mutant{
			o.does("EX-MKDIR-03", "a directory that is there is emptied", existing(folderEmptied)),
			o.does("EX-MKDIR-03", "files in a directory that is there are lost", existing(func(path string) bool {
				return removeAll(sansFolders(inside(path)))
			})),
			o.does("EX-MKDIR-03", "a directory that is there is made anew", existing(func(path string) bool {
				return len(inside(path)) > 0 && removedAt(path) && os.Mkdir(path, 0o755) == nil
			})),
			o.does("EX-MKDIR-03", "with one that is there the others are not made", func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
				paths := pathsOf(r, takeBody(r))
				afterwards(true, eachPath(func(path string, _ map[string]any) func() bool {
					if !slices.ContainsFunc(paths, isFolder) || lkind(path) != "missing" {
						return nil
					}
					return func() bool { return removedAt(path) }
				}))(next, act, w, r)
			}),
		},
		breaks("EX-MKDIR-04",
			o.entries("mode is ignored", func(_, _ string, _, entry map[string]any) { delete(entry, "mode") }),
			o.modes("mode is read as decimal", func(_ string, bits uint64) uint64 { return asDecimal(bits) }),
			o.modes("mode goes through the umask", func(_ string, bits uint64) uint64 { return bits &^ 0o022 }),
			o.modes("the owner can always do everything", func(_ string, bits uint64) uint64 { return bits | 0o700 }),
			o.modes("who can read can enter", func(_ string, bits uint64) uint64 { return bits | bits&0o444>>2 }),
			o.entries("the mode of the first for all", func(_, first string, all, entry map[string]any) {
				if of, ok := all[first].(map[string]any); ok && entry["mode"] != nil && of["mode"] != nil {
					entry["mode"] = of["mode"]
				}
			}),
		),
		breaks("EX-MKDIR-04", o.not(o.WithRawBody(func(b []byte) bool {
			return anyEntry(b, func(_ string, e map[string]any) bool { return noMode(e) })
		}), "no mode is refused", 200, 400)...),
		[]Mutant{
			onceMade("EX-MKDIR-04", "without a mode it is 777", noMode, func(path string) bool { return setMode(path, 0o777) }),
			onceMade("EX-MKDIR-04", "without a mode it is 700", noMode, func(path string) bool { return setMode(path, 0o700) }),
			onceMade("EX-MKDIR-04", "without a mode nobody can enter", noMode, func(path string) bool { return setMode(path, 0) }),
			onceMade("EX-MKDIR-04", "with a mode of 0 nobody can enter", zero, func(path string) bool { return setMode(path, 0) }),
		},
		o.halfKnown("EX-MKDIR-05"),
		[]Mutant{
			o.does("EX-MKDIR-05", "refused, and the parents are made", afterwards(false, parentsOfUnknown)),
			o.does("EX-MKDIR-09", "refused, and the others are made", itemByItem(true, func(_ *http.Request, body []byte) bool {
				return anyEntry(body, unknownAccount)
			})),
		},
		o.unknownAnswers("EX-MKDIR-06"),
		o.badBodies("EX-MKDIR-07", wrongPermissions, mendPermissions, noJSON, wrongType),
		o.wrongAccounts("EX-MKDIR-08"),
		nullRefused("owner"), nullRefused("group"),
		breaks("EX-MKDIR-08",
			o.entries("owner null is nobody", func(_, _ string, _, entry map[string]any) {
				if null("owner")(entry) {
					entry["owner"] = "nobody"
				}
			}),
			o.entries("group null is that of the owner", func(_, _ string, _, entry map[string]any) {
				if group := primaryGroup(textOf(entry, "owner")); null("group")(entry) && group != "" {
					entry["group"] = group
				}
			}),
		),
	)
}

// existing does something to the directories that were there already.
func existing(change func(path string) bool) serving {
	return afterwards(true, eachPath(func(path string, _ map[string]any) func() bool {
		if !isFolder(path) {
			return nil
		}
		return func() bool { return change(path) }
	}))
}

// parentsOfUnknown makes the parents of directories whose owner or group is unknown.
func parentsOfUnknown(r *http.Request, body []byte) func() bool {
	return eachPath(func(path string, entry map[string]any) func() bool {
		if !unknownAccount(path, entry) || !lacksParent(path) || !strings.HasPrefix(path, "/") {
			return nil
		}
		return func() bool { return os.MkdirAll(filepath.Dir(path), 0o755) == nil }
	})(r, body)
}
