// Package runtime is the one interface between the lifecycle server and what
// runs its sandboxes. It knows no states and no HTTP; an implementation makes,
// pauses, reaches and removes sandboxes by their id, and says which of them
// ended by themselves.
//
// Nothing here assumes that sandboxes run on this machine: there is no
// container id, no local path and no way to run a program from outside.
package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
)

// Runtime makes and runs sandboxes. Every method may be called from several
// goroutines at once; the caller sees to it that calls for one id don't
// overlap, except for Dial and Remove, which may come at any moment.
type Runtime interface {
	// Name says which runtime this is, for logs: "docker".
	Name() string

	// Provision makes the sandbox and returns once its entry process was
	// started. Where a server that was killed had begun, it goes on. It leaves nothing behind when it returns an error, and stops
	// soon after ctx ended. The error is a *Failure for a cause that the
	// person who asked for the sandbox can read, and an *Exited when the entry
	// process was started and is over already.
	Provision(ctx context.Context, spec Spec) error

	// Pause stops every process of the sandbox where it stands; Resume lets
	// them go on. Either is no error when it changes nothing.
	Pause(ctx context.Context, id string) error
	Resume(ctx context.Context, id string) error

	// Remove ends the sandbox and removes all of it. An absent sandbox is no
	// error.
	Remove(ctx context.Context, id string) error

	// Dial connects to a TCP port inside the sandbox.
	Dial(ctx context.Context, id string, port int) (net.Conn, error)

	// List returns all sandboxes of this server, whatever became of them.
	List(ctx context.Context) ([]Instance, error)

	// Watch reports sandboxes whose entry process ended, or that vanished,
	// without Remove having been called, until ctx ends; its error is that of
	// ctx then. Only sandboxes that Provision made or List returned are
	// reported. report may be called from several goroutines.
	Watch(ctx context.Context, report func(Exit)) error
}

// Lenient is what a Runtime may be besides: one that also makes sandboxes whose
// limits it can't hold.
type Lenient interface {
	// Unheld names those of the limits that do not hold for a sandbox as a whole,
	// in the words of the API: "cpu", "memory".
	Unheld(limits Limits) []string
}

// Spec is what a sandbox is made from.
type Spec struct {
	ID         string
	Image      string
	Auth       *Auth // credentials for the pull only; nil: none
	Entrypoint []string
	Env        map[string]string
	Limits     Limits
	Token      string // the daemon inside asks for it
}

// Auth is a registry's user. It is used for one pull and never kept.
type Auth struct {
	Username, Password string
}

// LogValue keeps credentials out of logs.
func (Auth) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// String keeps credentials out of %v.
func (Auth) String() string { return "[redacted]" }

// GoString keeps credentials out of %#v.
func (Auth) GoString() string { return "runtime.Auth{[redacted]}" }

// Limits is what a sandbox may use at most. Zero means no limit.
type Limits struct {
	NanoCPUs    int64 // billionths of a core
	MemoryBytes int64
	GPUs        int64
}

// Instance is a sandbox as the runtime sees it.
type Instance struct {
	ID      string
	Running bool // its entry process was started and is not over
	Paused  bool
	Exit    *Exit // how it ended; nil when it never ran or still does
}

// Exit is the end of a sandbox that nobody asked for.
type Exit struct {
	ID        string
	ExitCode  int
	OOMKilled bool   // killed because it used more memory than it may
	Removed   bool   // it is gone altogether; ExitCode says nothing
	Message   string // the last thing that the entry process wrote; may be empty
}

// Exited is the error of Provision for an entry process that ended at once.
type Exited struct{ Exit Exit }

func (e *Exited) Error() string {
	return fmt.Sprintf("entry process ended with status %d", e.Exit.ExitCode)
}

// ErrUnavailable is in the errors of a runtime that can't be asked now. What
// was asked for may have been done, or be done later.
var ErrUnavailable = errors.New("the runtime does not answer")

// Reasons of a Failure. They are what SandboxStatus.reason shows.
const (
	ReasonImageInvalid         = "IMAGE_INVALID"          // not a reference to an image
	ReasonImageNotFound        = "IMAGE_NOT_FOUND"        // neither here nor at its registry
	ReasonImagePullDenied      = "IMAGE_PULL_DENIED"      // the registry refuses
	ReasonImagePullFailed      = "IMAGE_PULL_FAILED"      // the registry can't be reached, or broke off
	ReasonEntrypointNotFound   = "ENTRYPOINT_NOT_FOUND"   // no such program in the image
	ReasonEntrypointNotStarted = "ENTRYPOINT_NOT_STARTED" // there, but can't be run
	ReasonResourcesUnavailable = "RESOURCES_UNAVAILABLE"  // a limit that the host can't give
	ReasonRuntimeUnavailable   = "RUNTIME_UNAVAILABLE"    // what runs sandboxes did not answer
	ReasonRuntimeError         = "RUNTIME_ERROR"          // anything else
)

// Failure is the cause of a sandbox that could not be made, in words for the
// person who asked for it.
type Failure struct {
	Reason  string // machine-readable, one of the Reason constants
	Message string
	Err     error // what the runtime said; nil when Message says it all
}

func (f *Failure) Error() string {
	if f.Err == nil {
		return f.Reason + ": " + f.Message
	}
	return fmt.Sprintf("%s: %s: %v", f.Reason, f.Message, f.Err)
}

func (f *Failure) Unwrap() error { return f.Err }
