package mutant

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// Status answers with another status where the deployment answered from (0:
// anything that m picks).
func Status(m Match, from, to int) Fault {
	if from != 0 {
		m = m.On(from)
	}
	return onAnswer(m, name(m, "status %d in place of %d", to, from), func(res *http.Response, act func()) error {
		if res.StatusCode == to {
			return nil
		}
		act()
		switch {
		case to == http.StatusNoContent:
			res.Body.Close()
			res.Body = http.NoBody
			unsize(res)
		case res.StatusCode == http.StatusNoContent:
			res.Header.Set("Content-Length", "0") // the wrong status is fault enough
		}
		res.StatusCode, res.Status = to, fmt.Sprintf("%d %s", to, http.StatusText(to))
		return nil
	})
}

// Answer answers in place of the deployment, which is not asked. Body is JSON
// if it is not nil; no body has the length 0.
func Answer(m Match, status int, body any) Fault {
	return Fault{Name: name(m, "always answers %d", status), Match: m, Answer: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var text []byte
		if body != nil {
			text = jsonOf(body)
			w.Header().Set("Content-Type", "application/json")
		}
		if status != http.StatusNoContent {
			w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		}
		w.WriteHeader(status)
		_, _ = w.Write(text)
	})}
}

// SetHeader sets a header of the answer.
func SetHeader(m Match, header, value string) Fault {
	return onAnswer(m, name(m, "header %s: %s", header, value), func(res *http.Response, act func()) error {
		if got := res.Header.Values(header); len(got) != 1 || got[0] != value {
			act()
			res.Header.Set(header, value)
		}
		return nil
	})
}

// DropHeader leaves a header of the answer out. For Content-Length see Chunked.
func DropHeader(m Match, header string) Fault {
	return onAnswer(m, name(m, "no header %s", header), func(res *http.Response, act func()) error {
		if len(res.Header.Values(header)) > 0 {
			act()
			res.Header.Del(header)
		}
		return nil
	})
}

// ContentType gives the answer another content type.
func ContentType(m Match, value string) Fault { return SetHeader(m, "Content-Type", value) }

// Chunked sends the answer without a length, an empty body too.
func Chunked(m Match) Fault {
	f := onAnswer(m, name(m, "no length"), func(res *http.Response, act func()) error {
		if res.Header.Get("Content-Length") != "" {
			act()
			unsize(res)
		}
		return nil
	})
	f.unsized = true
	return f
}

// Body changes the bytes of the answer's body, which is read whole first: not
// for streams. What says how.
func Body(m Match, what string, change func([]byte) []byte) Fault {
	return onAnswer(m, name(m, "%s", what), func(res *http.Response, act func()) error {
		return editBody(res, act, change)
	})
}

// EmptyBody answers with no body, of length 0.
func EmptyBody(m Match) Fault {
	return Body(m, "no body", func([]byte) []byte { return nil })
}

// CutBody cuts the connection after n bytes of the body; a body that has no
// more is whole.
func CutBody(m Match, n int64) Fault {
	return onAnswer(m, name(m, "cut after %d bytes", n), func(res *http.Response, act func()) error {
		res.Body = &cutter{ReadCloser: res.Body, left: n, act: act}
		return nil
	})
}

// errCut makes the proxy end the connection in the middle of a body.
var errCut = errors.New("cut by the fault")

type cutter struct {
	io.ReadCloser
	left int64
	act  func()
}

func (c *cutter) Read(b []byte) (int, error) {
	if c.left <= 0 {
		n, err := c.ReadCloser.Read(b[:min(len(b), 1)])
		if n == 0 {
			return 0, err
		}
		c.act()
		return 0, errCut
	}
	n, err := c.ReadCloser.Read(b[:min(int64(len(b)), c.left)])
	c.left -= int64(n)
	return n, err
}

// Trickle sends the body in pieces of n bytes, each by itself: allowed, and a
// test of readers.
func Trickle(m Match, n int) Fault {
	return onAnswer(m, name(m, "in pieces of %d bytes", n), func(res *http.Response, act func()) error {
		res.Body = &trickler{ReadCloser: res.Body, n: n, act: act}
		return nil
	})
}

type trickler struct {
	io.ReadCloser
	n   int
	act func()
}

func (t *trickler) Read(b []byte) (int, error) {
	n, err := t.ReadCloser.Read(b[:min(len(b), t.n)])
	if n > 0 {
		t.act()
	}
	return n, err
}

// editBody reads a body whole, and puts what change makes of it in its place.
func editBody(res *http.Response, act func(), change func([]byte) []byte) error {
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	changed := change(bytes.Clone(body))
	res.Body = io.NopCloser(bytes.NewReader(changed))
	if bytes.Equal(body, changed) {
		return nil
	}
	act()
	res.ContentLength = int64(len(changed))
	res.Header.Set("Content-Length", strconv.Itoa(len(changed)))
	return nil
}

// unsize takes the length from an answer whose body will change as it comes.
func unsize(res *http.Response) {
	res.ContentLength = -1
	res.Header.Del("Content-Length")
}
