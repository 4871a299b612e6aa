package main

import (
	"fmt"
	"slices"
	"time"
)

// promise is what the server owes to one sandbox after what it accepted. What
// was asked for without an answer may have been accepted or not: then there is
// more than one possibility.
type promise struct {
	states  []string    // where it may come to rest: Running, Paused, Terminated
	expires []time.Time // when its time may run out
	ran     bool        // it was seen beyond Pending
}

// How much later than expiresAt a sandbox may end.
const grace = 3 * time.Second

// owe replaces what a sandbox may come to. answered: it was accepted, so the
// rest is out of the question.
func (p *promise) owe(state string, answered bool) {
	if answered {
		p.states = nil
	}
	if !slices.Contains(p.states, state) {
		p.states = append(p.states, state)
	}
}

func (p *promise) oweTime(at time.Time, answered bool) {
	if answered {
		p.expires = nil
	}
	p.expires = append(p.expires, at)
}

// over reports whether the sandbox's time has run out, or may have.
func (p *promise) over(now time.Time) bool {
	return slices.ContainsFunc(p.expires, func(at time.Time) bool { return !now.Before(at) })
}

// mustBeOver reports whether its time has run out for sure.
func (p *promise) mustBeOver(now time.Time) bool {
	return !slices.ContainsFunc(p.expires, func(at time.Time) bool { return now.Before(at.Add(grace)) })
}

var resting = []string{"Running", "Paused", "Terminated", "Failed"}

// check compares what the API shows with what is owed, and takes what is shown
// for what was accepted. rests reports whether nothing more is to come.
func (p *promise) check(b box) (rests bool, err error) {
	now, state := time.Now(), b.Status.State
	shown := fmt.Sprintf("it is %s (%s: %s)", state, b.Status.Reason, b.Status.Message)
	if !slices.ContainsFunc(p.expires, b.ExpiresAt.Equal) {
		return true, fmt.Errorf("its time runs out at %s, and %v was promised", b.ExpiresAt, p.expires)
	}
	p.expires = []time.Time{b.ExpiresAt}
	if !slices.Contains(resting, state) {
		if p.ran && state == "Pending" {
			return true, fmt.Errorf("%s after it had run", shown)
		}
		return false, nil
	}
	p.ran = true
	switch {
	case state == "Terminated" && b.Status.Reason == "EXPIRED":
		if !p.over(now) {
			return true, fmt.Errorf("%s before its time ran out", shown)
		}
	case !slices.Contains(p.states, state):
		return true, fmt.Errorf("%s, and %v was promised", shown, p.states)
	case state != "Terminated" && p.mustBeOver(now):
		return true, fmt.Errorf("%s after its time ran out at %s", shown, b.ExpiresAt)
	}
	p.states = []string{state}
	return true, nil
}
