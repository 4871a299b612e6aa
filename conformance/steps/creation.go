package steps

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
)

func (w *World) creation(s *register) {
	s.step(`the state in the answer is (\w+)(?: or (\w+))?`, func(_ context.Context, a, b string) error {
		got := body(w.last).text("status", "state")
		want := a
		if b != "" {
			want += " or " + b
		}
		return w.check(got != "" && (got == a || got == b), "the state in the answer is another", want, quoted(got)+w.why())
	})
	s.step(`the answer has an expiresAt`, func(context.Context) error {
		_, there := body(w.last).time("expiresAt")
		return w.check(there, "a sandbox that was given a timeout has no expiresAt", "the time of its end", quoted(string(w.last.Body)))
	})
	s.step(`expiresAt is (\d+) s after createdAt and after the request, give or take (\d+) s`, w.expiresAfter)
	s.step(`the answer has metadata "(.*)" of "(.*)" and "(.*)" of "(.*)"`, func(_ context.Context, k1, v1, k2, v2 string) error {
		o := body(w.last)
		if err := w.equal("metadata "+k1, v1, o.text("metadata", k1)); err != nil {
			return err
		}
		return w.equal("metadata "+k2, v2, o.text("metadata", k2))
	})
	s.step(`the answer has the image and the entrypoint of the request`, w.sameImage)
	s.step(`the answer has no metadata but that of the request`, w.sameMetadata)
	s.step(`the states seen follow the table of states`, func(ctx context.Context) error {
		if len(w.boxes) == 0 {
			return nil // create was refused, which shows no state
		}
		box, err := w.box()
		if err != nil {
			return err
		}
		for range 3 {
			if _, err := w.look(ctx, box); err != nil {
				return err
			}
		}
		return w.judgeStates(box)
	})
	s.step(`lastTransitionAt of the states seen never goes back and changes with the state`, func(context.Context) error {
		box, err := w.box()
		if err != nil {
			return err
		}
		return w.judgeTransitions(box)
	})
	s.step(`the sandbox is refused and leaves nothing behind, or ends in Failed and was never Running`, w.neverRuns)
	s.step(`a failure names its cause, the (image|entrypoint), in reason or message`, w.namesCause)
	s.step(`no answer had the text "(.*)"`, w.noAnswerHad)
	s.step(`createSandbox refuses each of these with 400, and creates nothing`, w.refusesCreation)
	s.step(`the deployment has no manual cleanup`, func(ctx context.Context) error {
		present, err := w.has(ctx, "manual-cleanup")
		if err == nil && present {
			return &Skip{"the deployment has the capability manual-cleanup"}
		}
		return err
	})
}

func (w *World) expiresAfter(_ context.Context, seconds, slack int) error {
	o := body(w.last)
	expires, ok := o.time("expiresAt")
	if !ok {
		return w.check(false, "the answer has no expiresAt", "a time", quoted(o.text("expiresAt"))+w.why())
	}
	tolerance := time.Duration(slack) * time.Second
	if created, ok := o.time("createdAt"); ok {
		off := expires.Sub(created) - time.Duration(seconds)*time.Second
		if err := w.check(off.Abs() <= tolerance, "expiresAt is not createdAt plus timeout",
			stamp(created.Add(time.Duration(seconds)*time.Second)), o.text("expiresAt")); err != nil {
			return err
		}
	}
	// The deployment's clock, as its Date header has it, so that a wrong clock of this machine is nobody's fault.
	now := w.last.Began
	if date, err := http.ParseTime(w.last.Header.Get("Date")); err == nil {
		now = date
	}
	off := expires.Sub(now) - time.Duration(seconds)*time.Second
	return w.check(off.Abs() <= tolerance+w.last.Ended.Sub(w.last.Began)+time.Second, "expiresAt is not the time of creation plus timeout",
		stamp(now.Add(time.Duration(seconds)*time.Second)), o.text("expiresAt"))
}

func (w *World) sameImage(context.Context) error {
	box, err := w.box()
	if err != nil {
		return err
	}
	image, _ := box.Request["image"].(map[string]any)
	if err := w.equal("image.uri", fmt.Sprint(image["uri"]), box.Latest.text("image", "uri")); err != nil {
		return err
	}
	kept := reflect.DeepEqual(box.Request["entrypoint"], box.Latest["entrypoint"])
	return w.check(kept, "the entrypoint is another", fmt.Sprint(box.Request["entrypoint"]), fmt.Sprint(box.Latest["entrypoint"]))
}

// reserved begins the metadata keys that are the deployment's own.
const reserved = "opensandbox.io/"

// sameMetadata looks for keys that nobody asked for.
func (w *World) sameMetadata(context.Context) error {
	box, err := w.box()
	if err != nil {
		return err
	}
	asked, _ := box.Request["metadata"].(map[string]any)
	got, _ := body(w.last)["metadata"].(map[string]any)
	var more []string
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, there := asked[key]; !there && !strings.HasPrefix(key, reserved) {
			more = append(more, key)
		}
	}
	return w.check(len(more) == 0, "the sandbox has metadata that nobody gave it",
		"the keys of the request: "+strings.Join(slices.Sorted(maps.Keys(asked)), ", "), "also "+strings.Join(more, ", "))
}

func (w *World) neverRuns(ctx context.Context) error {
	if !w.last.OK() {
		refusal := w.last
		if err := w.check(refusal.Answer() && refusal.Status >= 400, "the sandbox is neither made nor refused", "an error, or a sandbox that ends in Failed", w.answer()); err != nil {
			return err
		}
		err := w.nothingLeft(ctx, w.vars["case"])
		w.last = refusal
		return err
	}
	box, err := w.box()
	if err != nil {
		return err
	}
	if said := box.Created.text("status", "state"); said == "Running" {
		w.last = box.Answer
		if err := w.check(false, "a sandbox that can't work is said to be Running", "an error, or Pending and then Failed", quoted(said)); err != nil {
			return err
		}
		_, err := w.await(ctx, box, w.Target.Book.Deadlines.Provision, gone) // what it ends in is looked at next
		return err
	}
	ran := ""
	over, err := w.await(ctx, box, w.Target.Book.Deadlines.Provision, func(x *exchange.Exchange) bool {
		state := body(x).text("status", "state")
		if state == "Running" {
			ran = state
		}
		return gone(x) || ran != ""
	})
	if err != nil {
		return err
	}
	kept := over && ran == "" && box.Latest.text("status", "state") == "Failed"
	return w.check(kept, "a sandbox that can't work does not end in Failed", "Failed, and never Running", w.present(box))
}

// causes are words of which a failure for that cause has one, as far as engines and registries are known to speak.
var causes = map[string][]string{
	"image":      {"image", "pull", "registry", "manifest", "repository"},
	"entrypoint": {"entrypoint", "executable", "exec", "no-such-program", "no such file", "not found", "command"},
}

// namesCause looks into a sandbox that has failed. A refusal at once has no reason, and may be in any words.
func (w *World) namesCause(_ context.Context, cause string) error {
	if !w.last.OK() {
		return w.check(strings.TrimSpace(body(w.last).text("message")) != "", "the refusal does not say why", "a message", w.answer())
	}
	box, err := w.box()
	if err != nil {
		return err
	}
	said := box.Latest.text("status", "reason") + " " + box.Latest.text("status", "message")
	kept := slices.ContainsFunc(causes[cause], func(word string) bool { return strings.Contains(strings.ToLower(said), word) })
	return w.check(kept, "the failure does not say why", "a word on the "+cause, quoted(strings.TrimSpace(said)))
}

// noAnswerHad looks for a text in the latest answers about the sandbox: create, get and list.
func (w *World) noAnswerHad(ctx context.Context, secret string) error {
	secret = w.expand(secret)
	looked := []*exchange.Exchange{w.last}
	if box, err := w.box(); err == nil {
		x, err := w.look(ctx, box)
		if err != nil {
			return err
		}
		looked = append(looked, box.Answer, x)
	}
	x, err := w.list(ctx, "metadata="+url.QueryEscape(label+"="+w.Target.Run)+"&pageSize=100")
	if err != nil {
		return err
	}
	for _, x := range append(looked, x) {
		w.last = x
		if err := w.check(!bytes.Contains(x.Body, []byte(secret)), "the login of the image is in an answer", "no login", "it is there"); err != nil {
			return err
		}
	}
	return nil
}

// refusesCreation sends create requests that must be refused; each is a good one with a change, or no JSON at all.
func (w *World) refusesCreation(ctx context.Context, table *godog.Table) error {
	mark := newMark()
	for _, row := range table.Rows[1:] {
		what, text := row.Cells[0].Value, row.Cells[1].Value
		data := []byte(text)
		if changes, err := decodeChanges(text); err == nil {
			request := nulls(w.request(changes))
			if metadata, ok := request["metadata"].(map[string]any); ok {
				metadata["osc-case"] = mark
			}
			if data, err = json.Marshal(request); err != nil {
				return err
			}
		}
		x, err := w.do(ctx, w.Target.Lifecycle, judge.Request{
			Operation: w.Target.Lifecycle.Document.Operation("createSandbox"), Body: data,
			Header: http.Header{"Content-Type": {"application/json"}},
			Limit:  w.Target.Book.Deadlines.Provision, // where it is taken, a sandbox is made
		})
		if err != nil {
			return err
		}
		if id := body(x).text("id"); x.OK() && id != "" {
			w.Target.Guest(id)
			w.boxes = append(w.boxes, &Box{ID: id, Custom: true})
		}
		switch x.Status {
		case http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable:
			return unjudged("the deployment makes no sandbox now: %s", w.answer())
		}
		if err := w.refused(what, string(data)); err != nil {
			return err
		}
	}
	return w.nothingLeft(ctx, mark)
}

// nulls puts a null where a table says "(null)": in a change, null means that the property is left out.
func nulls(request map[string]any) map[string]any {
	for name, value := range request {
		if value == "(null)" {
			request[name] = nil
		}
	}
	return request
}

// nothingLeft checks that no sandbox carries the mark of requests that were refused.
func (w *World) nothingLeft(ctx context.Context, mark string) error {
	for _, box := range w.boxes {
		w.Target.Remove(ctx, box.ID) // taken where it had to be refused: said already
	}
	x, err := w.list(ctx, "metadata="+url.QueryEscape("osc-case="+mark))
	if err != nil || !x.OK() || len(w.boxes) > 0 {
		return err
	}
	items, _ := body(x)["items"].([]any)
	return w.check(len(items) == 0, "a request that was refused left a sandbox behind", "no sandbox", fmt.Sprintf("%d sandboxes", len(items)))
}
