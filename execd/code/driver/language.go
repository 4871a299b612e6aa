package driver

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// usual are the directories where interpreters are looked for after those of PATH.
var usual = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/opt/conda/bin", "/opt/venv/bin"}

// Language is one that has a driver. It looks for its interpreter each time: it may be installed meanwhile.
type Language struct {
	name     string
	programs []string // names of its interpreter, the best first
	args     []string
	env      []string
	timed    bool // it takes interrupts well only where the driver's frames say so
	repeats  bool // it may start a child process just after it took a signal, and wait for it
	exits    bool // its code may end it with a status that says how it went
}

var _ code.Language = (*Language)(nil)

// Name is the language as callers name it.
func (l *Language) Name() string { return l.name }

// Available tells whether the image has an interpreter for the language.
func (l *Language) Available() bool {
	_, err := l.program()
	return err == nil
}

// Start starts an interpreter; where the image has none, or none that works, the error is a fault.Error.
func (l *Language) Start(ctx context.Context) (code.Kernel, error) {
	program, err := l.program()
	if err != nil {
		return nil, err
	}
	return start(ctx, l, program)
}

// program is the path of the interpreter.
func (l *Language) program() (string, error) {
	var dirs []string
	for _, kv := range l.env {
		if path, ok := strings.CutPrefix(kv, "PATH="); ok {
			dirs = filepath.SplitList(path) // the last one counts
		}
	}
	dirs = slices.Concat(dirs, usual)
	for _, name := range l.programs {
		for _, dir := range dirs {
			file := filepath.Join(dir, name)
			if info, err := os.Stat(file); err == nil && filepath.IsAbs(dir) && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return file, nil
			}
		}
	}
	return "", fault.Errorf(fault.Invalid, "%s can't be run: this image has no %s in a directory of PATH or a usual place", l.name, strings.Join(l.programs, " or "))
}
