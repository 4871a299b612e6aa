package main

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// hit is an element of a list of FileInfo.
type hit = map[string]any

func hitPath(h hit) string { return textOf(h, "path") }

// below is a path as seen from the root that was asked for.
func below(q url.Values, path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, q.Get("path")), "/")
}

// lists serves a request for a list of FileInfo, and changes the list.
func (o treeOp) lists(requirement, what string, change func(q url.Values, hits []hit) []hit) Mutant {
	return o.does(requirement, what, func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
		rec := askAgain(next, r, r.URL.Query(), nil)
		hits, ok := hitsOf(rec)
		if !ok {
			handOn(w, rec)
			return
		}
		before := mustJSON(hits)
		after := mustJSON(append([]hit{}, change(r.URL.Query(), hits)...))
		if string(before) == string(after) {
			handOn(w, rec)
			return
		}
		act()
		w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
		w.Header().Set("Content-Length", strconv.Itoa(len(after)))
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(after) // to a client that may be gone
	})
}

func hitsOf(rec *httptest.ResponseRecorder) ([]hit, bool) {
	var hits []hit
	ok := rec.Code == http.StatusOK && numbers(rec.Body.Bytes()).Decode(&hits) == nil
	return hits, ok
}

// keeps leaves those out of a list of which keep is not true, rel being the path below the root.
func (o treeOp) keeps(requirement, what string, keep func(q url.Values, rel string, h hit) bool) Mutant {
	return o.lists(requirement, what, func(q url.Values, hits []hit) []hit {
		return slices.DeleteFunc(hits, func(h hit) bool { return !keep(q, below(q, hitPath(h)), h) })
	})
}

// adds puts into a list what pick is true of in the tree below the root, if it is not there.
func (o treeOp) adds(requirement, what string, pick func(q url.Values, rel string, d fs.DirEntry) bool) Mutant {
	return o.lists(requirement, what, func(q url.Values, hits []hit) []hit {
		there := map[string]bool{}
		for _, h := range hits {
			there[hitPath(h)] = true
		}
		walkBelow(q.Get("path"), func(path string, d fs.DirEntry) {
			if rel := below(q, path); rel != "" && !there[path] && pick(q, rel, d) {
				hits = append(hits, describe(path, path))
			}
		})
		return hits
	})
}

// patterns changes the pattern of searches, empty for none.
func (o treeOp) patterns(what string, change func(pattern string) string) mutant.Fault {
	return mutant.RewriteQuery(o.Match, what, func(q url.Values) {
		switch pattern := change(q.Get("pattern")); pattern {
		case q.Get("pattern"):
		case "":
			q.Del("pattern")
		default:
			q.Set("pattern", pattern)
		}
	})
}

// matches serves searches for which when is true as a daemon does whose patterns mean something else.
func (o treeOp) matches(requirement, what string, when func(pattern string) bool, match func(pattern, rel string) bool) Mutant {
	return o.lists(requirement, what, func(q url.Values, hits []hit) []hit {
		pattern := q.Get("pattern")
		if !when(pattern) {
			return hits
		}
		known := map[string]hit{}
		for _, h := range hits {
			known[hitPath(h)] = h
		}
		var found []hit
		walkBelow(q.Get("path"), func(path string, d fs.DirEntry) {
			switch {
			case d.IsDir() || !match(pattern, below(q, path)):
			case known[path] != nil:
				found = append(found, known[path])
			case d.Type().IsRegular():
				found = append(found, describe(path, path))
			}
		})
		if len(found) == len(hits) && !slices.ContainsFunc(found, func(h hit) bool { return known[hitPath(h)] == nil }) {
			return hits
		}
		return found
	})
}

func walkBelow(root string, visit func(path string, d fs.DirEntry)) {
	if root == "" || spare(root) {
		return
	}
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != root {
			visit(path, d)
		}
		return nil
	})
}

// describe is the FileInfo of what is at real, under a path.
func describe(real, path string) hit {
	info, err := os.Lstat(real)
	if err != nil {
		return hit{}
	}
	at := info.ModTime().UTC().Format(time.RFC3339Nano)
	bits, _ := strconv.Atoi(strconv.FormatUint(uint64(info.Mode().Perm()), 8)) // digits
	return hit{"path": path, "size": info.Size(), "modified_at": at, "created_at": at,
		"owner": "root", "group": "root", "mode": bits, "type": typeOfMode(info.Mode())}
}

// globbed matches a path by a pattern; star and twoStars are what * and ** stand for, as regular expressions, and
// folders is what **/ does.
func globbed(star, twoStars, folders string) func(pattern, rel string) bool {
	return func(pattern, rel string) bool {
		var expr strings.Builder
		for rest := pattern; rest != ""; {
			switch {
			case strings.HasPrefix(rest, "**/"):
				expr.WriteString(folders)
				rest = rest[3:]
			case strings.HasPrefix(rest, "**"):
				expr.WriteString(twoStars)
				rest = rest[2:]
			case rest[0] == '*':
				expr.WriteString(star)
				rest = rest[1:]
			case rest[0] == '?':
				expr.WriteString("[^/]")
				rest = rest[1:]
			case rest[0] == '[' && strings.Contains(rest, "]"):
				end := strings.Index(rest, "]")
				expr.WriteString(strings.Replace(rest[:end+1], "[!", "[^", 1))
				rest = rest[end+1:]
			default:
				expr.WriteString(regexp.QuoteMeta(rest[:1]))
				rest = rest[1:]
			}
		}
		re, err := regexp.Compile("^(?s:" + expr.String() + ")$")
		return err == nil && re.MatchString(rel)
	}
}

// rightly is how patterns are meant.
var rightly = globbed("[^/]*", ".*", "(?:.*/)?")

// numberOf is a number of a FileInfo.
func numberOf(h hit, name string) int64 {
	n, _ := strconv.ParseInt(fmt.Sprint(h[name]), 10, 64) // 0 for none
	return n
}
