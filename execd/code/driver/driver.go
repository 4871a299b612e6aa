// Package driver runs code in interpreters that the image has: a process for each context, with a small script of ours
// in it that runs one piece of code after the other. Stdout and stderr of the process are pipes that are read as they
// are, so that whatever writes to them is seen at once; what else is to say comes on a control socket (see frame.go).
package driver

import (
	_ "embed" // the scripts

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/shell"
)

//go:embed driver.py
var pythonScript string

//go:embed driver.js
var javaScript string

//go:embed driver.sh
var shellScript string

// shellLoop is one line, as the lines of pieces are counted from that of eval. A piece that breaks out of more loops than
// it has ends this one, which then begins anew.
const shellLoop = `builtin eval "$1"; __execd_loop='while : __execd; do __execd_end; __execd_begin; builtin eval "$__execd_x$__execd_code" 250>&-; ` +
	`{ __execd_s=$? __execd_x=""; case $- in *x*) builtin set +x; __execd_x="set -x; ";; esac; } 2>/dev/null; done; builtin eval "$__execd_loop"'; builtin eval "$__execd_loop"`

// Languages are those that this package has a driver for, whether the image has their interpreters or not. Their
// processes get the environment env, except EXECD_….
func Languages(env []string) []code.Language {
	env = shell.Env(env)
	return []code.Language{
		&Language{
			name:     "python",
			env:      append([]string{"MPLBACKEND=Agg"}, env...), // figures are shown as images; a later setting counts
			programs: []string{"python3", "python"},
			// The script is an argument so that __main__ is left to the user's code.
			args: []string{"-u", "-c", `import sys; exec(compile(sys.argv.pop(), "<execd>", "exec"), {"__name__": "execd", "__builtins__": __builtins__})`, pythonScript},
		},
		&Language{
			name:     "javascript",
			env:      env,
			programs: []string{"node", "nodejs"},
			args:     []string{"-e", javaScript},
			timed:    true,
		},
		&Language{
			name:     "bash",
			env:      env,
			programs: []string{"bash"},
			args:     []string{"--norc", "--noprofile", "-c", shellLoop, "bash", shellScript},
			repeats:  true,
			exits:    true,
		},
	}
}
