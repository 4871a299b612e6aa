// Command generate makes gen/lifecycle and gen/execd from the two documents in spec/.
//
// It runs ogen as a library, on a document that it changes in memory: what ogen has to be told stands here and not in
// the YAML, which is written for people and for the suite.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ogen-go/ogen"
	"github.com/ogen-go/ogen/gen"
	"github.com/ogen-go/ogen/gen/genfs"
	"github.com/ogen-go/ogen/location"
)

type target struct{ document, folder, pkg string }

var targets = []target{
	{"spec/sandbox-lifecycle.yml", "gen/lifecycle", "lifecycleapi"},
	{"spec/execd-api.yaml", "gen/execd", "execdapi"},
}

func main() {
	root := flag.String("root", ".", "the checkout")
	check := flag.Bool("check", false, "write nothing; fail where the generated code is stale")
	flag.Parse()
	failed := false
	for _, t := range targets {
		if err := run(*root, t, *check); err != nil {
			fmt.Fprintf(os.Stderr, "generate: %s: %v\n", t.document, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

func run(root string, t target, check bool) error {
	folder := filepath.Join(root, t.folder)
	if !check {
		return generate(filepath.Join(root, t.document), folder, t.pkg)
	}
	fresh, err := os.MkdirTemp("", "generate")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	if err := generate(filepath.Join(root, t.document), fresh, t.pkg); err != nil {
		return err
	}
	return same(folder, fresh)
}

// generate empties folder and fills it with code made from the document.
func generate(document, folder, pkg string) error {
	data, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	data, err = forOgen(data)
	if err != nil {
		return err
	}
	spec, err := ogen.Parse(data)
	if err != nil {
		return fmt.Errorf("parse: %w", err)
	}
	g, err := gen.NewGenerator(spec, gen.Options{
		Parser: gen.ParseOptions{File: location.NewFile(filepath.Base(document), document, data)},
		Generator: gen.GenerateOptions{
			Features: &gen.FeatureOptions{
				DisableAll: true,
				Enable: gen.FeatureSet{
					gen.PathsServer.Name: {}, gen.PathsClient.Name: {}, gen.OgenUnimplemented.Name: {},
				},
			},
			ConvenientErrors: -1,
		},
	})
	if err != nil {
		return fmt.Errorf("build: %w", err)
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return g.WriteSource(genfs.FormattedSource{Root: folder}, pkg)
}

// same compares two folders file by file.
func same(have, want string) error {
	names := map[string]bool{}
	for _, dir := range []string{have, want} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("%w; run make generate", err)
		}
		for _, e := range entries {
			names[e.Name()] = true
		}
	}
	for name := range names {
		a, errA := os.ReadFile(filepath.Join(have, name))
		b, errB := os.ReadFile(filepath.Join(want, name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			return fmt.Errorf("%s is stale; run make generate and commit what it writes", filepath.Join(have, name))
		}
	}
	return nil
}
