package session

import (
	"fmt"
	"path/filepath"
	"strings"
)

// The descriptors that the daemon and the shells of a session talk over. They are closed to what runs evaluate.
const (
	fdLines  = 6 // the shell reads what to do
	fdEvents = 7 // it says what has happened
	fdWake   = 8 // a copy that stands by reads a line when it is to take over
)

// script is the program of the shell. What it says on fdEvents:
//
//	end RUN STATUS            a run is over
//	standby RUN PID           a copy stands by, from before that run
//	shell GENERATION PID      which process has taken over
//	exit GENERATION STATUS    a copy that had taken over has ended
//
// Its loop is text and no function, so that declare makes no local variables; there are three of them, so that break
// and continue, evaluated in it, only go on to the next run. Nothing in it may fail under set -eu.
const script = `trap : HUP INT QUIT TERM; trap - HUP INT QUIT TERM
__execd_nl='
' __execd_generation=0 __execd_run= __execd_status=0 __execd_back= __execd_oldpwd=
__execd_main='while :; do while :; do while :; do
case $__execd_back in ?*)
	if command cd -- "$__execd_back"; then OLDPWD=$__execd_oldpwd; fi
	__execd_back=;;
esac
case $__execd_run in ?*) command printf "end %s %s\n" "$__execd_run" "$__execd_status" >&7; esac
__execd_status=0 __execd_run=
IFS= command read -r __execd_line <&6 || exit 0
eval "$__execd_line"
done; done; done'
__execd_standby='trap "" HUP INT QUIT TERM
case $- in *e*) __execd_e=-e;; *) __execd_e=+e;; esac
set +e
IFS= command read -r __execd_line <&8 || exit 0
__execd_generation=$__execd_run __execd_run= __execd_status=0 __execd_back= __execd_pid=0
( trap - HUP INT QUIT TERM
  command read -r __execd_pid __execd_line </proc/self/stat
  command printf "shell %s %s\n" "$__execd_generation" "$__execd_pid" >&7
  set "$__execd_e"
  eval "$__execd_main" )
command printf "exit %s %s\n" "$__execd_generation" "$?" >&7'
eval "$__execd_main"`

// line is what makes the shell do a run. It is one line.
func line(number int, spec Spec, stdout, stderr string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `__execd_line= __execd_run=%d; `, number)
	// The copy is no child of the shell, so that a run's wait does not wait for it.
	b.WriteString(`( ( eval "$__execd_standby" ) & command printf "standby %s %s\n" "$__execd_run" "$!" >&7 ); `)
	out, err := quote(stdout), quote(stderr)
	end := ""
	if spec.Dir != "" {
		fmt.Fprintf(&b, `__execd_back=$PWD __execd_oldpwd=${OLDPWD-}; if ! command cd -- %s 2>>%s; then __execd_back= __execd_status=1; else `, quote(dir(spec.Dir)), err)
		end = "; fi"
	}
	// A syntax error ends a POSIX shell here. "command" would prevent that, but makes dash and busybox go on in the
	// wrong process after an error in a subshell.
	fmt.Fprintf(&b, `eval %s </dev/null >>%s 2>>%s 6<&- 7>&- 8<&-; __execd_status=$?%s`, quote(spec.Command), out, err, end)
	b.WriteByte('\n')
	return b.String()
}

// quote makes one word of s, without a line end in it.
func quote(s string) string {
	return "'" + strings.NewReplacer(`'`, `'\''`, "\n", `'"$__execd_nl"'`).Replace(s) + "'"
}

// dir is a directory that cd looks for nowhere else.
func dir(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return "./" + path
}
