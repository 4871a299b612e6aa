// Command lintspec checks the two documents of the API: what OpenAPI asks for, and what this project asks for besides.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

func main() {
	root := flag.String("root", ".", "the checkout")
	flag.Parse()
	failed := false
	for _, name := range []string{spec.LifecycleFile, spec.ExecdFile} {
		data, err := os.ReadFile(filepath.Join(*root, "spec", name))
		if err != nil {
			fmt.Fprintln(os.Stderr, "lintspec:", err)
			os.Exit(1)
		}
		for _, problem := range Lint(context.Background(), name, data) {
			fmt.Fprintf(os.Stderr, "spec/%s: %s\n", name, problem)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}
