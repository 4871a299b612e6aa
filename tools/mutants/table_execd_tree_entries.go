package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// treeListEntryMutants list odd paths wrongly, and give entries that are not what is there.
func treeListEntryMutants() []Mutant {
	o := listDir
	link, file, missing, none := o.forOne("symlink"), o.forOne("file"), o.forOne("missing"), o.withoutPath()
	zero := o.Where(func(r *http.Request) bool { return r.URL.Query().Get("depth") == "0" })
	each := func(requirement, what string, change func(root, rel string, h hit)) Mutant {
		return o.lists(requirement, what, func(q url.Values, hits []hit) []hit {
			for _, h := range hits {
				change(strings.TrimSuffix(q.Get("path"), "/"), below(q, hitPath(h)), h)
			}
			return hits
		})
	}
	path := func(what string, change func(root, rel string) string) Mutant {
		return each("EX-LIST-08", what, func(root, rel string, h hit) { h["path"] = change(root, rel) })
	}
	entry := func(what string, change func(h hit)) Mutant {
		return each("EX-LIST-10", what, func(_, _ string, h hit) { change(h) })
	}
	typed := func(from, to string) Mutant {
		return entry(from+" as "+to, func(h hit) {
			if h["type"] == from {
				h["type"] = to
			}
		})
	}
	return slices.Concat(
		breaks("EX-LIST-05", o.not(link, "a link", 400, 403, 404, 422, 500)...),
		breaks("EX-LIST-05",
			o.instead(link, "a link is an empty directory", []any{}),
			mutant.RewriteQuery(link, "a link is followed", func(q url.Values) {
				if real, err := filepath.EvalSymlinks(q.Get("path")); err == nil {
					q.Set("path", real)
				}
			}),
		),
		breaks("EX-LIST-06", o.not(file, "a file", 400, 404, 422, 500)...),
		breaks("EX-LIST-06", o.instead(file, "a file is an empty directory", []any{})),
		[]Mutant{itself("EX-LIST-06", "a file is its own entry", func(q url.Values) bool { return lkind(q.Get("path")) == "file" })},
		breaks("EX-LIST-07", o.not(zero, "a depth of 0", 200, 400, 500)...),
		breaks("EX-LIST-07",
			o.depths("a depth of 0 is 1", func(depth int) int { return max(depth, 1) }),
			o.depths("a depth of 0 is everything", func(depth int) int {
				if depth == 0 {
					return 100
				}
				return depth
			}),
		),
		[]Mutant{itself("EX-LIST-07", "with a depth of 0 the path itself is listed", func(q url.Values) bool {
			return isFolder(q.Get("path")) && q.Get("depth") == "0"
		})},
		[]Mutant{
			path("paths below the path", func(_, rel string) string { return rel }),
			path("paths below the path with a slash before", func(_, rel string) string { return "/" + rel }),
			path("names alone", func(_, rel string) string { return filepath.Base(rel) }),
			path("paths that begin with ./", func(_, rel string) string { return "./" + rel }),
			path("directories between are left out", func(root, rel string) string { return root + "/" + filepath.Base(rel) }),
			path("the last name of the path is left out", func(root, rel string) string { return filepath.Dir(root) + "/" + rel }),
			path("links in the path are resolved", func(root, rel string) string {
				if real, err := filepath.EvalSymlinks(root); err == nil {
					return real + "/" + rel
				}
				return root + "/" + rel
			}),
			path("directories with a slash behind", func(root, rel string) string {
				if isFolder(root + "/" + rel) {
					return root + "/" + rel + "/"
				}
				return root + "/" + rel
			}),
		},
		breaks("EX-LIST-09", o.not(missing, "a missing path", 404, 400, 500)...),
		breaks("EX-LIST-09", o.instead(missing, "a missing path is an empty directory", []any{})),
		breaks("EX-LIST-09", o.not(none, "no path", 400, 404, 422, 500)...),
		breaks("EX-LIST-09",
			o.instead(none, "no path is an empty directory", []any{}),
			mutant.RewriteQuery(none, "no path is the directory for temporary files", func(q url.Values) { q.Set("path", os.TempDir()) }),
		),
		[]Mutant{
			typed("directory", "file"), typed("directory", "other"),
			typed("symlink", "file"), typed("symlink", "other"),
			typed("other", "file"), typed("file", "other"),
			entry("no type", func(h hit) { delete(h, "type") }),
			entry("sizes of files are 0", func(h hit) {
				if h["type"] == "file" {
					h["size"] = 0
				}
			}),
			entry("sizes of files in blocks", func(h hit) {
				if h["type"] == "file" {
					h["size"] = (numberOf(h, "size") + 4095) / 4096 * 4096
				}
			}),
			entry("modes as the numbers that they are", func(h hit) {
				h["mode"], _ = strconv.ParseInt(strconv.FormatInt(numberOf(h, "mode"), 10), 8, 64) // its digits are octal
			}),
			entry("modes with the type", func(h hit) {
				if h["type"] == "file" {
					h["mode"] = 100000 + numberOf(h, "mode")
				}
			}),
			entry("files are 644", func(h hit) {
				if h["type"] == "file" {
					h["mode"] = 644
				}
			}),
			entry("directories are 755", func(h hit) {
				if h["type"] == "directory" {
					h["mode"] = 755
				}
			}),
		},
	)
}

// itself lists a path where when is true as an entry of its own.
func itself(requirement, what string, when func(q url.Values) bool) Mutant {
	return listDir.does(requirement, what, func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
		path := r.URL.Query().Get("path")
		if r.Header.Get(tokenHeader) != token || spare(path) || !when(r.URL.Query()) {
			next.ServeHTTP(w, r)
			return
		}
		act()
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(mustJSON([]hit{describe(path, path)})) // to a client that may be gone
	})
}
