package judge

import (
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// strays is of how many streams of an operation one may begin late: once it may be the machine of the judge that had
// too much to do, and no fault of the deployment's.
const strays = 20

// firsts are the first events of the streams of an operation.
type firsts struct {
	streams, late int
	held          []lateFirst // not judged yet
}

type lateFirst struct {
	exchange *exchange.Exchange
	took     time.Duration
}

// judgeFirstSoon judges a first event that comes soon; late ones are judged together by Finish.
func (b *Book) judgeFirstSoon(x *exchange.Exchange, took time.Duration) {
	soon := took <= b.Deadlines.FirstSoon
	b.mu.Lock()
	f := b.firsts[x.Operation.String()]
	if f == nil {
		f = &firsts{}
		b.firsts[x.Operation.String()] = f
	}
	f.streams++
	if !soon {
		f.late++
		f.held = append(f.held, lateFirst{x, took})
	}
	b.mu.Unlock()
	if soon {
		b.aspect(spec.StreamFirstSoon, x, true, "", "", "")
	}
}

// Finish judges what takes all exchanges to be judged. There may be more afterwards.
func (b *Book) Finish() {
	b.mu.Lock()
	kept, broken := []lateFirst{}, []lateFirst{}
	for _, f := range b.firsts {
		if f.late*strays > f.streams {
			broken = append(broken, f.held...)
		} else {
			kept = append(kept, f.held...)
		}
		f.held = nil
	}
	b.mu.Unlock()
	for _, l := range kept {
		b.aspect(spec.StreamFirstSoon, l.exchange, true, "", "", "")
	}
	for _, l := range broken {
		b.aspect(spec.StreamFirstSoon, l.exchange, false, "the first event came late", "within "+ms(b.Deadlines.FirstSoon), "after "+ms(l.took))
	}
}
