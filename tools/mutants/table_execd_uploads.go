package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// content changes the content of every uploaded file.
func content(what string, change func([]byte) []byte) mutant.Fault {
	return mutant.RewriteParts(uploadFile, what, func(parts []mutant.Part) []mutant.Part {
		for i := range parts {
			if parts[i].Name() == "file" {
				parts[i].Content = change(parts[i].Content)
			}
		}
		return parts
	})
}

// metadata is the metadata of each pair, by the number of its part; nil where it can't be read.
func metadata(parts []mutant.Part) map[int]map[string]any {
	all := map[int]map[string]any{}
	for i, p := range parts {
		if p.Name() == "metadata" {
			var m map[string]any
			_ = json.Unmarshal(p.Content, &m) // nil then
			all[i] = m
		}
	}
	return all
}

// setting changes the metadata of every pair; fileName is that of its file.
func setting(what string, change func(m map[string]any, fileName string)) mutant.Fault {
	return mutant.RewriteParts(uploadFile, what, func(parts []mutant.Part) []mutant.Part {
		for i, m := range metadata(parts) {
			if m == nil || i+1 >= len(parts) {
				continue
			}
			before := mustJSON(m)
			name, _ := parts[i+1].FileName()
			if change(m, name); !bytes.Equal(before, mustJSON(m)) {
				parts[i].Content = mustJSON(m)
			}
		}
		return parts
	})
}

// anyOf picks uploads of which a pair's metadata, or a part, passes the test.
func anyOf(test func(m map[string]any) bool) mutant.Match {
	return uploadFile.WithParts(func(parts []mutant.Part) bool {
		for _, m := range metadata(parts) {
			if m != nil && test(m) {
				return true
			}
		}
		return false
	})
}

func anyPart(test func(p mutant.Part) bool) mutant.Match {
	return uploadFile.WithParts(func(parts []mutant.Part) bool { return slices.ContainsFunc(parts, test) })
}

// says answers some uploads with a status and an error body.
func says(m mutant.Match, status int, what string) mutant.Fault {
	return renamed(mutant.Answer(m, status, refusal("it can't be uploaded")), m, what)
}

func pathOf(m map[string]any) string {
	path, _ := m["path"].(string)
	return path
}

func uploadMutants() []Mutant {
	pairs := func(what string, change func(parts []mutant.Part) []mutant.Part) mutant.Fault {
		return mutant.RewriteParts(uploadFile, what, func(parts []mutant.Part) []mutant.Part {
			if len(parts) < 4 || len(metadata(parts))*2 != len(parts) {
				return parts
			}
			return change(parts)
		})
	}
	chunked := uploadFile.Where(func(r *http.Request) bool { return r.ContentLength < 0 })
	return slices.Concat(
		breaks("EX-UPLOAD-01",
			mutant.Status(uploadFile, 200, 201),
			mutant.Status(uploadFile, 200, 204),
			mutant.Body(uploadFile, "a body that is not documented", func([]byte) []byte { return []byte(`{"success":true}`) }),
			mutant.EmptyBody(uploadFile.On(400)),
			mutant.DropField(uploadFile.On(400), "code"),
		),
		breaks("EX-UPLOAD-02",
			content("line ends are changed", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")) }),
			content("line feeds become line ends of DOS", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }),
			content("a last line feed is lost", func(b []byte) []byte { return bytes.TrimSuffix(b, []byte("\n")) }),
			content("ends at the first NUL", func(b []byte) []byte {
				before, _, _ := bytes.Cut(b, []byte{0})
				return before
			}),
			content("read as UTF-8", func(b []byte) []byte { return bytes.ToValidUTF8(b, []byte("\ufffd")) }),
			content("ends at what looks like a boundary", func(b []byte) []byte {
				before, _, _ := bytes.Cut(b, []byte("\r\n--"))
				return before
			}),
			content("white space around it is lost", bytes.TrimSpace),
			content("cut at 32 KiB", func(b []byte) []byte { return b[:min(len(b), 32<<10)] }),
			content("cut at 1 MiB", func(b []byte) []byte { return b[:min(len(b), 1<<20)] }),
			mutant.Body(getFile, "read as UTF-8", func(b []byte) []byte { return bytes.ToValidUTF8(b, []byte("\ufffd")) }),
			mutant.Body(getFile, "the last byte is lost", func(b []byte) []byte { return b[:max(len(b)-1, 0)] }),
			mutant.Body(getFile, "with a line feed behind it", func(b []byte) []byte { return append(b, '\n') }),
		),
		breaks("EX-UPLOAD-03",
			pairs("only the first pair", func(parts []mutant.Part) []mutant.Part { return parts[:2] }),
			pairs("only the last pair", func(parts []mutant.Part) []mutant.Part { return parts[len(parts)-2:] }),
			pairs("files are matched the other way round", func(parts []mutant.Part) []mutant.Part {
				n := len(parts)
				parts[1].Content, parts[n-1].Content = parts[n-1].Content, parts[1].Content
				return parts
			}),
			pairs("the first file everywhere", func(parts []mutant.Part) []mutant.Part {
				for i := 3; i < len(parts); i += 2 {
					parts[i].Content = parts[1].Content
				}
				return parts
			}),
			pairs("the first mode for all", func(parts []mutant.Part) []mutant.Part {
				all := metadata(parts)
				for i, m := range all {
					if first := all[0]["mode"]; first != nil && m["mode"] != nil {
						m["mode"] = first
						parts[i].Content = mustJSON(m)
					}
				}
				return parts
			}),
		),
		breaks("EX-UPLOAD-04",
			says(chunked, 411, "a chunked body is refused"),
			mutant.Fault{Name: uploadFile.String() + ": a chunked body is taken for none", Match: chunked, Request: func(r *http.Request, act func()) error {
				act()
				_, err := io.Copy(io.Discard, r.Body)
				replaceBody(r, nil)
				return err
			}},
			setting("stored under the file name", func(m map[string]any, fileName string) {
				if path := pathOf(m); path != "" && fileName != "" {
					m["path"] = filepath.Join(filepath.Dir(path), filepath.Base(fileName))
				}
			}),
			says(anyPart(func(p mutant.Part) bool {
				name, ok := p.FileName()
				return p.Name() == "metadata" && ok && name != "metadata"
			}), 400, "metadata must be named metadata"),
			says(anyPart(func(p mutant.Part) bool {
				name, ok := p.FileName()
				return p.Name() == "file" && ok && strings.ContainsFunc(name, func(c rune) bool { return c > '~' })
			}), 400, "a file name that is not ASCII is refused"),
			says(anyPart(func(p mutant.Part) bool {
				name, ok := p.FileName()
				return p.Name() == "file" && ok && strings.ContainsAny(name, `/\`)
			}), 400, "a file name with a slash is refused"),
			pairs("files of one name are one file", func(parts []mutant.Part) []mutant.Part {
				last := map[string][]byte{}
				for _, p := range parts {
					if name, ok := p.FileName(); ok && p.Name() == "file" {
						last[name] = p.Content
					}
				}
				for i, p := range parts {
					if name, ok := p.FileName(); ok && p.Name() == "file" {
						parts[i].Content = last[name]
					}
				}
				return parts
			}),
		),
		breaks("EX-UPLOAD-06",
			says(anyOf(func(m map[string]any) bool { return missingFolder(filepath.Dir(pathOf(m))) }), 404, "missing parents: 404"),
			says(anyOf(func(m map[string]any) bool { return missingFolder(filepath.Dir(pathOf(m))) }), 500, "missing parents: 500"),
			says(anyOf(func(m map[string]any) bool {
				return missingFolder(filepath.Dir(filepath.Dir(pathOf(m))))
			}), 400, "only one missing parent is made"),
		),
		breaks("EX-UPLOAD-07",
			says(anyPart(func(p mutant.Part) bool {
				_, ok := p.FileName()
				return p.Name() == "metadata" && !ok
			}), 400, "metadata without a file name is refused"),
		),
	)
}

func missingFolder(path string) bool {
	_, err := os.Stat(path)
	return err != nil && filepath.IsAbs(path)
}
