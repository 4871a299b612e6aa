package mutant

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"
)

// The constructors in this file change what a stream's events say and when.
// An event type is named as on the wire, "*" is any event.

// frameByFrame is a fault that needs no memory of the stream.
func frameByFrame(m Match, what string, change func(f Frame, act func()) []Frame) Fault {
	return Stream(m, what, func(_ context.Context, act func()) Editor {
		return Editor{Frame: func(f Frame) ([]Frame, error) { return change(f, act), nil }}
	})
}

// onEvents is a fault of the events of one type.
func onEvents(m Match, what, eventType string, change func(Frame) []Frame) Fault {
	return frameByFrame(m, what, func(f Frame, act func()) []Frame {
		if !f.Is(eventType) {
			return []Frame{f}
		}
		frames := change(f)
		if len(frames) != 1 || !bytes.Equal(frames[0].Raw, f.Raw) {
			act()
		}
		return frames
	})
}

// DropEvent leaves the events of a type out.
func DropEvent(m Match, eventType string) Fault {
	return onEvents(m, "no event "+eventType, eventType, func(Frame) []Frame { return nil })
}

// DuplicateEvent sends the events of a type twice.
func DuplicateEvent(m Match, eventType string) Fault {
	return onEvents(m, "twice the event "+eventType, eventType, func(f Frame) []Frame { return []Frame{f, f} })
}

// ChangeEvent changes the events of a type. What says how.
func ChangeEvent(m Match, eventType, what string, change func(map[string]any)) Fault {
	return EditData(m, eventType, what, func(data []byte) []byte {
		return editJSON(data, func(v any) any {
			if object, ok := v.(map[string]any); ok {
				change(object)
			}
			return v
		})
	})
}

// DropEventField leaves a property of the events of a type out. A path as in
// DropField.
func DropEventField(m Match, eventType, path string) Fault {
	return ChangeEvent(m, eventType, eventType+" without "+path, func(e map[string]any) {
		at(e, path, func(object map[string]any, key string) { delete(object, key) })
	})
}

// SetEventField sets a property of the events of a type. A path as in DropField.
func SetEventField(m Match, eventType, path string, value any) Fault {
	return ChangeEvent(m, eventType, eventType+" with "+path+" "+string(jsonOf(value)), func(e map[string]any) {
		at(e, path, func(object map[string]any, key string) { object[key] = value })
	})
}

// EditData changes the text of the events of a type, JSON or not. What says how.
func EditData(m Match, eventType, what string, change func([]byte) []byte) Fault {
	return onEvents(m, what, eventType, func(f Frame) []Frame {
		if changed := change(bytes.Clone(f.Data)); !bytes.Equal(changed, f.Data) {
			return []Frame{encodeData(changed)}
		}
		return []Frame{f}
	})
}

// SwapOrder sends the first event of type a behind the first of type b that
// follows it; where none follows, it comes last, and that is no action.
func SwapOrder(m Match, a, b string) Fault {
	return Stream(m, a+" behind "+b, func(_ context.Context, act func()) Editor {
		var held []Frame
		done := false
		return Editor{
			Frame: func(f Frame) ([]Frame, error) {
				switch {
				case !done && held == nil && f.Is(a):
					held = []Frame{f}
					return nil, nil
				case held != nil && f.Is(b):
					act()
					frames := []Frame{f, held[0]}
					held, done = nil, true
					return frames, nil
				}
				return []Frame{f}, nil
			},
			End: func() []Frame { return held },
		}
	})
}

// InjectBefore sends an event before each event of a type.
func InjectBefore(m Match, eventType string, event map[string]any) Fault {
	return onEvents(m, string(jsonOf(event))+" before "+eventType, eventType, func(f Frame) []Frame {
		return []Frame{Encode(event), f}
	})
}

// InjectAfter sends an event after each event of a type.
func InjectAfter(m Match, eventType string, event map[string]any) Fault {
	return onEvents(m, string(jsonOf(event))+" after "+eventType, eventType, func(f Frame) []Frame {
		return []Frame{f, Encode(event)}
	})
}

// InjectAfterEnd sends an event when the stream has ended.
func InjectAfterEnd(m Match, event map[string]any) Fault {
	return appendAtEnd(m, string(jsonOf(event))+" after the end", Encode(event).Raw)
}

// AppendText sends a text when the stream, or another body, has ended.
func AppendText(m Match, text string) Fault {
	return appendAtEnd(m, "behind the end the text "+text, []byte(text))
}

func appendAtEnd(m Match, what string, raw []byte) Fault {
	return onAnswer(m, name(m, "%s", what), func(res *http.Response, act func()) error {
		unsize(res)
		res.Body = &appended{ReadCloser: res.Body, tail: raw, act: act}
		return nil
	})
}

// appended is a body that goes on where it should end.
type appended struct {
	io.ReadCloser
	tail  []byte
	ended bool
	act   func()
}

func (a *appended) Read(b []byte) (int, error) {
	if !a.ended {
		n, err := a.ReadCloser.Read(b)
		if err != io.EOF {
			return n, err
		}
		a.act()
		if a.ended = true; n > 0 {
			return n, nil
		}
	}
	n := copy(b, a.tail)
	if a.tail = a.tail[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// HoldEvent sends the events of a type late; what follows them waits too.
func HoldEvent(m Match, eventType string, d time.Duration) Fault {
	return Stream(m, eventType+" late by "+d.String(), func(ctx context.Context, act func()) Editor {
		return Editor{Frame: func(f Frame) ([]Frame, error) {
			if f.Is(eventType) {
				act()
				if err := wait(ctx, d); err != nil {
					return nil, err
				}
			}
			return []Frame{f}, nil
		}}
	})
}

// HoldEnd ends the body late.
func HoldEnd(m Match, d time.Duration) Fault {
	return Stream(m, "ends late by "+d.String(), func(ctx context.Context, act func()) Editor {
		return Editor{
			Frame: func(f Frame) ([]Frame, error) { return []Frame{f}, nil },
			End: func() []Frame {
				act()
				_ = wait(ctx, d) // gone is gone
				return nil
			},
		}
	})
}

// Buffered holds the whole stream back until it has ended.
func Buffered(m Match) Fault {
	return Stream(m, "held back to the end", func(_ context.Context, act func()) Editor {
		var held []Frame
		return Editor{
			Frame: func(f Frame) ([]Frame, error) {
				if held = append(held, f); len(held) == 2 { // one alone may be the last
					act()
				}
				return nil, nil
			},
			End: func() []Frame { return held },
		}
	})
}

// Truncate cuts the connection where an event of a type would come.
func Truncate(m Match, eventType string) Fault {
	return Stream(m, "cut before "+eventType, func(_ context.Context, act func()) Editor {
		return Editor{Frame: func(f Frame) ([]Frame, error) {
			if f.Is(eventType) {
				act()
				return nil, errCut
			}
			return []Frame{f}, nil
		}}
	})
}

// EndBefore ends the body, cleanly, where an event of a type would come.
func EndBefore(m Match, eventType string) Fault {
	return Stream(m, "ends before "+eventType, func(_ context.Context, act func()) Editor {
		ended := false
		return Editor{Frame: func(f Frame) ([]Frame, error) {
			if ended = ended || f.Is(eventType); ended {
				act()
				return nil, nil
			}
			return []Frame{f}, nil
		}}
	})
}
