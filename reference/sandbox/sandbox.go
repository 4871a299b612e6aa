package sandbox

import (
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// Sandbox is one sandbox at one moment. Values are shared between goroutines:
// its maps and slices are never changed once it was handed out.
type Sandbox struct {
	ID         string
	Image      string
	Entrypoint []string
	Metadata   map[string]string
	Status     Status
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: lives until it is deleted

	// Token is what the daemon inside asks for. It goes to clients as a header
	// of the daemon's endpoint, and into no log.
	Token string

	Limits runtime.Limits
	Env    map[string]string // kept while Pending only: nobody needs it later

	// Credentials says that the image was asked for with credentials, which
	// are gone after the first attempt to pull it.
	Credentials bool
}

// Status is a state with its cause.
type Status struct {
	State            State
	Reason           string // machine-readable, of [A-Z][A-Z0-9_]*
	Message          string // for a person
	LastTransitionAt time.Time
}

// Reasons that the domain gives. Those of a failure to make a sandbox come
// from package runtime.
const (
	ReasonProvisioning     = "PROVISIONING"
	ReasonReady            = "READY"
	ReasonPauseRequested   = "PAUSE_REQUESTED"
	ReasonPaused           = "PAUSED"
	ReasonPauseFailed      = "PAUSE_FAILED"
	ReasonResumeRequested  = "RESUME_REQUESTED"
	ReasonResumed          = "RESUMED"
	ReasonResumeFailed     = "RESUME_FAILED"
	ReasonDeleted          = "DELETED"
	ReasonExpired          = "EXPIRED"
	ReasonEntrypointExited = "ENTRYPOINT_EXITED"
	ReasonOutOfMemory      = "OUT_OF_MEMORY"
	ReasonInstanceLost     = "INSTANCE_LOST"
	ReasonExecdUnreachable = "EXECD_UNREACHABLE"
	ReasonCredentialsGone  = "IMAGE_CREDENTIALS_GONE"
)

// Expired reports whether the sandbox's time is over at now.
func (s *Sandbox) Expired(now time.Time) bool {
	return !s.ExpiresAt.IsZero() && !now.Before(s.ExpiresAt)
}
