package jupyter_test

import (
	"bytes"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code/jupyter"
)

var key = []byte("key")

func TestMessages(t *testing.T) {
	_, good, err := jupyter.Encode(key, "stream", map[string]string{"text": "t"})
	if err != nil {
		t.Fatal(err)
	}
	change := func(i int, frame string) [][]byte {
		frames := append([][]byte{}, good...)
		frames[i] = []byte(frame)
		return frames
	}
	for _, c := range []struct {
		name   string
		key    []byte
		frames [][]byte
		ok     bool
	}{
		{"good", key, good, true},
		{"routed", key, append([][]byte{[]byte("topic"), {}}, good...), true},
		{"with buffers", key, append(good[:len(good):len(good)], []byte("buffer")), true},
		{"another key", []byte("other"), good, false},
		{"unsigned", key, change(1, ""), false},
		{"signature is no hex", key, change(1, "zz"), false},
		{"changed content", key, change(5, `{"text":"u"}`), false},
		{"no frames", key, nil, false},
		{"no delimiter", key, good[1:], false},
		{"only the delimiter", key, good[:1], false},
		{"a frame short", key, good[:5], false},
	} {
		t.Run(c.name, func(t *testing.T) {
			kind, _, content, err := jupyter.Decode(c.key, c.frames)
			if (err == nil) != c.ok {
				t.Fatalf("got %v", err)
			}
			if c.ok && (kind != "stream" || string(content) != `{"text":"t"}`) {
				t.Errorf("got %s %s", kind, content)
			}
		})
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"\x1b[0;31mValueError\x1b[0m: x":     "ValueError: x",
		"\x1b[38;5;1mred\x1b[1;2;3m \x1b[K.": "red .",
		"[31m stays, \x1b alone too":         "[31m stays, \x1b alone too",
	} {
		if got := jupyter.Plain(in); got != want {
			t.Errorf("%q became %q, not %q", in, got, want)
		}
	}
}

// FuzzDecode wants no panic, and nothing from messages that aren't signed. Frames are parted by NULs.
func FuzzDecode(f *testing.F) {
	_, good, err := jupyter.Encode(key, "status", map[string]string{"execution_state": "idle"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.Join(good, []byte{0}), false)
	f.Add(bytes.Join(good[2:], []byte{0}), true)
	f.Add([]byte("<IDS|MSG>"), false)
	f.Add([]byte("a\x00<IDS|MSG>\x00\x00{}\x00{}\x00{}\x00{}"), false)
	f.Add([]byte("[]\x00{\"msg_id\":1}\x00null\x00{}"), true)
	f.Fuzz(func(t *testing.T, input []byte, sign bool) {
		frames := bytes.Split(input, []byte{0})
		if sign {
			frames = jupyter.Sign(key, frames)
		}
		kind, _, content, err := jupyter.Decode(key, frames)
		if err == nil && kind == "" {
			t.Error("a message without a type")
		}
		if err == nil {
			jupyter.Replay(kind, content)
		}
	})
}
