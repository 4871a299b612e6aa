// Package fault says what the daemon refuses and why, in words for the caller and without HTTP: the parts
// of the daemon return these, the handlers turn them into answers. Any other error is a failure of the machine.
package fault

import "fmt"

// Kind is what sort of refusal it is.
type Kind int

// The kinds of refusals.
const (
	Invalid     Kind = iota + 1 // the request can't be carried out as it is
	Missing                     // what it names is not there
	Unavailable                 // it could be carried out another time
	Full                        // there is no space left
)

// Error is a refusal. Its message says what is wrong and, where it can, how to mend it.
type Error struct {
	Kind    Kind
	Message string
	Err     error // the cause, may be nil
}

// Errorf makes a refusal; an error that is formatted with %w becomes its cause.
func Errorf(kind Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	e := &Error{Kind: kind, Message: err.Error()}
	if u, ok := err.(interface{ Unwrap() error }); ok {
		e.Err = u.Unwrap()
	}
	return e
}

func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
