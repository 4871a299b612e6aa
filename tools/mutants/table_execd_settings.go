package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// uploadSettingMutants set mode, owner and group wrongly.
func uploadSettingMutants() []Mutant {
	mode := func(what string, change func(m map[string]any, mode uint64) string) mutant.Fault {
		return setting(what, func(m map[string]any, _ string) {
			digits, ok := m["mode"].(float64)
			if bits, err := strconv.ParseUint(strconv.FormatFloat(digits, 'f', -1, 64), 8, 32); ok && err == nil && bits != 0 {
				m["mode"] = json.Number(change(m, bits))
			}
		})
	}
	octal := func(bits uint64) string { return strconv.FormatUint(bits, 8) }
	decimal := func(bits uint64) uint64 { // the digits of bits, read as decimal
		n, _ := strconv.ParseUint(octal(bits), 10, 32) // digits are digits
		return n
	}
	noOwner, noGroup := anyOf(unknownOwner), anyOf(unknownGroup)
	return slices.Concat(
		breaks("EX-UPLOAD-05",
			mode("mode is ignored", func(m map[string]any, bits uint64) string {
				if bits == 0o644 { // as the umask gives
					return "644"
				}
				return "0"
			}),
			mode("mode is read as decimal", func(_ map[string]any, bits uint64) string { return octal(decimal(bits) & 0o7777) }),
			mode("mode goes through the umask", func(_ map[string]any, bits uint64) string { return octal(bits &^ 0o022) }),
			mode("only rwx of the owner counts", func(_ map[string]any, bits uint64) string { return octal(bits&0o700 | 0o044) }),
			mode("a file that is there keeps its mode", func(m map[string]any, bits uint64) string {
				if info, err := os.Stat(pathOf(m)); err == nil {
					return octal(uint64(info.Mode().Perm()))
				}
				return octal(bits)
			}),
		),
		breaks("EX-UPLOAD-09",
			setting("an unknown owner is ignored", func(m map[string]any, _ string) {
				if unknownOwner(m) {
					delete(m, "owner")
				}
			}),
			setting("an unknown group is ignored", func(m map[string]any, _ string) {
				if unknownGroup(m) {
					delete(m, "group")
				}
			}),
			renamed(mutant.Answer(noOwner, 200, nil), uploadFile, "an unknown owner: 200, and nothing is written"),
			renamed(mutant.Answer(noGroup, 200, nil), uploadFile, "an unknown group: 200, and nothing is written"),
		),
		[]Mutant{
			misbehaves("EX-UPLOAD-09", "written, and then an unknown owner is refused", "POST", "/files/upload", writtenWithout("owner", unknownOwner)),
			misbehaves("EX-UPLOAD-09", "written, and then an unknown group is refused", "POST", "/files/upload", writtenWithout("group", unknownGroup)),
		},
		breaks("EX-UPLOAD-10",
			renamed(mutant.Status(noOwner, 400, 404), uploadFile, "an unknown owner: status 404"),
			renamed(mutant.Status(noOwner, 400, 500), uploadFile, "an unknown owner: status 500"),
			renamed(mutant.Status(noGroup, 400, 404), uploadFile, "an unknown group: status 404"),
			renamed(mutant.Status(noGroup, 400, 500), uploadFile, "an unknown group: status 500"),
		),
	)
}

func unknownOwner(m map[string]any) bool {
	name, _ := m["owner"].(string)
	if name == "" {
		return false
	}
	_, err := user.Lookup(name)
	return err != nil
}

func unknownGroup(m map[string]any) bool {
	name, _ := m["group"].(string)
	if name == "" {
		return false
	}
	_, err := user.LookupGroup(name)
	return err != nil
}

// writtenWithout writes the files before it finds that it can't set everything on them.
func writtenWithout(property string, unknown func(map[string]any) bool) func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
	return func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
		body := takeBody(r)
		parts, ok := mutant.Parts(r.Header, body)
		found := false
		for i, m := range metadata(parts) {
			if ok && m != nil && unknown(m) && m["mode"] != nil { // a mode is what is set
				found = true
				delete(m, property)
				parts[i].Content = mustJSON(m)
			}
		}
		if found && replay(next, r, rejoin(r, parts), r.Header.Get("Content-Type")) == http.StatusOK {
			act()
		}
		next.ServeHTTP(w, r)
	}
}

// rejoin writes parts with the boundary of a request.
func rejoin(r *http.Request, parts []mutant.Part) []byte {
	_, boundary, _ := strings.Cut(r.Header.Get("Content-Type"), "boundary=")
	boundary = strings.Trim(boundary, `"`)
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\n")
		for name, values := range p.Header {
			b.WriteString(name + ": " + values[0] + "\r\n")
		}
		b.WriteString("\r\n" + string(p.Content) + "\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	return []byte(b.String())
}
