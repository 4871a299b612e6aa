package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// forPath picks requests for a path of some kind; see kind.
func forPath(m mutant.Match, of string) mutant.Match {
	return m.Where(func(r *http.Request) bool {
		return slices.ContainsFunc(r.URL.Query()["path"], func(p string) bool { return kind(p) == of })
	})
}

func lineRead(r *http.Request) bool { return r.URL.Query().Has("offset") || r.URL.Query().Has("limit") }

func downloadMutants() []Mutant {
	missing, folder := forPath(getFile, "missing"), forPath(getFile, "directory")
	named := func(f mutant.Fault, what string) mutant.Fault { return renamed(f, getFile, what) }
	return slices.Concat(
		breaks("EX-DOWNLOAD-01",
			mutant.Status(getFile, 200, 202),
			mutant.ContentType(getFile.On(200), "text/html; charset=utf-8"),
			mutant.ContentType(getFile.On(200), "application/json"),
			mutant.DropHeader(getFile.On(200), "Content-Type"),
			mutant.ContentType(getFile.On(206), "text/plain"),
			mutant.EmptyBody(getFile.On(404)),
			mutant.DropField(getFile.On(404), "message"),
			asText(getFile.On(404), "404 page not found"),
			asText(getFile.On(416), "invalid range: failed to overlap"),
		),
		breaks("EX-DOWNLOAD-06",
			named(mutant.Status(missing, 404, 400), "a missing path: status 400"),
			named(mutant.Status(missing, 404, 500), "a missing path: status 500"),
			named(mutant.Status(missing, 404, 204), "a missing path: status 204"),
			named(mutant.Answer(missing, 200, nil), "a missing path: 200 and no body"),
		),
		breaks("EX-DOWNLOAD-07",
			named(mutant.Status(folder, 400, 404), "a directory: status 404"),
			named(mutant.Status(folder, 400, 403), "a directory: status 403"),
			named(mutant.Status(folder, 400, 500), "a directory: status 500"),
			named(mutant.Answer(folder, 200, nil), "a directory: 200 and no body"),
		),
	)
}

// lineReadMutants break offset and limit without taking all effect from them.
func lineReadMutants() []Mutant {
	lines := getFile.Where(lineRead)
	shift := func(what, parameter string, above, by int64) mutant.Fault {
		return mutant.RewriteQuery(lines, what, func(q url.Values) {
			if n, err := strconv.ParseInt(q.Get(parameter), 10, 64); err == nil && n > above {
				q.Set(parameter, strconv.FormatInt(n+by, 10))
			}
		})
	}
	both := getFile.Where(func(r *http.Request) bool { return lineRead(r) && r.Header.Get("Range") != "" })
	return slices.Concat(
		breaks("EX-DOWNLOAD-08",
			shift("lines counted from 0", "offset", 0, 1),
			shift("lines but the first counted from 2", "offset", 1, -1),
			shift("one line more than limit", "limit", 0, 1),
			shift("one line less than limit", "limit", 1, -1),
			mutant.RewriteQuery(lines, "limit is the last line", func(q url.Values) {
				offset, _ := strconv.ParseInt(q.Get("offset"), 10, 64)
				limit, err := strconv.ParseInt(q.Get("limit"), 10, 64)
				if err == nil && offset > 1 && limit >= offset {
					q.Set("limit", strconv.FormatInt(limit-offset+1, 10))
				}
			}),
			mutant.RewriteQuery(lines, "offset without limit is ignored", func(q url.Values) {
				if !q.Has("limit") {
					q.Set("offset", "1")
				}
			}),
			mutant.RewriteQuery(lines, "limit without offset is ignored", func(q url.Values) {
				if !q.Has("offset") {
					q.Set("limit", "1000000")
				}
			}),
			mutant.Body(lines, "joined by CR and LF", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }),
			mutant.Body(lines, "joined by nothing", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), nil) }),
			mutant.Body(lines, "with numbers", func(b []byte) []byte {
				numbered := bytes.ReplaceAll(b, []byte("\n"), []byte("\n2\t"))
				return append([]byte("1\t"), numbered...)
			}),
		),
		breaks("EX-DOWNLOAD-09",
			mutant.DropRequestHeader(both, "Range"),
			mutant.RewriteQuery(both, "offset and limit are ignored beside a Range", func(q url.Values) {
				q.Del("offset")
				q.Del("limit")
			}),
			renamed(mutant.Status(both, 400, 416), getFile, "lines together with a Range: status 416"),
			renamed(mutant.Status(both, 400, 422), getFile, "lines together with a Range: status 422"),
		),
	)
}

func infoMutants() []Mutant {
	missing := forPath(fileInfo, "missing")
	named := func(f mutant.Fault, what string) mutant.Fault { return renamed(f, fileInfo, what) }
	several := func(what string, change func(paths []string) []string) mutant.Fault {
		return mutant.RewriteQuery(fileInfo, what, func(q url.Values) {
			if len(q["path"]) > 1 {
				q["path"] = change(q["path"])
			}
		})
	}
	keyed := func(what string, key func(string) string) mutant.Fault {
		return mutant.JSON(fileInfo, what, func(v any) any {
			infos, _ := v.(map[string]any)
			again := map[string]any{}
			for p, info := range infos {
				again[key(p)] = info
			}
			return again
		})
	}
	number := func(property, what string, change func(n int64) any) mutant.Fault {
		return mutant.ChangeField(fileInfo, "*."+property, what, func(v any) any {
			n, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
			if err != nil {
				return v
			}
			return change(n)
		})
	}
	noPath := fileInfo.Where(func(r *http.Request) bool { return !r.URL.Query().Has("path") })
	var fields []mutant.Fault
	for _, f := range []string{"path", "size", "modified_at", "created_at", "owner", "group", "mode"} {
		fields = append(fields, mutant.DropField(fileInfo, "*."+f))
	}
	return slices.Concat(
		breaks("EX-INFO-01", fields...),
		breaks("EX-INFO-01",
			mutant.SetField(fileInfo, "*.owner", nil),
			mutant.SetField(fileInfo, "*.group", 0),
			mutant.SetField(fileInfo, "*.mode", "rw-r--r--"),
			mutant.SetField(fileInfo, "*.modified_at", 1790000000),
			mutant.SetField(fileInfo, "*.modified_at", "2026-09-21 13:46:40"),
			mutant.SetField(fileInfo, "*.created_at", "2026-02-31T00:00:00Z"),
			mutant.SetField(fileInfo, "*.type", "regular"),
			mutant.ChangeField(fileInfo, "*.size", "as text", func(v any) any { return fmt.Sprint(v) }),
			mutant.JSON(fileInfo, "a list", func(v any) any {
				var list []any
				for _, info := range v.(map[string]any) {
					list = append(list, info)
				}
				return list
			}),
			mutant.Status(fileInfo, 200, 201),
			mutant.ContentType(fileInfo, "text/plain"),
			mutant.EmptyBody(fileInfo.On(404)),
			mutant.DropField(fileInfo.On(404), "code"),
		),
		breaks("EX-INFO-02",
			named(mutant.Status(missing, 404, 400), "a missing path: status 400"),
			named(mutant.Status(missing, 404, 500), "a missing path: status 500"),
			named(mutant.Answer(missing, 200, map[string]any{}), "a missing path: 200 and no entry"),
			several("a missing path among others is left out", func(paths []string) []string {
				there := slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return kind(p) == "missing" })
				if len(there) == 0 {
					return paths
				}
				return there
			}),
		),
		breaks("EX-INFO-03",
			several("the first path alone", func(paths []string) []string { return paths[:1] }),
			several("the last path alone", func(paths []string) []string { return paths[len(paths)-1:] }),
			keyed("keyed by the cleaned path", path.Clean),
			keyed("keyed by the name", path.Base),
			keyed("keyed by what a link leads to", func(p string) string {
				if real, err := filepath.EvalSymlinks(p); err == nil {
					return real
				}
				return p
			}),
		),
		breaks("EX-INFO-04",
			number("size", "0", func(int64) any { return 0 }),
			number("size", "in blocks", func(n int64) any { return (n + 4095) / 4096 * 4096 }),
			number("size", "in KiB", func(n int64) any { return n / 1024 }),
			number("mode", "as the number that it is", func(n int64) any {
				bits, _ := strconv.ParseInt(strconv.FormatInt(n, 10), 8, 64) // digits of a mode are octal
				return bits
			}),
			number("mode", "always 644", func(int64) any { return 644 }),
			number("mode", "of the owner alone", func(n int64) any { return n / 100 * 100 }),
		),
		breaks("EX-INFO-05",
			named(mutant.Answer(noPath, 200, map[string]any{}), "no path: 200 and no entry"),
			named(mutant.Status(noPath, 400, 404), "no path: status 404"),
			named(mutant.Status(noPath, 400, 500), "no path: status 500"),
		),
	)
}

// sizeOf is the size of the file that a download asks for; -1 if there is none.
func sizeOf(r *http.Request) int64 {
	info, err := os.Stat(r.URL.Query().Get("path"))
	if err != nil || !info.Mode().IsRegular() {
		return -1
	}
	return info.Size()
}
