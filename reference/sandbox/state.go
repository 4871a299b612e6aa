package sandbox

import "slices"

// State is where a sandbox stands (SandboxStatus.state in the lifecycle YAML).
type State string

// The states of a sandbox.
const (
	Pending    State = "Pending"    // accepted, being made
	Running    State = "Running"    // its daemon answers
	Pausing    State = "Pausing"    // a pause was accepted
	Paused     State = "Paused"     // nothing in it runs
	Resuming   State = "Resuming"   // a resume was accepted
	Stopping   State = "Stopping"   // being removed
	Terminated State = "Terminated" // removed, or ended by itself with status 0
	Failed     State = "Failed"     // could not be made, or broke
)

// transitions is the one table of states. A state leads to those listed, and
// to no other. Where the contract has an intermediate state that nobody would
// see (Pausing, back to Running, then Stopping), the direct way is listed.
var transitions = map[State][]State{
	Pending:    {Running, Stopping, Failed},
	Running:    {Pausing, Stopping, Terminated, Failed},
	Pausing:    {Paused, Running, Stopping, Terminated, Failed},
	Paused:     {Resuming, Stopping, Terminated, Failed},
	Resuming:   {Running, Paused, Stopping, Terminated, Failed},
	Stopping:   {Terminated, Failed},
	Terminated: {},
	Failed:     {Stopping},
}

// States returns all states, in the order of a sandbox's life.
func States() []State {
	return []State{Pending, Running, Pausing, Paused, Resuming, Stopping, Terminated, Failed}
}

// LeadsTo reports whether a sandbox may go from s to next in one step.
func (s State) LeadsTo(next State) bool { return slices.Contains(transitions[s], next) }

// Final reports whether nothing of the sandbox runs any more and nothing will
// happen to it by itself, apart from being forgotten.
func (s State) Final() bool { return s == Terminated || s == Failed }

// Live reports whether the sandbox counts as one that its owner can use or
// will be able to use.
func (s State) Live() bool { return !s.Final() && s != Stopping }
