package sandbox

import "fmt"

// Kind says what sort of refusal an Error is.
type Kind int

// The kinds of refusal.
const (
	Invalid     Kind = iota + 1 // the request is wrong in itself
	NotFound                    // there is no such sandbox
	Conflict                    // right in itself, wrong in the sandbox's state
	Unavailable                 // not now; the same request may work later
)

// Error is a refusal by the domain. Anything else that a Manager's method
// returns is a defect or a broken store.
type Error struct {
	Kind    Kind
	Code    string // machine-readable, of [A-Z][A-Z0-9_]*
	Message string // says what is wrong and how to mend it
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func refuse(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalid(code, format string, args ...any) *Error {
	return refuse(Invalid, code, format, args...)
}

func notFound(id string) *Error {
	return refuse(NotFound, "SANDBOX_NOT_FOUND",
		"there is no sandbox %.64q, or it ended and is no longer kept; list the sandboxes to see which there are", id)
}
