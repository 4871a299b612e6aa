// Package laws holds the tests that keep the structure of the code as it was decided: who may import whom.
package laws_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/opensandbox-conformance/opensandbox-conformance/"

// allowed says, for each folder, which other folders of this module its packages may import. The longest folder that
// fits counts; a folder may always import what lies in itself.
var allowed = map[string][]string{
	"spec":        {},
	"features":    {},
	"gen":         {},
	"internal":    {},
	"reference":   {"gen/lifecycle", "internal", "spec"},
	"execd":       {"gen/execd", "internal"},
	"conformance": {"spec", "features"},
	"tools":       {"spec", "features", "gen", "internal", "reference", "execd", "conformance"},

	"conformance/stream": {}, // judges others by nothing but the standard
	"reference/runtime":  {"internal"},
	"reference/sandbox":  {"reference/runtime"}, // the domain knows no HTTP API and no engine
	"reference/store":    {"reference/sandbox", "reference/runtime"},
}

// forbidden says what a folder may not depend on, however far away.
var forbidden = map[string][]string{
	"execd":             {"github.com/getkin/kin-openapi", "github.com/docker/docker", module + "spec"},
	"reference/sandbox": {"github.com/docker/docker", module + "gen"},
	"conformance":       {module + "gen", module + "reference", module + "execd"},
}

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func TestPackagesImportWhatTheyMay(t *testing.T) {
	for _, p := range packages(t) {
		folder := strings.TrimPrefix(p.ImportPath, module)
		rule, may := ruleFor(folder)
		for _, path := range p.Imports {
			other, ours := strings.CutPrefix(path, module)
			if ours && !within(other, rule) && !anyWithin(other, may) {
				t.Errorf("%s imports %s; %s may import %v", folder, other, rule, may)
			}
		}
		for root, paths := range forbidden {
			if !within(folder, root) {
				continue
			}
			for _, dep := range p.Deps {
				for _, path := range paths {
					if dep == path || strings.HasPrefix(dep, path+"/") {
						t.Errorf("%s depends on %s", folder, dep)
					}
				}
			}
		}
	}
}

func ruleFor(folder string) (rule string, may []string) {
	for root, list := range allowed {
		if within(folder, root) && len(root) > len(rule) {
			rule, may = root, list
		}
	}
	return rule, may
}

func within(folder, root string) bool { return folder == root || strings.HasPrefix(folder, root+"/") }

func anyWithin(folder string, roots []string) bool {
	for _, root := range roots {
		if within(folder, root) {
			return true
		}
	}
	return false
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if rule, _ := ruleFor(strings.TrimPrefix(p.ImportPath, module)); rule == "" {
			t.Errorf("%s lies in no folder that is known", p.ImportPath)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("only %d packages found", len(all))
	}
	return all
}
