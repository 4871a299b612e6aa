package driver_test

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code/driver"
)

func TestFrames(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string // kind and fields, or "" where it is refused
	}{
		{"h\n", "h"},
		{"d\nrest", "d"},
		{"c 1\n7", "c|7"},
		{"r 4 0\ntext", "r|text|"},
		{"e 1 2 3\nabbccc", "e|a|bb|ccc"},
		{"e 0 0 0\n", "e|||"},
		{"", ""},
		{"\n", ""},
		{"h", ""},
		{"x\n", ""},
		{"hh\n", ""},
		{"h 0\n", ""},
		{"c\n", ""},
		{"c -1\n", ""},
		{"c +1\n7", ""},
		{"c  1\n7", ""},
		{"c 1\n", ""},
		{"r 1\na", ""},
		{"r\n", ""},
		{"e 1 2\nabb", ""},
		{"r 5 99999999999999999999\n", ""},
		{"r 5 2147483648\n", ""},
		{"r 67108864 1\n", ""},
		{"r" + strings.Repeat(" 0", 66) + "\n", ""},
		{strings.Repeat("x", 1<<20), ""},
	} {
		kind, fields, err := driver.ReadFrame(bufio.NewReader(strings.NewReader(c.in)))
		got := ""
		if err == nil {
			got = strings.Join(append([]string{string(kind)}, fields...), "|")
		}
		if got != c.want {
			t.Errorf("%.50q: %q, %v", c.in, got, err)
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("h\nc 1\n7r 4 1\ntext1d\n"))
	f.Add([]byte("e 1 2 3\nabbccc"))
	f.Add([]byte("r 4 99999999\ntext"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bufio.NewReader(bytes.NewReader(in))
		size := 0
		for {
			_, fields, err := driver.ReadFrame(r)
			if err != nil {
				return
			}
			for _, field := range fields {
				size += len(field)
			}
			if size > len(in) {
				t.Fatalf("%d bytes came of %d", size, len(in))
			}
		}
	})
}
