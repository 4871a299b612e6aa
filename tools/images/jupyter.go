package main

import (
	"context"
	"fmt"
	"io"
	"slices"
)

// jupyter is the Debian image with a Jupyter kernel.
var jupyter = recipe{
	ref:     "opensandbox/jupyter:local",
	sources: append([]string{"jupyter.go"}, debian.sources...),
	changes: debian.changes,
	write:   writeJupyter,
	verify:  verifyJupyter,
}

var jupyterPackages = append(slices.Clone(debianPackages), "python3-ipykernel")

func writeJupyter(ctx context.Context, b *builder, w io.Writer) error {
	return writePackages(ctx, b, w, jupyterPackages)
}

// jupyterCheck asks that the kernel is found where Jupyter looks, and that it can be loaded.
const jupyterCheck = `
[ "$(python3 -c 'import json; print(json.load(open("/usr/share/jupyter/kernels/python3/kernel.json"))["language"])')" = python ]
python3 -m ipykernel_launcher --version
`

func verifyJupyter(ctx context.Context, b *builder, id string) error {
	if err := verifyDebian(ctx, b, id); err != nil {
		return err
	}
	log, status, err := b.engine.run(ctx, id, "bash", "-euxo", "pipefail", "-c", jupyterCheck)
	if err == nil && status != 0 {
		err = fmt.Errorf("its check ended with status %d:\n%s", status, log)
	}
	return err
}
