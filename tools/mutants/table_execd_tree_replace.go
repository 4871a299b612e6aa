package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// miswritten is a mutant that puts another content than the right one into files.
func miswritten(what string, wrong func(content, from, to string) string) Mutant {
	return replaceText.does("EX-REPLACE-02", what, afterwards(true, eachPath(func(path string, entry map[string]any) func() bool {
		from, ok := entry["old"].(string)
		if kind(path) != "file" || !ok || from == "" {
			return nil
		}
		before, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		return func() bool {
			right, err := os.ReadFile(path)
			after := []byte(wrong(string(before), from, textOf(entry, "new")))
			return err == nil && !bytes.Equal(right, after) && os.WriteFile(path, after, 0) == nil // its mode stays
		}
	})))
}

// keptNot is a mutant that changes something else of each file in which something was replaced.
func keptNot(requirement, what string, change func(path string, before os.FileInfo) bool) Mutant {
	return replaceText.does(requirement, what, afterwards(true, eachPath(func(path string, _ map[string]any) func() bool {
		before, err := os.Stat(path)
		if err != nil {
			return nil
		}
		return func() bool { return change(path, before) }
	})))
}

var word = regexp.MustCompile(`^\w+$`)

// treeReplaceMutants replace text wrongly, or what goes with it.
func treeReplaceMutants() []Mutant {
	o := replaceText
	right := o.Where(func(r *http.Request) bool {
		paths := pathsOf(r, takeBody(r))
		return len(paths) > 0 && !slices.ContainsFunc(paths, func(p string) bool { return lkind(p) != "file" })
	})
	verbose := right.Where(func(r *http.Request) bool { return r.URL.Query().Get("verbose") == "true" })
	quiet := o.Where(func(r *http.Request) bool { return !r.URL.Query().Has("verbose") })
	count := func(what string, change func(n int) any) mutant.Fault {
		return mutant.ChangeField(verbose, "*.replacedCount", what, func(v any) any {
			h := hit{"n": v}
			return change(int(numberOf(h, "n")))
		})
	}
	return slices.Concat(
		breaks("EX-REPLACE-01", o.undocumented(404, 400)...),
		breaks("EX-REPLACE-01",
			o.named(mutant.Body(quiet, "", func(b []byte) []byte {
				if len(b) > 0 {
					return b
				}
				return []byte(`{"/tmp/x":{"replacedCount":1}}`)
			}), "counts that nobody asked for"),
			mutant.DropField(verbose, "*.replacedCount"),
			count("as text", func(n int) any { return strconv.Itoa(n) }),
			mutant.SetField(verbose, "*.replacedCount", nil),
			o.named(mutant.JSON(verbose, "", func(v any) any {
				all, _ := v.(map[string]any)
				for path, e := range all {
					if entry, ok := e.(map[string]any); ok {
						all[path] = entry["replacedCount"]
					}
				}
				return all
			}), "bare numbers as counts"),
		),
		[]Mutant{
			miswritten("the first occurrence alone", func(c, from, to string) string { return strings.Replace(c, from, to, 1) }),
			miswritten("the last occurrence stays", func(c, from, to string) string {
				return strings.Replace(c, from, to, max(strings.Count(c, from)-1, 0))
			}),
			miswritten("the first occurrence of each line alone", lineWise(func(line, from, to string) string { return strings.Replace(line, from, to, 1) })),
			miswritten("text over several lines is not found", lineWise(strings.ReplaceAll)),
			miswritten("upper and lower case are one", func(c, from, to string) string {
				return regexp.MustCompile("(?i)"+regexp.QuoteMeta(from)).ReplaceAllLiteralString(c, to)
			}),
			miswritten("the old text is a regular expression", func(c, from, to string) string {
				re, err := regexp.Compile(from)
				if err != nil {
					return c
				}
				return re.ReplaceAllLiteralString(c, to)
			}),
			miswritten("dollars in the new text are for groups", func(c, from, to string) string {
				return regexp.MustCompile(regexp.QuoteMeta(from)).ReplaceAllString(c, to)
			}),
			miswritten("whole words alone", func(c, from, to string) string {
				if !word.MatchString(from) {
					return strings.ReplaceAll(c, from, to)
				}
				return regexp.MustCompile(`\b`+from+`\b`).ReplaceAllLiteralString(c, to)
			}),
			miswritten("replaced again in what is new", func(c, from, to string) string {
				once := strings.ReplaceAll(c, from, to)
				return strings.ReplaceAll(once, from, to)
			}),
			miswritten("an empty new text leaves the old one", func(c, from, to string) string {
				if to == "" {
					return c
				}
				return strings.ReplaceAll(c, from, to)
			}),
			miswritten("line ends of DOS are lost", andAround(func(c string) string { return strings.ReplaceAll(c, "\r\n", "\n") })),
			miswritten("a last line feed is lost", andAround(func(c string) string { return strings.TrimSuffix(c, "\n") })),
			miswritten("read as UTF-8", andAround(func(c string) string { return strings.ToValidUTF8(c, "\ufffd") })),
			miswritten("ends at the first NUL", andAround(func(c string) string {
				before, _, _ := strings.Cut(c, "\x00")
				return before
			})),
			o.does("EX-REPLACE-02", "answered before it is done", tooLate),
		},
		breaks("EX-REPLACE-02",
			o.only("the first of several files alone", isFirst),
			o.entries("the texts of the first file for all", func(_, first string, all, entry map[string]any) {
				if of, ok := all[first].(map[string]any); ok {
					entry["old"], entry["new"] = of["old"], of["new"]
				}
			}),
			o.instead(right, "200, and nothing is replaced", nil),
		),
		[]Mutant{
			keptNot("EX-REPLACE-03", "the mode is 644", func(path string, _ os.FileInfo) bool { return setMode(path, 0o644) }),
			keptNot("EX-REPLACE-03", "the mode is 600", func(path string, _ os.FileInfo) bool { return setMode(path, 0o600) }),
			keptNot("EX-REPLACE-03", "a file can't be executed any more", func(path string, before os.FileInfo) bool {
				return setMode(path, before.Mode()&^0o111)
			}),
			keptNot("EX-REPLACE-03", "the mode goes through the umask", func(path string, before os.FileInfo) bool {
				return setMode(path, before.Mode()&^0o022)
			}),
			keptNot("EX-REPLACE-03", "the owner can always write", func(path string, before os.FileInfo) bool {
				return setMode(path, before.Mode()|0o600)
			}),
			keptNot("EX-REPLACE-04", "owner and group become the daemon's", func(path string, _ os.FileInfo) bool {
				return setOwner(path, os.Getuid(), os.Getgid())
			}),
			keptNot("EX-REPLACE-04", "the owner becomes the daemon's", func(path string, _ os.FileInfo) bool { return setOwner(path, os.Getuid(), -1) }),
		},
		breaks("EX-REPLACE-08",
			count("one more", func(n int) any { return n + 1 }),
			count("1 for any", func(n int) any { return min(n, 1) }),
			count("1 at least", func(n int) any { return max(n, 1) }),
			count("always 0", func(int) any { return 0 }),
			o.named(mutant.JSONBody(verbose, "", func(all map[string]any) {
				for path, e := range all {
					if entry, ok := e.(map[string]any); ok && numberOf(entry, "replacedCount") == 0 {
						delete(all, path)
					}
				}
			}), "a count of 0 is left out"),
			o.named(mutant.JSONBody(verbose, "", func(all map[string]any) {
				sum := int64(0)
				for _, e := range all {
					if entry, ok := e.(map[string]any); ok {
						sum += numberOf(entry, "replacedCount")
					}
				}
				for _, e := range all {
					if entry, ok := e.(map[string]any); ok {
						entry["replacedCount"] = sum
					}
				}
			}), "the sum for each"),
			o.named(mutant.JSONBody(verbose, "", func(all map[string]any) {
				for path, e := range all {
					delete(all, path)
					all[filepath.Base(path)] = e
				}
			}), "counts under names"),
			o.named(mutant.JSONBody(verbose, "", func(all map[string]any) {
				first := ""
				for path := range all {
					if first == "" || path < first {
						first = path
					}
				}
				for path := range all {
					if path != first {
						delete(all, path)
					}
				}
			}), "the count of the first file alone"),
		),
		[]Mutant{o.does("EX-REPLACE-08", "with verbose nothing is replaced", dryRun)},
	)
}

// lineWise replaces in each line by itself.
func lineWise(replace func(line, from, to string) string) func(content, from, to string) string {
	return func(content, from, to string) string {
		lines := strings.Split(content, "\n")
		for i := range lines {
			lines[i] = replace(lines[i], from, to)
		}
		return strings.Join(lines, "\n")
	}
}

// andAround replaces rightly, and changes what is around it: the rest of the content.
func andAround(change func(content string) string) func(content, from, to string) string {
	return func(content, from, to string) string { return change(strings.ReplaceAll(content, from, to)) }
}

// dryRun puts files back as they were when counts were asked for.
func dryRun(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("verbose") != "true" {
		next.ServeHTTP(w, r)
		return
	}
	afterwards(true, eachPath(func(path string, _ map[string]any) func() bool {
		before, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		return func() bool {
			now, err := os.ReadFile(path)
			return err == nil && !bytes.Equal(now, before) && os.WriteFile(path, before, 0) == nil
		}
	}))(next, act, w, r)
}
