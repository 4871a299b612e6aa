package spec

import (
	"regexp"
	"slices"
)

// Editions are the dated states of the API, the oldest first.
func Editions() []string { return []string{"2026-01", "2026-09"} }

// InEdition leaves those rows of a ledger by which a deployment of one edition is judged: without those that hold in
// another only, and those that a later edition added. With no edition named ("") it is what holds in all of them, and
// what any of them added.
func InEdition(rows []Requirement, edition string) []Requirement {
	since := capabilitiesSince(rows)
	var in []Requirement
	for _, row := range rows {
		only := row.Edition == "" || row.Edition == edition
		added := edition != "" && (row.since() > edition || since[row.Capability] > edition)
		if only && !added {
			in = append(in, row)
		}
	}
	return in
}

// Outside lists the capabilities that an edition does not have yet.
func Outside(rows []Requirement, edition string) []string {
	var names []string
	for name, since := range capabilitiesSince(rows) {
		if edition != "" && since > edition {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// capabilitiesSince is the edition that each optional capability came with: the oldest of its rows.
func capabilitiesSince(rows []Requirement) map[string]string {
	since := map[string]string{}
	for _, row := range rows {
		first, known := since[row.Capability]
		if said := row.since(); row.Capability != Core && said != "" && (!known || said < first) {
			since[row.Capability] = said
		}
	}
	return since
}

var apiSource = regexp.MustCompile(`\bAPI (\d{4}-\d\d)\b`)

// since is the oldest edition that a row's source names; empty where it names none.
func (r Requirement) since() string {
	oldest := ""
	for _, m := range apiSource.FindAllStringSubmatch(r.Source, -1) {
		if oldest == "" || m[1] < oldest {
			oldest = m[1]
		}
	}
	return oldest
}
