package main

import (
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// namePattern says that a pattern is for names: it has no slash, and is not all.
func namePattern(pattern string) bool {
	return pattern != "" && pattern != "**" && !strings.Contains(pattern, "/") && !badPattern(pattern)
}

func pathPattern(pattern string) bool { return strings.Contains(pattern, "/") && !badPattern(pattern) }

// badPattern says that a pattern can't be parsed.
func badPattern(pattern string) bool {
	_, err := path.Match(pattern, "")
	return err != nil
}

// treePatternMutants take patterns for something else.
func treePatternMutants() []Mutant {
	o := searchFiles
	within := func(of func(string) bool) mutant.Match {
		return o.Where(func(r *http.Request) bool {
			return of(r.URL.Query().Get("pattern")) && isFolder(r.URL.Query().Get("path"))
		})
	}
	named := func(what string, match func(pattern, rel string) bool) Mutant {
		return o.matches("EX-SEARCH-04", what, namePattern, match)
	}
	slashed := func(what string, match func(pattern, rel string) bool) Mutant {
		return o.matches("EX-SEARCH-08", what, pathPattern, match)
	}
	base := func(match func(pattern, name string) bool) func(pattern, rel string) bool {
		return func(pattern, rel string) bool { return match(pattern, filepath.Base(rel)) }
	}
	malformed := within(badPattern)
	return slices.Concat(
		[]Mutant{
			named("a pattern is for the first level", rightly),
			named("a pattern is for the first two levels", func(pattern, rel string) bool {
				return strings.Count(rel, "/") < 2 && rightly(pattern, filepath.Base(rel))
			}),
			named("nothing is found at the first level", func(pattern, rel string) bool {
				return strings.Contains(rel, "/") && rightly(pattern, filepath.Base(rel))
			}),
			named("upper and lower case are one", base(func(pattern, name string) bool {
				return rightly(strings.ToLower(pattern), strings.ToLower(name))
			})),
			named("a part of the name is enough", base(func(pattern, name string) bool { return rightly("*"+pattern+"*", name) })),
			named("the beginning of the name is enough", base(func(pattern, name string) bool { return rightly(pattern+"*", name) })),
			named("the end of the name is enough", base(func(pattern, name string) bool { return rightly("*"+pattern, name) })),
			named("a dot is any character", base(func(pattern, name string) bool {
				return rightly(strings.ReplaceAll(pattern, ".", "?"), name)
			})),
			named("hidden files are left out", base(func(pattern, name string) bool {
				return !strings.HasPrefix(name, ".") && rightly(pattern, name)
			})),
			named("files in directories whose names match are found too", func(pattern, rel string) bool {
				return slices.ContainsFunc(strings.Split(rel, "/"), func(name string) bool { return rightly(pattern, name) })
			}),
			named("every file is found", func(_, _ string) bool { return true }),
			named("nothing is found", func(_, _ string) bool { return false }),
			named("a name without * is not found", base(func(pattern, name string) bool {
				return strings.Contains(pattern, "*") && rightly(pattern, name)
			})),
			named("? is no wildcard", base(func(pattern, name string) bool {
				return rightly(strings.ReplaceAll(pattern, "?", "[?]"), name)
			})),
		},
		[]Mutant{
			slashed("** stays in one directory", globbed("[^/]*", "[^/]*", "[^/]*/")),
			slashed("** is one directory at most", globbed("[^/]*", "[^/]*", "(?:[^/]*/)?")),
			slashed("** is one directory at least", globbed("[^/]*", ".*", ".*/")),
			slashed("* crosses directories", globbed(".*", ".*", "(?:.*/)?")),
			slashed("the end of the path is enough", func(pattern, rel string) bool { return rightly("**/"+pattern, rel) }),
			slashed("the last part alone is looked at", base(func(pattern, name string) bool { return rightly(path.Base(pattern), name) })),
			slashed("the name alone is matched", base(rightly)),
			slashed("nothing is found", func(_, _ string) bool { return false }),
			o.lists("EX-SEARCH-08", "the whole path is matched", func(q url.Values, hits []hit) []hit {
				if !pathPattern(q.Get("pattern")) {
					return hits
				}
				return slices.DeleteFunc(hits, func(h hit) bool { return !rightly(q.Get("pattern"), strings.TrimPrefix(hitPath(h), "/")) })
			}),
		},
		breaks("EX-SEARCH-08", o.not(within(pathPattern), "a pattern with a slash", 200, 400)...),
		breaks("EX-SEARCH-09", o.not(malformed, "a pattern that can't be parsed", 400, 404, 422, 500)...),
		breaks("EX-SEARCH-09",
			o.instead(malformed, "a pattern that can't be parsed finds nothing", []any{}),
			o.patterns("a pattern that can't be parsed is all", func(pattern string) string {
				if badPattern(pattern) {
					return "**"
				}
				return pattern
			}),
			o.patterns("a pattern that can't be parsed is a name", func(pattern string) string {
				if badPattern(pattern) {
					return quotedGlob(pattern)
				}
				return pattern
			}),
		),
	)
}
