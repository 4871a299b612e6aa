package execd

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/transcript"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

// cursorHeader carries the cursor for the next call.
const cursorHeader = "EXECD-COMMANDS-TAIL-CURSOR"

// GetCommandLogs sends what was written since the cursor, which is an offset in bytes into all that was written.
func (h *handler) GetCommandLogs(ctx context.Context, params execdapi.GetCommandLogsParams, w http.ResponseWriter) error {
	_, view, err := h.commands.Output(ctx, params.ID)
	if err != nil {
		return refused(err)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set(cursorHeader, strconv.FormatInt(view.End(), 10))
	w.WriteHeader(http.StatusOK)
	_ = view.Read(params.Cursor.Value, transcript.Reader{ // it only fails when the client has gone away
		Text: func(_ transcript.Kind, text []byte) error {
			_, err := w.Write(text)
			return err
		},
		Lost: func(stdout, stderr int64) error {
			_, err := io.WriteString(w, missing(stdout+stderr))
			return err
		},
	})
	return nil
}

// GetCommandOutput sends status and output without ever holding all of the latter.
func (h *handler) GetCommandOutput(ctx context.Context, params execdapi.GetCommandOutputParams, w http.ResponseWriter) error {
	status, view, err := h.commands.Output(ctx, params.Session)
	if err != nil {
		return refused(err)
	}
	head, err := commandStatus(status).MarshalJSON()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	out := bufio.NewWriterSize(w, 64<<10)
	_, _ = out.Write(bytes.TrimSuffix(head, []byte("}"))) // the two outputs are fields of the same object
	_, _ = out.WriteString(`,"stdout":"`)
	err = writeOutput(out, view, transcript.Stdout)
	if err == nil {
		_, _ = out.WriteString(`","stderr":"`)
		err = writeOutput(out, view, transcript.Stderr)
	}
	if err == nil {
		_, _ = out.WriteString(`"}`)
		_ = out.Flush()
	}
	return nil // an error is that the client has gone away
}

func writeOutput(w io.Writer, view *transcript.View, kind transcript.Kind) error {
	text := stream.NewText(w)
	err := view.Read(0, transcript.Reader{
		Text: func(k transcript.Kind, p []byte) error {
			if k != kind {
				return nil
			}
			_, err := text.Write(p)
			return err
		},
		Lost: func(stdout, stderr int64) error {
			n := stdout
			if kind == transcript.Stderr {
				n = stderr
			}
			if n == 0 {
				return nil
			}
			_, err := io.WriteString(text, missing(n))
			return err
		},
	})
	if err != nil {
		return err
	}
	return text.Close()
}

// missing stands where text was that is not kept.
func missing(n int64) string {
	return fmt.Sprintf("\n[execd: %d bytes of output are not kept here]\n", n)
}
