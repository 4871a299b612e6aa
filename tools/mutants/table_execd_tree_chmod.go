package main

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// entries changes the entry of each path in the body of a request; first is the path that comes first by the alphabet.
func (o treeOp) entries(what string, change func(path, first string, all map[string]any, entry map[string]any)) mutant.Fault {
	return mutant.RewriteRequestJSON(o.Match, what, func(all map[string]any) {
		paths := slices.Sorted(maps.Keys(all))
		for _, path := range paths {
			if entry, ok := all[path].(map[string]any); ok {
				change(path, paths[0], all, entry)
			}
		}
	})
}

// modes changes the mode of each entry that has one, given as its bits, and as the digits that give them.
func (o treeOp) modes(what string, change func(path string, bits uint64) uint64) mutant.Fault {
	return o.entries(what, func(path, _ string, _, entry map[string]any) {
		if bits, ok := bitsOf(entry); ok {
			entry["mode"], _ = strconv.Atoi(strconv.FormatUint(change(path, bits)&0o7777, 8)) // digits
		}
	})
}

// bitsOf reads the mode of an entry; false if it has none, or 0.
func bitsOf(entry map[string]any) (uint64, bool) {
	bits, err := strconv.ParseUint(fmt.Sprint(entry["mode"]), 8, 32)
	return bits, err == nil && bits != 0
}

// asDecimal is what the digits of a mode are where they are read as decimal.
func asDecimal(bits uint64) uint64 {
	n, _ := strconv.ParseUint(strconv.FormatUint(bits, 8), 10, 32) // digits
	return n
}

// only leaves one of several entries in a request.
func (o treeOp) only(what string, pick func(paths []string) string) mutant.Fault {
	return mutant.RewriteRequestJSON(o.Match, what, func(all map[string]any) {
		if paths := slices.Sorted(maps.Keys(all)); len(paths) > 1 {
			maps.DeleteFunc(all, func(path string, _ any) bool { return path != pick(paths) })
		}
	})
}

// without leaves entries out of a request that pass a test, but not all of them.
func (o treeOp) without(what string, test func(path string, entry map[string]any) bool) mutant.Fault {
	return mutant.RewriteRequestJSON(o.Match, what, func(all map[string]any) {
		left := maps.Clone(all)
		maps.DeleteFunc(left, func(path string, e any) bool {
			entry, ok := e.(map[string]any)
			return ok && test(path, entry)
		})
		if len(left) > 0 {
			maps.DeleteFunc(all, func(path string, _ any) bool { _, kept := left[path]; return !kept })
		}
	})
}

func isFirst(paths []string) string { return paths[0] }

func isLastOf(paths []string) string { return paths[len(paths)-1] }

func isMissing(path string, _ map[string]any) bool { return lkind(path) == "missing" }

// treeChmodMutants set modes wrongly.
func treeChmodMutants() []Mutant {
	o := chmodFiles
	missing := o.forOne("missing")
	there := o.Where(func(r *http.Request) bool {
		paths := pathsOf(r, takeBody(r))
		return len(paths) > 0 && !slices.ContainsFunc(paths, func(p string) bool { return lkind(p) == "missing" })
	})
	digit := func(d string) mutant.Match { return o.WithRawBody(func(b []byte) bool { return badDigit(b, d) }) }
	mode := func(path string) uint64 {
		info, err := os.Stat(path)
		if err != nil {
			return 0
		}
		return uint64(info.Mode().Perm())
	}
	return slices.Concat(
		breaks("EX-CHMOD-01", o.undocumented(404, 400)...),
		breaks("EX-CHMOD-02",
			o.only("the first of several alone", isFirst),
			o.only("the last of several alone", isLastOf),
			o.entries("every path gets the mode of the first", func(_, first string, all, entry map[string]any) {
				if of, ok := all[first].(map[string]any); ok && entry["mode"] != nil {
					entry["mode"] = of["mode"]
				}
			}),
			o.entries("mode is ignored", func(_, _ string, _, entry map[string]any) { delete(entry, "mode") }),
			o.modes("mode is read as decimal", func(_ string, bits uint64) uint64 { return asDecimal(bits) }),
			o.modes("mode goes through the umask", func(_ string, bits uint64) uint64 { return bits &^ 0o022 }),
			o.modes("bits are added, none is taken away", func(path string, bits uint64) uint64 { return bits | mode(path) }),
			o.modes("the owner can always read and write", func(_ string, bits uint64) uint64 { return bits | 0o600 }),
			o.modes("execution is never given to files", func(path string, bits uint64) uint64 {
				if isFolder(path) {
					return bits
				}
				return bits &^ 0o111
			}),
			o.entries("directories keep their mode", func(path, _ string, _, entry map[string]any) {
				if isFolder(path) {
					delete(entry, "mode")
				}
			}),
			o.instead(there, "200, and nothing is set", nil),
		),
		[]Mutant{o.does("EX-CHMOD-02", "answered before it is done", tooLate)},
		breaks("EX-CHMOD-03", o.not(missing, "a missing path", 404, 200, 204)...),
		breaks("EX-CHMOD-03", o.without("a missing path among others is left out", isMissing)),
		[]Mutant{
			o.does("EX-CHMOD-03", "what is missing is made", creating(func(path string) { _ = os.WriteFile(path, nil, 0o644) })),
		},
		breaks("EX-CHMOD-04", o.not(missing, "a missing path", 404, 400, 403, 422, 500)...),
		breaks("EX-CHMOD-04", o.not(o.forAny("missing"), "a missing path among others", 404, 400, 207)...),
		breaks("EX-CHMOD-09",
			o.modes("a fourth digit is left out", func(_ string, bits uint64) uint64 { return bits & 0o777 }),
			o.modes("setuid is left out", func(_ string, bits uint64) uint64 { return bits &^ 0o4000 }),
			o.modes("setgid is left out", func(_ string, bits uint64) uint64 { return bits &^ 0o2000 }),
			o.modes("sticky is left out", func(_ string, bits uint64) uint64 { return bits &^ 0o1000 }),
			o.modes("setuid and sticky are swapped", func(_ string, bits uint64) uint64 {
				return bits&^0o5000 | bits&0o4000>>2 | bits&0o1000<<2
			}),
		),
		breaks("EX-CHMOD-09", o.not(o.WithRawBody(func(b []byte) bool {
			return anyEntry(b, func(_ string, e map[string]any) bool { bits, ok := bitsOf(e); return ok && bits > 0o777 })
		}), "a mode of four digits", 200, 400, 500)...),
		breaks("EX-CHMOD-10", o.not(digit("8"), "the digit 8", 400, 200, 422, 500)...),
		breaks("EX-CHMOD-10", o.not(digit("9"), "the digit 9", 400, 200, 404)...),
		breaks("EX-CHMOD-10",
			o.entries("a digit above 7 is cut to its bits", eachBadMode(func(n int) uint64 {
				return uint64(n/100%10&7<<6 | n/10%10&7<<3 | n%10&7)
			})),
			o.entries("a mode that is not octal is read as decimal", eachBadMode(func(n int) uint64 { return uint64(n) & 0o777 })),
			o.entries("a mode that is not octal is left out", func(_, _ string, _, entry map[string]any) {
				if _, err := strconv.ParseUint(fmt.Sprint(entry["mode"]), 8, 32); err != nil {
					delete(entry, "mode")
				}
			}),
		),
		[]Mutant{o.does("EX-CHMOD-10", "refused, and the bits are set", afterwards(false, eachPath(func(path string, entry map[string]any) func() bool {
			n, err := strconv.Atoi(fmt.Sprint(entry["mode"]))
			if _, octal := bitsOf(entry); err != nil || octal || n == 0 || isMissing(path, nil) {
				return nil
			}
			return func() bool { return setMode(path, os.FileMode(n&0o777)) }
		})))},
		[]Mutant{
			o.does("EX-CHMOD-11", "the others are set", itemByItem(true, nil)),
			o.does("EX-CHMOD-11", "owners are looked for beforehand, paths are not", itemByItem(true, func(_ *http.Request, body []byte) bool {
				return anyEntry(body, isMissing) && !anyEntry(body, unknownAccount)
			})),
			o.does("EX-CHMOD-11", "paths are looked for beforehand, owners are not", itemByItem(true, func(_ *http.Request, body []byte) bool {
				return !anyEntry(body, isMissing) && anyEntry(body, unknownAccount)
			})),
		},
		o.badBodies("EX-CHMOD-12", wrongPermissions, mendChmod, noJSON, wrongType),
	)
}

// anyEntry says whether an entry of a body passes a test.
func anyEntry(body []byte, test func(path string, entry map[string]any) bool) bool {
	for path, entry := range entriesOf(body) {
		if test(path, entry) {
			return true
		}
	}
	return false
}

// creating makes what is missing before a request is served.
func creating(make func(path string)) serving {
	return func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
		for _, path := range pathsOf(r, takeBody(r)) {
			if r.Header.Get(tokenHeader) == token && lkind(path) == "missing" && !spare(path) {
				act()
				make(path)
			}
		}
		next.ServeHTTP(w, r)
	}
}
