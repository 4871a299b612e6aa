package main

import (
	"net/http"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// Mutant is a conforming deployment made wrong in one way, tied to the requirement that it then breaks. It is written
// from the requirement's sentence, not from its scenario.
type Mutant struct {
	Requirement string
	Name        string // what is wrong; empty: the name of Wire

	// One of these is the fault. Each calls act whenever it changed something.
	Wire    mutant.Fault                                                     // on the wire, in front of the deployment
	HTTP    func(next http.Handler, act func()) http.Handler                 // around the whole handler
	API     func(next lifecycleapi.Handler, act func()) lifecycleapi.Handler // around the operations
	Runtime func(next runtime.Runtime, act func()) runtime.Runtime           // around what runs sandboxes
	Clock   func(next sandbox.Clock, act func()) sandbox.Clock               // the time of the server

	Setup Setup

	more []mutant.Fault // several on the wire, in place of Wire
}

// Setup is what a mutant's deployment and its judge have besides the fault.
type Setup struct {
	NoToken bool // the daemon is started without a token
	Inside  bool // the daemon is reached through a sandbox: its requirement is about what a sandbox has
	Manual  bool // the server has manual cleanup
	Quick   bool // the judge waits briefly for states, since the fault keeps them from coming
}

// Benign is a deployment that is odd but allowed: it must give no finding.
type Benign struct {
	Name string // what is odd; empty: the name of Wire

	// What is odd, as in Mutant.
	Wire    mutant.Fault
	HTTP    func(next http.Handler, act func()) http.Handler
	API     func(next lifecycleapi.Handler, act func()) lifecycleapi.Handler
	Runtime func(next runtime.Runtime, act func()) runtime.Runtime

	Groups  []string // where it can show; nil: everywhere
	Alone   bool     // it is not tried with others, as it takes away what they are about
	Silence bool     // it concerns streams that are silent for long: these are waited for too
	Expiry  bool     // it concerns expiry: that group is judged beside the others, which takes long
}

func (b Benign) name() string {
	if b.Name != "" {
		return b.Name
	}
	return b.Wire.Name
}

func (m Mutant) name() string {
	if m.Name != "" {
		return m.Name
	}
	return m.Wire.Name
}

// lifecycle says whether its deployment is a server with sandboxes, and not a bare daemon.
func (m Mutant) lifecycle() bool { return m.Requirement[:2] == "LC" || m.Setup.Inside }
