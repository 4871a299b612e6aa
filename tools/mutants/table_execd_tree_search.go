package main

import (
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// badInfos are lists of FileInfo that are not as documented.
func (o treeOp) badInfos() []mutant.Fault {
	return []mutant.Fault{
		mutant.DropField(o.Match, "*.path"), mutant.DropField(o.Match, "*.created_at"), mutant.DropField(o.Match, "*.group"),
		mutant.SetField(o.Match, "*.size", "7"),
		mutant.SetField(o.Match, "*.modified_at", 1790000000),
		mutant.SetField(o.Match, "*.mode", "-rw-r--r--"),
		mutant.SetField(o.Match, "*.type", "dir"),
		mutant.JSON(o.Match, "an empty list is null", func(v any) any {
			if list, ok := v.([]any); ok && len(list) == 0 {
				return nil
			}
			return v
		}),
		mutant.JSON(o.Match, "the list in an object", func(v any) any { return map[string]any{"files": v} }),
		mutant.JSON(o.Match, "paths alone", func(v any) any {
			list, _ := v.([]any)
			for i, e := range list {
				if h, ok := e.(map[string]any); ok {
					list[i] = h["path"]
				}
			}
			return list
		}),
		mutant.Status(o.Match, 200, 203),
		mutant.ContentType(o.Match, "text/plain"),
	}
}

// found changes the path of each hit.
func (o treeOp) found(requirement, what string, change func(root, rel string) string) Mutant {
	return o.lists(requirement, what, func(q url.Values, hits []hit) []hit {
		for _, h := range hits {
			h["path"] = change(strings.TrimSuffix(q.Get("path"), "/"), below(q, hitPath(h)))
		}
		return hits
	})
}

// treeSearchMutants find what they should not, or not what they should.
func treeSearchMutants() []Mutant {
	o := searchFiles
	missing, none := o.forOne("missing"), o.withoutPath()
	every := func(q url.Values) bool { return q.Get("pattern") == "" || q.Get("pattern") == "**" }
	drops := func(what string, lost func(rel string, h hit) bool) Mutant {
		return o.keeps("EX-SEARCH-03", what, func(q url.Values, rel string, h hit) bool { return !every(q) || !lost(rel, h) })
	}
	noPattern := o.Where(func(r *http.Request) bool { return r.URL.Query().Has("path") && r.URL.Query().Get("pattern") == "" })
	return slices.Concat(
		breaks("EX-SEARCH-01", o.badInfos()...),
		breaks("EX-SEARCH-01", o.badRefusals(404)...),
		[]Mutant{
			o.found("EX-SEARCH-02", "paths below the root", func(_, rel string) string { return rel }),
			o.found("EX-SEARCH-02", "paths that begin with ./", func(_, rel string) string { return "./" + rel }),
			o.found("EX-SEARCH-02", "paths below the root with a slash before", func(_, rel string) string { return "/" + rel }),
			o.found("EX-SEARCH-02", "names alone", func(_, rel string) string { return filepath.Base(rel) }),
			o.found("EX-SEARCH-02", "directories between are left out", func(root, rel string) string { return root + "/" + filepath.Base(rel) }),
			o.found("EX-SEARCH-02", "the folder of each file", func(root, rel string) string { return filepath.Dir(root + "/" + rel) }),
			o.found("EX-SEARCH-02", "paths as URLs", func(root, rel string) string { return "file://" + root + "/" + rel }),
		},
		[]Mutant{
			drops("the first level alone", func(rel string, _ hit) bool { return strings.Contains(rel, "/") }),
			drops("the first two levels alone", func(rel string, _ hit) bool { return strings.Count(rel, "/") > 1 }),
			drops("nothing of the first level", func(rel string, _ hit) bool { return !strings.Contains(rel, "/") }),
			drops("hidden files are left out", func(rel string, _ hit) bool { return strings.HasPrefix(filepath.Base(rel), ".") }),
			drops("hidden directories are not searched", func(rel string, _ hit) bool {
				return strings.Contains("/"+filepath.Dir(rel), "/.") && filepath.Dir(rel) != "."
			}),
			drops("files without a dot are left out", func(rel string, _ hit) bool { return !strings.Contains(filepath.Base(rel), ".") }),
			drops("empty files are left out", func(_ string, h hit) bool { return numberOf(h, "size") == 0 }),
			o.lists("EX-SEARCH-03", "the last one is lost", func(q url.Values, hits []hit) []hit {
				if every(q) && len(hits) > 1 {
					return hits[:len(hits)-1]
				}
				return hits
			}),
			o.lists("EX-SEARCH-03", "ten hits at most", func(q url.Values, hits []hit) []hit {
				if every(q) {
					return hits[:min(len(hits), 10)]
				}
				return hits
			}),
		},
		breaks("EX-SEARCH-03", o.not(noPattern, "no pattern", 200, 400)...),
		breaks("EX-SEARCH-03",
			o.instead(noPattern, "no pattern finds nothing", []any{}),
			o.instead(o.Where(func(r *http.Request) bool { return r.URL.Query().Get("pattern") == "**" }), "** finds nothing", []any{}),
		),
		breaks("EX-SEARCH-05", o.not(missing, "a missing path", 404, 400, 403, 500, 204)...),
		breaks("EX-SEARCH-05", o.instead(missing, "a missing path finds nothing", []any{})),
		[]Mutant{
			o.adds("EX-SEARCH-06", "directories are found too", func(q url.Values, rel string, d fs.DirEntry) bool {
				return d.IsDir() && (every(q) || rightly(q.Get("pattern"), filepath.Base(rel)))
			}),
			o.adds("EX-SEARCH-06", "empty directories are found too", func(q url.Values, rel string, d fs.DirEntry) bool {
				return d.IsDir() && every(q) && len(inside(filepath.Join(q.Get("path"), rel))) == 0
			}),
			o.lists("EX-SEARCH-06", "the path itself is found", func(q url.Values, hits []hit) []hit {
				if every(q) {
					return append(hits, describe(q.Get("path"), q.Get("path")))
				}
				return hits
			}),
			o.lists("EX-SEARCH-07", "links are followed", throughLinks(func(link, _, rel string) string { return filepath.Join(link, rel) })),
			o.lists("EX-SEARCH-07", "links are followed, and what they lead to is shown", throughLinks(func(_, real, rel string) string { return filepath.Join(real, rel) })),
		},
		breaks("EX-SEARCH-10", o.not(none, "no path", 400, 404, 422, 500)...),
		breaks("EX-SEARCH-10",
			o.instead(none, "no path finds nothing", []any{}),
			mutant.RewriteQuery(none, "no path is the directory for temporary files", func(q url.Values) { q.Set("path", os.TempDir()) }),
		),
	)
}

// throughLinks adds the files in the directories that links lead to.
func throughLinks(shown func(link, real, rel string) string) func(q url.Values, hits []hit) []hit {
	return func(q url.Values, hits []hit) []hit {
		there := map[string]bool{}
		for _, h := range hits {
			there[hitPath(h)] = true
		}
		walkBelow(q.Get("path"), func(link string, d fs.DirEntry) {
			real, err := filepath.EvalSymlinks(link)
			if err != nil || d.Type() != fs.ModeSymlink || !isFolder(real) {
				return
			}
			walkBelow(real, func(path string, d fs.DirEntry) {
				rel := strings.TrimPrefix(path, real)
				pattern := q.Get("pattern")
				matches := pattern == "" || rightly(pattern, below(q, filepath.Join(link, rel))) || rightly(pattern, filepath.Base(rel))
				if as := shown(link, real, rel); d.Type().IsRegular() && matches && !there[as] {
					hits = append(hits, describe(path, as))
				}
			})
		})
		return hits
	}
}
