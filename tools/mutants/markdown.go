package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// fault is what names a mutant in the published table.
type fault struct{ requirement, name string }

// killers are the scenarios that killed mutants.
type killers map[fault]string

// readMarkdown reads what a published table says; where there is no file it says nothing.
func readMarkdown(file string) (killers, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return killers{}, nil
	}
	if err != nil {
		return nil, err
	}
	known := killers{}
	lines := bufio.NewScanner(strings.NewReader(string(data)))
	for lines.Scan() {
		cells := strings.Split(lines.Text(), " | ")
		if len(cells) != 3 || !strings.HasPrefix(cells[0], "| ") || !strings.HasPrefix(cells[1], "`") {
			continue
		}
		known[fault{strings.TrimPrefix(cells[0], "| "), cells[1]}] = strings.TrimSuffix(cells[2], " |")
	}
	return known, lines.Err()
}

// updateMarkdown writes down the results in a published table. Mutants that were not run keep what is said of them, and
// so do those that another of their scenarios killed this time: which of several is the first is chance.
func updateMarkdown(file string, results []Result) error {
	scenarios, err := conformance.Catalogue()
	if err != nil {
		return err
	}
	known, err := readMarkdown(file)
	if err != nil {
		return fmt.Errorf("read the published mutants: %w", err)
	}
	for _, r := range results {
		if r.Outcome != killed {
			continue
		}
		key := fault{r.Requirement, code(r.Name)}
		if !slices.ContainsFunc(scenarios[r.Requirement], func(name string) bool { return scenario(name) == known[key] }) {
			known[key] = cell(r.KilledBy)
		}
	}
	text, err := markdown(known)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the published mutants: %w", err)
	}
	return nil
}

// markdown is the published table of all mutants.
func markdown(known killers) (string, error) {
	ledger, err := spec.Ledger()
	if err != nil {
		return "", err
	}
	group := map[string]string{}
	var groups []string
	for _, row := range ledger {
		name := row.Group
		if name == spec.AnyGroup {
			name = "every group"
		}
		group[row.ID] = name
		if !slices.Contains(groups, name) {
			groups = append(groups, name)
		}
	}
	of := map[string][]Mutant{}
	for _, m := range Mutants() {
		of[group[m.Requirement]] = append(of[group[m.Requirement]], m)
	}
	var b strings.Builder
	benign := len(Variants(false)) + len(Variants(true))
	fmt.Fprintf(&b, "# Mutants\n\nConforming deployments made wrong in one way, each of which the suite catches by a finding of the requirement that it\n"+
		"breaks, and odd but allowed ones, in which it finds nothing. `make mutants` runs all of them and writes this file.\n\n")
	fmt.Fprintf(&b, "%d mutants of %d requirements; %d benign variants.\n\n| group | requirements | mutants |\n|---|---|---|\n", len(Mutants()), len(ledger), benign)
	slices.Sort(groups)
	for _, name := range groups {
		slices.SortFunc(of[name], func(a, b Mutant) int {
			return cmp.Or(cmp.Compare(a.Requirement, b.Requirement), cmp.Compare(a.name(), b.name()))
		})
		requirements := map[string]bool{}
		for _, m := range of[name] {
			requirements[m.Requirement] = true
		}
		fmt.Fprintf(&b, "| [%s](#%s) | %d | %d |\n", name, strings.ReplaceAll(name, " ", "-"), len(requirements), len(of[name]))
	}
	for _, name := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n| requirement | fault | killed by |\n|---|---|---|\n", name)
		for _, m := range of[name] {
			key := fault{m.Requirement, code(m.name())}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", key.requirement, key.name, known[key])
		}
	}
	fmt.Fprintf(&b, "\n## Benign variants\n\n| API | what is odd |\n|---|---|\n")
	for _, lifecycle := range []bool{true, false} {
		api := map[bool]string{true: "lifecycle", false: "execd"}[lifecycle]
		variants := Variants(lifecycle)
		slices.SortFunc(variants, func(a, b Benign) int { return cmp.Compare(a.name(), b.name()) })
		for _, v := range variants {
			fmt.Fprintf(&b, "| %s | %s |\n", api, code(v.name()))
		}
	}
	return b.String(), nil
}

// code is a name in a cell of a table.
func code(name string) string {
	return "`" + strings.NewReplacer("`", "'", "|", `\|`, "\n", `\n`, "\r", `\r`).Replace(name) + "`"
}

// cell is the name of a scenario in a cell of a table.
func cell(name string) string { return strings.NewReplacer("<", "&lt;", "|", `\|`).Replace(name) }

// scenario takes the file from the name of a scenario, as the catalogue has it.
func scenario(name string) string {
	_, name, _ = strings.Cut(name, ": ")
	return cell(name)
}
