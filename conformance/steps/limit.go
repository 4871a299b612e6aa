package steps

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
)

func (w *World) limits(s *register) {
	s.step(`four busy loops use at most ([\d.]+) s of processor in 2 s`, w.burn)
	s.step(`createSandbox takes each of these limits`, w.takesLimits)
	s.step(`the sandbox ends in (\w+)(?: or (\w+))?, or is gone`, func(ctx context.Context, a, b string) error {
		box, err := w.box()
		if err != nil {
			return err
		}
		deadlines := w.Target.Book.Deadlines
		_, err = w.await(ctx, box, deadlines.Provision, func(x *exchange.Exchange) bool { return body(x).text("status", "state") != "Pending" })
		if err != nil {
			return err
		}
		over, err := w.await(ctx, box, deadlines.Change, gone)
		if err != nil {
			return err
		}
		state := box.Latest.text("status", "state")
		kept := over && (w.last.Status == http.StatusNotFound || state == a || b != "" && state == b)
		want := a
		if b != "" {
			want += " or " + b
		}
		return w.check(kept, "the sandbox did not end as it must", want+" within "+w.Target.Book.Deadlines.Change.String(), w.present(box))
	})
}

// burn keeps four processors busy, and reads what the shell's children used of them.
func (w *World) burn(ctx context.Context, most string) error {
	limit, err := strconv.ParseFloat(most, 64)
	if err != nil {
		return fmt.Errorf("the step's own number: %w", err)
	}
	said, err := w.quiet(ctx, `(for i in 1 2 3 4; do timeout 2 sh -c 'while :; do :; done' & done; wait) >/dev/null 2>&1; times`)
	if err != nil {
		return err
	}
	parts := minutes.FindAllStringSubmatch(said, -1)
	if len(parts) != 4 { // user and system, of the shell and of its children
		return unjudged("the shell does not say what its children used: %s", said)
	}
	used := 0.0
	for _, part := range parts[2:] {
		m, _ := strconv.ParseFloat(part[1], 64) // digits only
		s, _ := strconv.ParseFloat(part[2], 64)
		used += 60*m + s
	}
	return w.check(used <= limit, "a processor limit does not hold", fmt.Sprintf("at most %.1f s in 2 s", limit), fmt.Sprintf("%.2f s", used))
}

var minutes = regexp.MustCompile(`(\d+)m([\d.]+)s`)

// limitForms are the ways to write limits that every deployment takes, and no more than the smallest host has.
var limitForms = []map[string]any{
	{"cpu": "0.5", "memory": "1G"},
	{"cpu": "500m", "memory": "268435456"},
	{"cpu": "1", "memory": "1Gi"},
	{"cpu": "0.25", "memory": "300Mi"},
}

func (w *World) takesLimits(ctx context.Context) error {
	for _, limits := range limitForms {
		request := w.request(nil)
		request["resourceLimits"] = limits
		x, err := w.do(ctx, w.Target.Lifecycle, w.creating(request))
		if err != nil {
			return err
		}
		if busy(x) {
			return unjudged("the deployment makes no sandbox now: %s", w.answer())
		}
		if id := body(x).text("id"); x.OK() && id != "" {
			w.Target.Guest(id)
			w.boxes = append(w.boxes, &Box{ID: id, Request: request, Custom: true})
		}
		if err := w.check(x.OK(), fmt.Sprintf("limits in a documented form are refused (%v)", limits), "202", w.answer()); err != nil {
			return err
		}
	}
	for _, box := range w.boxes { // a limit that was misread may be one that the host can't give
		_, err := w.await(ctx, box, w.Target.Book.Deadlines.Provision, func(x *exchange.Exchange) bool {
			return body(x).text("status", "state") == "Running" || gone(x)
		})
		if err != nil {
			return err
		}
		there := box.Latest.text("status", "state") == "Running"
		message := fmt.Sprintf("a sandbox with limits in a documented form does not come up (%v)", box.Request["resourceLimits"])
		if err := w.check(there, message, "Running", w.present(box)); err != nil {
			return err
		}
	}
	return nil
}

// busy says whether an answer to create is the environment's fault.
func busy(x *exchange.Exchange) bool {
	return slices.Contains([]int{http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable}, x.Status)
}
