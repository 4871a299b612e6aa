package main

import (
	"fmt"
	"net/http"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// badDigit says whether the mode of an entry has this digit.
func badDigit(body []byte, digit string) bool {
	return anyEntry(body, func(_ string, entry map[string]any) bool {
		_, err := strconv.Atoi(fmt.Sprint(entry["mode"]))
		return err == nil && strings.Contains(fmt.Sprint(entry["mode"]), digit)
	})
}

// eachBadMode changes the modes that are not octal.
func eachBadMode(change func(n int) uint64) func(_, _ string, _, entry map[string]any) {
	return func(_, _ string, _, entry map[string]any) {
		n, err := strconv.Atoi(fmt.Sprint(entry["mode"]))
		if _, notOctal := strconv.ParseUint(strconv.Itoa(n), 8, 32); err == nil && notOctal != nil {
			entry["mode"], _ = strconv.Atoi(strconv.FormatUint(change(n), 8)) // digits
		}
	}
}

func unknownAccount(_ string, entry map[string]any) bool {
	return unknownOwner(entry) || unknownGroup(entry)
}

// textOf is a property of an entry that is text; empty for none.
func textOf(entry map[string]any, name string) string {
	s, _ := entry[name].(string)
	return s
}

// primaryGroup is the name of the group that a user has.
func primaryGroup(name string) string {
	u, err := user.Lookup(name)
	if err != nil {
		return ""
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		return ""
	}
	return g.Name
}

// wrongAccounts set owner and group wrongly, where the names are known.
func (o treeOp) wrongAccounts(requirement string) []Mutant {
	known := func(name string) mutant.Match {
		return o.WithRawBody(func(b []byte) bool {
			return anyEntry(b, func(path string, e map[string]any) bool { return textOf(e, name) != "" && !unknownAccount(path, e) })
		})
	}
	var all []mutant.Fault
	for _, name := range []string{"owner", "group"} {
		all = append(all,
			o.entries(name+" is ignored", func(_, _ string, _, entry map[string]any) {
				if !unknownAccount("", entry) {
					delete(entry, name)
				}
			}),
			o.entries(name+" is set on the first of several alone", func(path, first string, _, entry map[string]any) {
				if path != first {
					delete(entry, name)
				}
			}),
			o.entries(name+" is ignored where a mode is given", func(_, _ string, _, entry map[string]any) {
				if _, ok := bitsOf(entry); ok {
					delete(entry, name)
				}
			}),
		)
		all = append(all, o.not(known(name), name+" can only be a number", 200, 400)...)
	}
	all = append(all,
		o.entries("the group is always that of the owner", func(_, _ string, _, entry map[string]any) {
			if group := primaryGroup(textOf(entry, "owner")); group != "" {
				entry["group"] = group
			}
		}),
		o.entries("owner and group are swapped", func(_, _ string, _, entry map[string]any) {
			owner, group := textOf(entry, "owner"), textOf(entry, "group")
			if _, err := user.Lookup(group); err != nil || owner == "" {
				return
			}
			if _, err := user.LookupGroup(owner); err == nil {
				entry["owner"], entry["group"] = group, owner
			}
		}),
		o.entries("a group without an owner is ignored", func(_, _ string, _, entry map[string]any) {
			if textOf(entry, "owner") == "" {
				delete(entry, "group")
			}
		}),
		o.entries("an owner without a group is ignored", func(_, _ string, _, entry map[string]any) {
			if textOf(entry, "group") == "" {
				delete(entry, "owner")
			}
		}),
	)
	return breaks(requirement, all...)
}

// halfKnown set something for an owner or a group that is unknown.
func (o treeOp) halfKnown(requirement string) []Mutant {
	var all []Mutant
	for _, name := range []string{"owner", "group"} {
		unknown := unknownOwner
		if name == "group" {
			unknown = unknownGroup
		}
		m := o.WithRawBody(func(b []byte) bool { return anyEntry(b, func(_ string, e map[string]any) bool { return unknown(e) }) })
		all = append(all, breaks(requirement,
			o.instead(m, "an unknown "+name+": 200, and nothing is done", nil),
			o.entries("an unknown "+name+" is ignored", func(_, _ string, _, entry map[string]any) {
				if unknown(entry) {
					delete(entry, name)
				}
			}),
			o.entries("an unknown "+name+" is root", func(_, _ string, _, entry map[string]any) {
				if unknown(entry) {
					entry[name] = "root"
				}
			}),
			o.without("an entry with an unknown "+name+" is left out", func(_ string, entry map[string]any) bool { return unknown(entry) }),
		)...)
		all = append(all, o.does(requirement, "all but an unknown "+name+" is set, and then it is refused", func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
			body := takeBody(r)
			entries, found := entriesOf(body), false
			for _, entry := range entries {
				if unknown(entry) {
					delete(entry, name)
					found = found || len(entry) > 0 || o.path == makeDirs.path
				}
			}
			if found && askAgain(next, r, r.URL.Query(), mustJSON(entries)).Code == http.StatusOK {
				act()
			}
			next.ServeHTTP(w, r)
		}))
	}
	return all
}

// unknownAnswers answer an unknown owner or group otherwise than with 400.
func (o treeOp) unknownAnswers(requirement string) []Mutant {
	owner := o.WithRawBody(func(b []byte) bool {
		return anyEntry(b, func(_ string, e map[string]any) bool { return unknownOwner(e) })
	})
	group := o.WithRawBody(func(b []byte) bool {
		return anyEntry(b, func(_ string, e map[string]any) bool { return unknownGroup(e) })
	})
	return slices.Concat(
		breaks(requirement, o.not(owner, "an unknown owner", 400, 403, 404, 422, 500)...),
		breaks(requirement, o.not(group, "an unknown group", 400, 403, 404, 422, 500)...),
	)
}

// treeAccountMutants set owner and group wrongly, or what was to be left.
func treeAccountMutants() []Mutant {
	o := chmodFiles
	with := func(test func(e map[string]any) bool) mutant.Match {
		return o.WithRawBody(func(b []byte) bool { return anyEntry(b, func(_ string, e map[string]any) bool { return test(e) }) })
	}
	leaves := func(what string, when func(e map[string]any) bool, change func(path string) bool) Mutant {
		return o.does("EX-CHMOD-05", what, afterwards(true, eachPath(func(path string, entry map[string]any) func() bool {
			if !when(entry) {
				return nil
			}
			return func() bool { return change(path) }
		})))
	}
	absent := func(name string) func(map[string]any) bool {
		return func(e map[string]any) bool { _, there := e[name]; return !there }
	}
	null := func(name string) func(map[string]any) bool {
		return func(e map[string]any) bool { v, there := e[name]; return there && v == nil }
	}
	blank := func(name string) func(map[string]any) bool {
		return func(e map[string]any) bool { v, ok := e[name].(string); return ok && v == "" }
	}
	zero := func(e map[string]any) bool { return fmt.Sprint(e["mode"]) == "0" }
	changed := []Mutant{
		leaves("a mode of 0 takes all bits away", zero, func(path string) bool { return setMode(path, 0) }),
		leaves("without a mode all bits are taken away", absent("mode"), func(path string) bool { return setMode(path, 0) }),
		leaves("without a mode it is 755", absent("mode"), func(path string) bool { return setMode(path, 0o755) }),
		leaves("without a mode it is 644", absent("mode"), func(path string) bool { return setMode(path, 0o644) }),
	}
	refused := o.not(with(zero), "a mode of 0 is refused", 200, 400)
	refused = append(refused, o.not(with(absent("mode")), "no mode is refused", 200, 400)...)
	for _, name := range []string{"owner", "group"} {
		toRoot := func(path string) bool {
			if name == "owner" {
				return setOwner(path, 0, -1)
			}
			return setOwner(path, -1, 0)
		}
		changed = append(changed,
			leaves(name+" null is root", null(name), toRoot),
			leaves("an empty "+name+" is root", blank(name), toRoot),
			leaves("without "+name+" it is root", absent(name), toRoot),
		)
		refused = append(refused, o.not(with(null(name)), name+" null is refused", 200, 400)...)
		refused = append(refused, o.not(with(blank(name)), "an empty "+name+" is refused", 200, 400)...)
		refused = append(refused, o.not(with(absent(name)), "no "+name+" is refused", 200, 400)...)
	}
	return slices.Concat(changed, breaks("EX-CHMOD-05", refused...),
		o.wrongAccounts("EX-CHMOD-06"), o.halfKnown("EX-CHMOD-07"), o.unknownAnswers("EX-CHMOD-08"))
}
