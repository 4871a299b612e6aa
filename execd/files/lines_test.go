package files_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLinesOfAFile(t *testing.T) {
	s := downloads(t)
	long := strings.Repeat("x", 300<<10)
	for _, c := range []struct{ content, lines, want string }{
		{"a\nb\nc\n", "1,0", "a\nb\nc"},
		{"a\nb\nc", "2,0", "b\nc"},
		{"a\nb\nc\n", "2,1", "b"},
		{"a\nb\nc\n", "3,9", "c"},
		{"a\nb\nc\n", "4,9", ""},
		{"a\nb\nc\n", "400,9", ""},
		{"a\n\nc\n", "1,2", "a\n"},
		{"\n\n", "1,0", "\n"},
		{"a\r\nb\r\n", "1,0", "a\r\nb\r"},
		{"\xff\n", "1,0", "\xff"},
		{long + "\n" + long + "\nz", "2,2", long + "\nz"},
	} {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		res, body := get(t, s, path, c.lines)
		if res.StatusCode != 200 || string(body) != c.want || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%.20q, %s: %d %.40q", c.content, c.lines, res.StatusCode, body)
		}
	}
}
