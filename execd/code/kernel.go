// Package code runs pieces of code in contexts: interpreters that stay alive between calls and keep their variables.
// It knows no HTTP; refusals are fault.Errors.
package code

import (
	"context"
	"errors"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

// Kernel is one live interpreter, whose variables are one context's. Its owner runs one piece of code at a time;
// Interrupt and Close may come from other goroutines at any time.
type Kernel interface {
	// Run runs one piece of code and hands what comes of it to out, in the order in which it came, until the code is
	// over and everything that it wrote has been handed on. The failure is the exception that the code ended with, nil
	// where it went well. When ctx is done the code is interrupted and Run returns as soon as it is over. The error is
	// ErrDied where the interpreter ended, by itself or because of the code; the kernel is then of no use any more, and a
	// failure beside it may say more for the caller than that it died.
	Run(ctx context.Context, code string, out Output) (*stream.Failure, error)
	// Interrupt ends the code that runs, and keeps the variables. It does nothing where none runs.
	Interrupt() error
	// Close ends the interpreter with every process that it started, and waits for that. A Run that is under way
	// returns ErrDied.
	Close()
}

// Language makes kernels of one language.
type Language interface {
	// Name is the language as callers name it: "python".
	Name() string
	// Start starts an interpreter and returns when it takes code. What the caller can mend, such as an interpreter
	// that the image lacks, is a fault.Error.
	Start(ctx context.Context) (Kernel, error)
}

// Output takes what a run produces. Its methods may be called from several goroutines.
type Output interface {
	Stdout(p []byte) // bytes as they were written; p is the caller's again afterwards
	Stderr(p []byte)
	Result(results map[string]string) // value by MIME type; binary ones are base64
	ExecutionCount(n int)
}

// ErrDied says that the interpreter has ended.
var ErrDied = errors.New("the interpreter has ended")
