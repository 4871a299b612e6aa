package main

import (
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// depths changes the depth of lists; none is 1.
func (o treeOp) depths(what string, change func(depth int) int) mutant.Fault {
	return mutant.RewriteQuery(o.Match, what, func(q url.Values) {
		depth, err := strconv.Atoi(q.Get("depth"))
		if !q.Has("depth") {
			depth, err = 1, nil
		}
		if after := change(depth); err == nil && after != depth {
			q.Set("depth", strconv.Itoa(after))
		}
	})
}

// ordered lists in another order.
func (o treeOp) ordered(what string, compare func(a, b string) int) Mutant {
	return o.lists("EX-LIST-03", what, func(q url.Values, hits []hit) []hit {
		slices.SortStableFunc(hits, func(a, b hit) int { return compare(below(q, hitPath(a)), below(q, hitPath(b))) })
		return hits
	})
}

// nameByName orders paths name by name, a directory's entries right after it.
func nameByName(names func(a, b string) int) func(a, b string) int {
	return func(a, b string) int { return slices.CompareFunc(strings.Split(a, "/"), strings.Split(b, "/"), names) }
}

// byNumbers orders names with numbers in them by these.
func byNumbers(a, b string) int {
	number := func(s string) (int, string) {
		digits := strings.TrimLeft(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.")
		rest := strings.TrimLeft(digits, "0123456789")
		n, _ := strconv.Atoi(strings.TrimSuffix(digits, rest)) // 0 for none
		return n, strings.TrimSuffix(s, digits)
	}
	m, before := number(a)
	n, other := number(b)
	if before != other || m == n {
		return strings.Compare(a, b)
	}
	return m - n
}

// treeListMutants list other entries than they should, or in another order.
func treeListMutants() []Mutant {
	o := listDir
	given := o.Where(func(r *http.Request) bool { return r.URL.Query().Has("depth") })
	isDir := func(h hit) bool { return h["type"] == "directory" }
	isLink := func(h hit) bool { return h["type"] == "symlink" }
	drops := func(what string, lost func(rel string, h hit) bool) Mutant {
		return o.keeps("EX-LIST-02", what, func(_ url.Values, rel string, h hit) bool { return !lost(rel, h) })
	}
	adds := func(what string, more func(root string) []hit) Mutant {
		return o.lists("EX-LIST-02", what, func(q url.Values, hits []hit) []hit {
			if spare(q.Get("path")) || q.Get("depth") == "0" {
				return hits
			}
			return append(more(strings.TrimSuffix(q.Get("path"), "/")), hits...)
		})
	}
	return slices.Concat(
		breaks("EX-LIST-01", o.badInfos()...),
		breaks("EX-LIST-01", o.badRefusals(400, 404)...),
		breaks("EX-LIST-02",
			o.depths("one level more", func(depth int) int { return depth + 1 }),
			o.depths("one level less", func(depth int) int { return max(depth-1, 0) }),
			o.depths("two levels at most", func(depth int) int { return min(depth, 2) }),
			o.depths("two levels at least", func(depth int) int { return max(depth, min(2*depth, 2)) }),
			mutant.DropQuery(given, "depth"),
			mutant.RewriteQuery(o.Match, "everything where no depth is given", func(q url.Values) {
				if !q.Has("depth") {
					q.Set("depth", "100")
				}
			}),
			mutant.RewriteQuery(o.Match, "nothing where no depth is given", func(q url.Values) {
				if !q.Has("depth") {
					q.Set("depth", "0")
				}
			}),
			mutant.RewriteQuery(given, "a depth is for everything", func(q url.Values) {
				if q.Get("depth") != "0" && q.Get("depth") != "1" {
					q.Set("depth", "100")
				}
			}),
		),
		[]Mutant{
			drops("what is hidden is left out", func(rel string, _ hit) bool { return isHidden(rel) }),
			drops("what is in hidden directories is left out", func(rel string, _ hit) bool {
				return strings.HasPrefix(rel, ".") && strings.Contains(rel, "/") || strings.Contains(filepath.Dir(rel), "/.")
			}),
			drops("directories are left out", func(_ string, h hit) bool { return isDir(h) }),
			drops("files are left out", func(_ string, h hit) bool { return h["type"] == "file" }),
			drops("empty files are left out", func(_ string, h hit) bool { return h["type"] == "file" && numberOf(h, "size") == 0 }),
			o.lists("EX-LIST-02", "a directory whose entries are listed is left out", func(_ url.Values, hits []hit) []hit {
				return slices.DeleteFunc(slices.Clone(hits), func(h hit) bool {
					return slices.ContainsFunc(hits, func(other hit) bool { return strings.HasPrefix(hitPath(other), hitPath(h)+"/") })
				})
			}),
			adds("the path itself is listed", func(root string) []hit { return []hit{describe(root, root)} }),
			adds(". and .. are listed", func(root string) []hit {
				return []hit{describe(root, root+"/."), describe(filepath.Dir(root), root+"/..")}
			}),
			o.lists("EX-LIST-02", "the last one is lost", func(_ url.Values, hits []hit) []hit { return hits[:max(len(hits)-1, 0)] }),
			o.lists("EX-LIST-02", "the first one is lost", func(_ url.Values, hits []hit) []hit { return hits[min(len(hits), 1):] }),
		},
		[]Mutant{
			o.ordered("the other way round", nameByName(func(a, b string) int { return strings.Compare(b, a) })),
			o.ordered("numbers by their value", nameByName(byNumbers)),
			o.ordered("hidden ones last", nameByName(func(a, b string) int {
				if isHidden(a) != isHidden(b) {
					return strings.Compare(b, a)
				}
				return strings.Compare(a, b)
			})),
			o.ordered("level by level", func(a, b string) int {
				if levels := strings.Count(a, "/") - strings.Count(b, "/"); levels != 0 {
					return levels
				}
				return strings.Compare(a, b)
			}),
			o.ordered("whole paths are compared as text", strings.Compare),
			o.ordered("by extension", nameByName(func(a, b string) int {
				return strings.Compare(filepath.Ext(a)+"\x00"+a, filepath.Ext(b)+"\x00"+b)
			})),
			o.lists("EX-LIST-03", "directories first", func(q url.Values, hits []hit) []hit {
				folder := map[string]bool{}
				for _, h := range hits {
					folder[below(q, hitPath(h))] = isDir(h)
				}
				slices.SortStableFunc(hits, byParts(q, func(a, b string) int {
					switch {
					case folder[a] == folder[b]:
						return strings.Compare(a, b)
					case folder[a]:
						return -1
					}
					return 1
				}))
				return hits
			}),
			o.lists("EX-LIST-03", "a directory comes behind its entries", func(q url.Values, hits []hit) []hit {
				slices.SortStableFunc(hits, func(a, b hit) int {
					one, other := below(q, hitPath(a)), below(q, hitPath(b))
					switch {
					case strings.HasPrefix(one, other+"/"):
						return -1
					case strings.HasPrefix(other, one+"/"):
						return 1
					}
					return nameByName(strings.Compare)(one, other)
				})
				return hits
			}),
			o.lists("EX-LIST-03", "the newest first", func(_ url.Values, hits []hit) []hit {
				slices.SortStableFunc(hits, func(a, b hit) int { return strings.Compare(textOf(b, "modified_at"), textOf(a, "modified_at")) })
				return hits
			}),
			o.lists("EX-LIST-03", "below the first level the other way round", func(q url.Values, hits []hit) []hit {
				slices.SortStableFunc(hits, byParts(q, func(a, b string) int {
					if strings.Contains(a, "/") && strings.Contains(b, "/") {
						return strings.Compare(b, a)
					}
					return strings.Compare(a, b)
				}))
				return hits
			}),
		},
		[]Mutant{
			o.keeps("EX-LIST-04", "links are left out", func(_ url.Values, _ string, h hit) bool { return !isLink(h) }),
			o.keeps("EX-LIST-04", "links that lead nowhere are left out", func(_ url.Values, _ string, h hit) bool {
				return !isLink(h) || kind(h["path"]) != "missing"
			}),
			o.keeps("EX-LIST-04", "links to directories are left out", func(_ url.Values, _ string, h hit) bool {
				return !isLink(h) || kind(h["path"]) != "directory"
			}),
			o.lists("EX-LIST-04", "links are shown as what they lead to", linksFollowed(func(h hit, real string) {
				h["type"] = lkind(real)
			})),
			o.lists("EX-LIST-04", "what links lead to is shown in their place", linksFollowed(func(h hit, real string) {
				for name, value := range describe(real, real) {
					h[name] = value
				}
			})),
			o.lists("EX-LIST-04", "links are entered", func(q url.Values, hits []hit) []hit {
				depth, err := strconv.Atoi(q.Get("depth"))
				var all []hit
				for _, h := range hits {
					all = append(all, h)
					real, broken := filepath.EvalSymlinks(hitPath(h))
					if err != nil || broken != nil || !isLink(h) || !isFolder(real) {
						continue
					}
					walkBelow(real, func(path string, _ fs.DirEntry) {
						as := hitPath(h) + strings.TrimPrefix(path, real)
						if strings.Count(below(q, as), "/") < depth {
							all = append(all, describe(path, as))
						}
					})
				}
				return all
			}),
		},
	)
}

// byParts compares paths below the root at the first name in which they differ, with what comes before it.
func byParts(q url.Values, compare func(a, b string) int) func(a, b hit) int {
	return func(x, y hit) int {
		a, b := strings.Split(below(q, hitPath(x)), "/"), strings.Split(below(q, hitPath(y)), "/")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				return compare(strings.Join(a[:i+1], "/"), strings.Join(b[:i+1], "/"))
			}
		}
		return len(a) - len(b)
	}
}

// linksFollowed changes the entries of links that lead somewhere.
func linksFollowed(change func(h hit, real string)) func(q url.Values, hits []hit) []hit {
	return func(_ url.Values, hits []hit) []hit {
		for _, h := range hits {
			if real, err := filepath.EvalSymlinks(hitPath(h)); err == nil && h["type"] == "symlink" {
				change(h, real)
			}
		}
		return hits
	}
}
