package main

import (
	"fmt"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// describes changes each FileInfo in the answers of fileInfo, at is the path.
func describes(what string, change func(at string, info hit)) mutant.Fault {
	return mutant.JSONBody(fileInfo, what, func(all map[string]any) {
		for at, e := range all {
			if info, ok := e.(map[string]any); ok {
				change(at, info)
			}
		}
	})
}

// treeInfoMutants tell type, owner and time of files wrongly.
func treeInfoMutants() []Mutant {
	o := onTree("GET", "/files/info")
	broken := o.with(func(path string) bool { return lkind(path) == "symlink" && kind(path) == "missing" })
	typed := func(from, to string) mutant.Fault {
		return describes(from+" as "+to, func(_ string, info hit) {
			if info["type"] == from {
				info["type"] = to
			}
		})
	}
	names := func(what string, change func(at string, info hit)) mutant.Fault { return describes(what, change) }
	clock := func(what string, change func(at string, modified time.Time) time.Time) mutant.Fault {
		return describes(what, func(at string, info hit) {
			modified, err := time.Parse(time.RFC3339Nano, textOf(info, "modified_at"))
			if after := change(at, modified); err == nil && !after.Equal(modified) {
				info["modified_at"] = after.UTC().Format(time.RFC3339Nano)
			}
		})
	}
	return slices.Concat(
		breaks("EX-INFO-06",
			typed("directory", "file"), typed("directory", "other"),
			typed("symlink", "file"), typed("symlink", "other"),
			typed("other", "file"), typed("file", "other"),
			mutant.DropField(fileInfo, "*.type"),
			describes("a link is what it leads to", func(at string, info hit) {
				if real, err := filepath.EvalSymlinks(at); err == nil && info["type"] == "symlink" {
					info["type"] = lkind(real)
				}
			}),
			describes("what can be executed is other", func(_ string, info hit) {
				if info["type"] == "file" && strings.ContainsAny(fmt.Sprint(info["mode"]), "1357") {
					info["type"] = "other"
				}
			}),
			describes("an empty file is other", func(_ string, info hit) {
				if info["type"] == "file" && numberOf(info, "size") == 0 {
					info["type"] = "other"
				}
			}),
		),
		breaks("EX-INFO-06", o.not(broken, "a link that leads nowhere", 200, 404)...),
		breaks("EX-INFO-07",
			names("numbers in place of names", func(_ string, info hit) {
				if u, err := user.Lookup(textOf(info, "owner")); err == nil {
					info["owner"] = u.Uid
				}
				if g, err := user.LookupGroup(textOf(info, "group")); err == nil {
					info["group"] = g.Gid
				}
			}),
			names("a number in place of the group", func(_ string, info hit) {
				if g, err := user.LookupGroup(textOf(info, "group")); err == nil {
					info["group"] = g.Gid
				}
			}),
			names("the owner is the daemon's user", func(_ string, info hit) { info["owner"] = "root" }),
			names("the group is the daemon's", func(_ string, info hit) { info["group"] = "root" }),
			names("the group is that of the owner", func(_ string, info hit) {
				if group := primaryGroup(textOf(info, "owner")); group != "" {
					info["group"] = group
				}
			}),
			names("owner and group are swapped", func(_ string, info hit) {
				info["owner"], info["group"] = info["group"], info["owner"]
			}),
			names("owner and group are empty", func(_ string, info hit) { info["owner"], info["group"] = "", "" }),
			names("names with their number", func(_ string, info hit) {
				if u, err := user.Lookup(textOf(info, "owner")); err == nil {
					info["owner"] = u.Uid + "(" + u.Username + ")"
				}
			}),
		),
		breaks("EX-INFO-08",
			clock("modified_at is now", func(string, time.Time) time.Time { return time.Now() }),
			clock("modified_at is when anything was changed", func(at string, modified time.Time) time.Time {
				return otherTime(at, modified, func(st *syscall.Stat_t) syscall.Timespec { return st.Ctim })
			}),
			clock("modified_at is when it was read last", func(at string, modified time.Time) time.Time {
				return otherTime(at, modified, func(st *syscall.Stat_t) syscall.Timespec { return st.Atim })
			}),
			clock("modified_at is an hour off", func(_ string, modified time.Time) time.Time { return modified.Add(time.Hour) }),
			clock("modified_at is the start of time", func(string, time.Time) time.Time { return time.Unix(0, 0) }),
			clock("modified_at is that of the folder", func(at string, modified time.Time) time.Time {
				if info, err := os.Stat(filepath.Dir(at)); err == nil {
					return info.ModTime()
				}
				return modified
			}),
			describes("modified_at is when it was made", func(_ string, info hit) { info["modified_at"] = info["created_at"] }),
			describes("modified_at in another zone without saying so", func(_ string, info hit) {
				if modified, err := time.Parse(time.RFC3339Nano, textOf(info, "modified_at")); err == nil {
					info["modified_at"] = modified.Add(-8*time.Hour).UTC().Format("2006-01-02T15:04:05.000") + "Z"
				}
			}),
		),
	)
}

// otherTime is another time of a path.
func otherTime(path string, otherwise time.Time, of func(st *syscall.Stat_t) syscall.Timespec) time.Time {
	info, err := os.Lstat(path)
	if err != nil {
		return otherwise
	}
	at := of(info.Sys().(*syscall.Stat_t))
	return time.Unix(at.Unix())
}

// treeUploadMutants set owner and group of uploaded files, and of the folders that are made for them, wrongly.
func treeUploadMutants() []Mutant {
	known := func(name string) mutant.Match {
		return anyOf(func(m map[string]any) bool { return textOf(m, name) != "" && !unknownAccount("", m) })
	}
	var all []Mutant
	for _, name := range []string{"owner", "group"} {
		all = append(all, breaks("EX-UPLOAD-12",
			setting(name+" is ignored", func(m map[string]any, _ string) {
				if !unknownAccount("", m) {
					delete(m, name)
				}
			}),
			setting(name+" is ignored where a mode is given", func(m map[string]any, _ string) {
				if _, ok := bitsOf(m); ok {
					delete(m, name)
				}
			}),
			setting(name+" is not set on a file that is there", func(m map[string]any, _ string) {
				if lkind(pathOf(m)) == "file" {
					delete(m, name)
				}
			}),
			says(known(name), 400, name+" can only be a number"),
			says(known(name), 500, name+" can't be set"),
		)...)
	}
	return slices.Concat(all,
		breaks("EX-UPLOAD-12",
			setting("the group is always that of the owner", func(m map[string]any, _ string) {
				if group := primaryGroup(textOf(m, "owner")); group != "" {
					m["group"] = group
				}
			}),
			setting("a group without an owner is ignored", func(m map[string]any, _ string) {
				if textOf(m, "owner") == "" {
					delete(m, "group")
				}
			}),
			setting("the group is named as the owner is", func(m map[string]any, _ string) {
				if owner := textOf(m, "owner"); owner != "" && textOf(m, "group") != "" {
					m["group"] = owner
				}
			}),
		),
		[]Mutant{
			leavingParents("parents stay the daemon's", func(all []string) []string { return all }, 0, 0),
			leavingParents("the group of parents stays the daemon's", func(all []string) []string { return all }, -1, 0),
			leavingParents("the nearest parent alone is given away", func(all []string) []string { return all[1:] }, 0, 0),
			leavingParents("the farthest parent alone is given away", func(all []string) []string { return all[:len(all)-1] }, 0, 0),
		},
	)
}

// leavingParents is a mutant whose uploads leave some of the parents that they made, the nearest first, to uid and gid.
func leavingParents(what string, left func(all []string) []string, uid, gid int) Mutant {
	return sendFile.does("EX-UPLOAD-13", what, func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
		parts, _ := mutant.Parts(r.Header, takeBody(r))
		var all [][]string
		for _, m := range metadata(parts) {
			if missing := missingParents(pathOf(m)); len(missing) > 0 {
				all = append(all, left(missing))
			}
		}
		afterwards(true, func(*http.Request, []byte) func() bool {
			if len(all) == 0 {
				return nil
			}
			return func() bool {
				changed := false
				for _, dir := range slices.Concat(all...) {
					changed = setOwner(dir, uid, gid) || changed
				}
				return changed
			}
		})(next, act, w, r)
	})
}
