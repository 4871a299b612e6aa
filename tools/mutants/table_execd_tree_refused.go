package main

import (
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// treeReplaceRefusalMutants refuse to replace text in a wrong way.
func treeReplaceRefusalMutants() []Mutant {
	o := replaceText
	missing := o.forOne("missing")
	without := func(property string) mutant.Match {
		return o.WithRawBody(func(b []byte) bool {
			return anyEntry(b, func(_ string, e map[string]any) bool { _, there := e[property]; return !there })
		})
	}
	noOld := func(e map[string]any) bool { s, ok := e["old"].(string); return ok && s == "" }
	return slices.Concat(
		breaks("EX-REPLACE-05", o.not(missing, "a missing path", 404, 200, 204)...),
		breaks("EX-REPLACE-05", o.without("a missing path among others is left out", isMissing)),
		[]Mutant{o.does("EX-REPLACE-05", "what is missing is made", creating(func(path string) { _ = os.WriteFile(path, nil, 0o644) }))},
		breaks("EX-REPLACE-06", o.not(missing, "a missing path", 404, 400, 409, 422, 500)...),
		breaks("EX-REPLACE-06", o.not(o.forAny("missing"), "a missing path among others", 404, 400, 207)...),
		[]Mutant{
			o.does("EX-REPLACE-07", "the others are changed", itemByItem(true, nil)),
			o.does("EX-REPLACE-07", "those before the one that fails are changed", itemByItem(false, nil)),
			o.does("EX-REPLACE-07", "the others are treeEmptied", afterwards(false, eachPath(func(path string, _ map[string]any) func() bool {
				if lkind(path) != "file" {
					return nil
				}
				return func() bool {
					info, err := os.Stat(path)
					return err == nil && info.Size() > 0 && os.Truncate(path, 0) == nil
				}
			}))),
		},
		o.badBodies("EX-REPLACE-09", wrongReplacements, mendReplacements, noJSON, wrongType, noField, emptyText),
		breaks("EX-REPLACE-09",
			o.instead(without("old"), "no old: 200", nil),
			o.instead(without("new"), "no new: 200", nil),
			o.entries("an empty old is left out", func(path, _ string, all, entry map[string]any) {
				if noOld(entry) {
					delete(all, path)
				}
			}),
		),
		[]Mutant{
			o.does("EX-REPLACE-09", "an empty old is found everywhere, and the answer is a refusal", afterwards(false, emptyOld(noOld))),
			o.does("EX-REPLACE-09", "an empty old is found everywhere", takenOver(func(r *http.Request, body []byte) func() {
				then := emptyOld(noOld)(r, body)
				if then == nil {
					return nil
				}
				return func() { then() }
			})),
		},
	)
}

// emptyOld puts the new text between all characters where the old one is empty.
func emptyOld(noOld func(map[string]any) bool) func(r *http.Request, body []byte) func() bool {
	return eachPath(func(path string, entry map[string]any) func() bool {
		if lkind(path) != "file" || entry == nil || !noOld(entry) || textOf(entry, "new") == "" {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		return func() bool {
			return os.WriteFile(path, []byte(strings.ReplaceAll(string(content), "", textOf(entry, "new"))), 0) == nil
		}
	})
}
