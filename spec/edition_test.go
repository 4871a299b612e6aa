package spec_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

func TestAnEditionIsJudgedByWhatItHas(t *testing.T) {
	rows := []spec.Requirement{
		{ID: "LC-A-01", Capability: spec.Core, Source: "API 2026-01"},
		{ID: "LC-A-02", Capability: spec.Core, Source: "API 2026-01", Edition: "2026-01"},
		{ID: "LC-A-03", Capability: spec.Core, Source: "API 2026-09"},
		{ID: "LC-A-04", Capability: spec.Core, Source: "API 2026-09; API 2026-01"},
		{ID: "LC-A-05", Capability: spec.Core, Source: "good practice"},
		{ID: "LC-B-01", Capability: "added", Source: "API 2026-09"},
		{ID: "LC-B-02", Capability: "added", Source: "good practice"},
		{ID: "LC-C-01", Capability: "grown", Source: "API 2026-01"},
		{ID: "LC-C-02", Capability: "grown", Source: "client: python 1.1.1"},
	}
	for edition, want := range map[string][]string{
		"":        {"LC-A-01", "LC-A-03", "LC-A-04", "LC-A-05", "LC-B-01", "LC-B-02", "LC-C-01", "LC-C-02"},
		"2026-01": {"LC-A-01", "LC-A-02", "LC-A-04", "LC-A-05", "LC-C-01", "LC-C-02"},
		"2026-09": {"LC-A-01", "LC-A-03", "LC-A-04", "LC-A-05", "LC-B-01", "LC-B-02", "LC-C-01", "LC-C-02"},
	} {
		var got []string
		for _, row := range spec.InEdition(rows, edition) {
			got = append(got, row.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", edition, diff)
		}
	}
	if diff := cmp.Diff([]string{"added"}, spec.Outside(rows, "2026-01")); diff != "" {
		t.Error(diff)
	}
}
