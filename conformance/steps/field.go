package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

func (w *World) fields(s *register) {
	s.step(`the answer says (\S+) is (.+)`, func(_ context.Context, name, want string) error {
		var wanted any
		if err := json.Unmarshal([]byte(w.expand(want)), &wanted); err != nil {
			return fmt.Errorf("the step's own JSON: %w", err)
		}
		got, there := body(w.last).at(name)
		return w.check(w.last.OK() && there && reflect.DeepEqual(wanted, got), name+" is another", w.expand(want), w.shown(name))
	})
	s.step(`the answer has no (\S+), or null`, func(_ context.Context, name string) error {
		got, _ := body(w.last).at(name)
		return w.check(w.last.OK() && got == nil, name+" is there too early", "null, or no such property", w.shown(name))
	})
	s.step(`(\S+) in the answer is now, give or take (\d+) s`, func(_ context.Context, name string, seconds int) error {
		if _, there := body(w.last).at(name); !there && w.last.OK() {
			return w.check(true, "", "", "") // it may be left out
		}
		at, ok := body(w.last).time(name)
		now := w.now()
		slack := time.Duration(seconds) * time.Second
		return w.check(ok && at.Sub(now).Abs() <= slack, name+" is another time", "about "+stamp(now), w.shown(name))
	})
	s.step(`(\S+) in the answer is not before (\S+)`, func(_ context.Context, later, earlier string) error {
		a, okA := body(w.last).time(earlier)
		b, okB := body(w.last).time(later)
		return w.check(!okA || !okB || !b.Before(a), later+" is before "+earlier, "not before "+w.shown(earlier), w.shown(later))
	})
	s.step(`(\S+) in the answer is at least (\d+) s after (\S+)`, func(_ context.Context, later string, seconds int, earlier string) error {
		a, okA := body(w.last).time(earlier)
		b, okB := body(w.last).time(later)
		kept := !okA || !okB || b.Sub(a) >= time.Duration(seconds)*time.Second
		return w.check(kept, later+" is too close to "+earlier, fmt.Sprintf("%d s after %s", seconds, w.shown(earlier)), w.shown(later))
	})
	s.step(`the text (\S+) in the answer is "(.*)", line ends at its end aside`, func(_ context.Context, name, want string) error {
		value, _ := body(w.last).at(name)
		got, _ := value.(string)
		want = unescape(want)
		return w.check(w.last.OK() && strings.TrimRight(want, "\r\n") == strings.TrimRight(got, "\r\n"), name+" is not what was written",
			quoted(want), w.shown(name))
	})
}

// at finds a property by its path, written with dots.
func (o object) at(path string) (value any, there bool) {
	value = map[string]any(o)
	for name := range strings.SplitSeq(path, ".") {
		m, _ := value.(map[string]any)
		if value, there = m[name]; !there {
			return nil, false
		}
	}
	return value, true
}

// shown is a property of the latest answer as it stands there, or the answer where there is none.
func (w *World) shown(name string) string {
	value, there := body(w.last).at(name)
	if !there {
		return "no " + name + " (" + w.answer() + ")"
	}
	text, _ := json.Marshal(value) // it came from JSON
	return fmt.Sprintf("%.300s", text)
}

// now is the deployment's time, as its Date header has it, so that a wrong clock of this machine is nobody's fault.
func (w *World) now() time.Time {
	if date, err := time.Parse(time.RFC1123, w.last.Header.Get("Date")); err == nil {
		return date
	}
	return w.last.Ended
}
