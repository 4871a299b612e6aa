package mutant

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Frame is one block of an event stream, up to and with its blank line.
type Frame struct {
	// Raw is what is sent.
	Raw []byte
	// Data is the JSON text of its event, nil for a block without one.
	Data []byte
	// Event is Data as an object, numbers as json.Number; nil if it is none.
	Event map[string]any
}

// Is tells whether the frame is an event of a type; "*" is any event.
func (f Frame) Is(eventType string) bool {
	return f.Data != nil && (eventType == "*" || f.Event["type"] == eventType)
}

// Encode is the frame of an event.
func Encode(event map[string]any) Frame { return encodeData(jsonOf(event)) }

func encodeData(data []byte) Frame {
	f := Frame{Raw: slices.Concat([]byte("data: "), data, []byte("\n\n")), Data: data}
	if v, ok := parse(data); ok {
		f.Event, _ = v.(map[string]any)
	}
	return f
}

// Editor changes the frames of one stream as they come.
type Editor struct {
	// Frame gives what is sent in place of a frame; an error cuts the
	// connection behind what was sent.
	Frame func(Frame) ([]Frame, error)
	// End, if set, gives what is sent when the stream ends.
	End func() []Frame
}

// Stream changes event streams frame by frame, live. What says how; edit makes
// the editor of one stream, whose context ends with it.
func Stream(m Match, what string, edit func(ctx context.Context, act func()) Editor) Fault {
	return onAnswer(m, name(m, "%s", what), func(res *http.Response, act func()) error {
		if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
			return nil
		}
		unsize(res)
		res.Body = &framed{
			body:   res.Body,
			in:     bufio.NewReaderSize(res.Body, 64<<10),
			editor: edit(res.Request.Context(), act),
		}
		return nil
	})
}

// framed is a body that passes through an editor.
type framed struct {
	body   io.Closer
	in     *bufio.Reader
	editor Editor
	out    bytes.Buffer
	err    error // what follows when out is empty
}

func (f *framed) Close() error { return f.body.Close() }

// Read waits for one whole frame at a time, so that nothing is held back.
func (f *framed) Read(b []byte) (int, error) {
	for f.out.Len() == 0 {
		if f.err != nil {
			return 0, f.err
		}
		f.next()
	}
	return f.out.Read(b)
}

func (f *framed) next() {
	frame, err := readFrame(f.in)
	var frames []Frame
	if len(frame.Raw) > 0 {
		var cut error
		if frames, cut = f.editor.Frame(frame); cut != nil {
			err = cut
		}
	}
	if err == io.EOF && f.editor.End != nil {
		frames = append(frames, f.editor.End()...)
	}
	for _, frame := range frames {
		f.out.Write(frame.Raw)
	}
	f.err = err
}

// readFrame reads a block; what comes before the end of the body is one too.
func readFrame(in *bufio.Reader) (Frame, error) {
	var f Frame
	for {
		line, err := in.ReadBytes('\n')
		f.Raw = append(f.Raw, line...)
		line = bytes.TrimRight(line, "\r\n")
		if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			if f.Data != nil {
				f.Data = append(f.Data, '\n')
			}
			f.Data = append(f.Data, bytes.TrimPrefix(data, []byte(" "))...)
		}
		if err == nil && len(line) > 0 {
			continue
		}
		if v, ok := parse(f.Data); ok {
			f.Event, _ = v.(map[string]any)
		}
		return f, err
	}
}

// wait lets time pass, until the exchange ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errors.Join(errCut, ctx.Err())
	}
}
