package stream

import (
	"bytes"
	"io"
)

// Text writes the inside of one JSON string as its text comes, in any parts. Bytes that are not UTF-8 become
// U+FFFD; a character that comes in two parts stays one.
type Text struct {
	w    io.Writer
	held []byte // the beginning of a character
	buf  []byte
}

// NewText makes a Text on w.
func NewText(w io.Writer) *Text { return &Text{w: w} }

// Write writes text.
func (t *Text) Write(text []byte) (int, error) {
	n := len(text)
	if len(t.held) > 0 {
		text = append(t.held, text...)
	}
	ready := whole(text)
	t.buf = appendEscaped(t.buf[:0], text[:ready])
	t.held = bytes.Clone(text[ready:])
	_, err := t.w.Write(t.buf)
	return n, err
}

// Close writes what was held back. It does not close the writer below.
func (t *Text) Close() error {
	_, err := t.w.Write(appendEscaped(t.buf[:0], t.held))
	return err
}
