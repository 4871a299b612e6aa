// Command escape tries, from within a sandbox, the ways out of it that are known, one after the other, and says of each
// whether it was refused or ALLOWED. What it manages to open it leaves as it is. It is what the tests of the runtime
// "process" run in their sandboxes; it can be run in any other.
//
// A way is named by its arguments, or all are tried. Some need to be told what lies outside:
//
//	ESCAPE_SECRET    a file outside that nobody inside should read
//	ESCAPE_EXECD     paths of execd's binary outside, separated by colons
//	ESCAPE_SOCKETS   paths of sockets outside, separated by colons
//	ESCAPE_ABSTRACT  the name of an abstract socket outside
//	ESCAPE_ADDRESSES host:port of services outside, separated by commas
//	ESCAPE_MARK      a word in the command line of a process outside
//	ESCAPE_TERMINAL  paths of terminals outside, separated by colons
//	ESCAPE_DEVICE    major:minor of a disk
package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// attempt is one way out. Without an error it leads out.
type attempt struct {
	name string
	try  func() error
}

// errNothing says that there is nothing to be had by a way.
var errNothing = errors.New("nothing there")

func main() {
	all := slices.Concat(ofFiles(), ofMounts(), ofNamespaces(), ofKernel(), ofProcesses(), ofSockets())
	tried, allowed := 0, 0
	for _, a := range all {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], a.name) {
			continue
		}
		tried++
		if err := a.try(); err != nil {
			fmt.Printf("%s: refused: %s\n", a.name, strings.ReplaceAll(err.Error(), "\n", "; "))
			continue
		}
		allowed++
		fmt.Printf("%s: ALLOWED\n", a.name)
	}
	fmt.Printf("tried %d, allowed %d\n", tried, allowed)
}

// oneOf tries several things of which one is enough.
func oneOf(tries ...func() error) error {
	var errs []error
	for _, try := range tries {
		err := try()
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	if errs == nil {
		return errNothing
	}
	return errors.Join(errs[0], errs[len(errs)-1]) // all of them say nothing more
}

// each tries the same of several.
func each[T any](list []T, try func(T) error) error {
	var tries []func() error
	for _, x := range list {
		tries = append(tries, func() error { return try(x) })
	}
	return oneOf(tries...)
}

func given(name, separator string) []string {
	value := os.Getenv(name)
	if value == "" {
		return nil
	}
	return strings.Split(value, separator)
}
