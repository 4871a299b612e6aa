package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// directInterpreters puts the directories of the interpreters themselves first in PATH: some are found by shims (pyenv,
// nodenv, volta), scripts that take longer than what they start, and mutants start thousands.
var directInterpreters = sync.OnceFunc(func() {
	path := os.Getenv("PATH")
	for program, script := range map[string][]string{
		"python3": {"-c", "import sys; print(sys.executable)"},
		"node":    {"-p", "process.execPath"},
	} {
		found, err := exec.LookPath(program)
		if err != nil {
			continue
		}
		said, err := exec.CommandContext(context.Background(), program, script...).Output()
		real := strings.TrimSpace(string(said))
		if err != nil || !filepath.IsAbs(real) || filepath.Dir(real) == filepath.Dir(found) {
			continue
		}
		if other, err := exec.LookPath(filepath.Join(filepath.Dir(real), program)); err == nil {
			path = filepath.Dir(other) + string(filepath.ListSeparator) + path
		}
	}
	_ = os.Setenv("PATH", path) // it holds no NUL
})
