package stream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

// event is what a client decodes.
type event struct {
	Type           string            `json:"type"`
	Timestamp      int64             `json:"timestamp"`
	Text           string            `json:"text"`
	Results        map[string]string `json:"results"`
	ExecutionCount int               `json:"execution_count"`
	ExecutionTime  *int64            `json:"execution_time"`
	Error          *struct {
		Ename, Evalue string
		Traceback     []string
	} `json:"error"`
}

// decode holds a body to the framing that this package promises: one data line an event and a blank line.
func decode(t *testing.T, body []byte) []event {
	t.Helper()
	var events []event
	for frame := range bytes.SplitAfterSeq(body, []byte("\n\n")) {
		if len(frame) == 0 || string(frame) == ":\n\n" {
			continue
		}
		data, ok := bytes.CutPrefix(frame, []byte("data: "))
		data, ok2 := bytes.CutSuffix(data, []byte("\n\n"))
		if !ok || !ok2 || bytes.ContainsAny(data, "\n\r\u0085\u2028\u2029") || len(frame) > 4<<20 {
			t.Fatalf("bad frame of %d bytes: %.200q", len(frame), frame)
		}
		var e event
		if err := json.Unmarshal(data, &e); err != nil {
			t.Fatalf("%v in %.200q", err, data)
		}
		events = append(events, e)
	}
	return events
}

// cut runs chunks through Lines; an empty chunk stands for 100 ms of silence.
func cut(t *testing.T, chunks ...string) []string {
	t.Helper()
	w := httptest.NewRecorder()
	s := stream.NewWriter(context.Background(), w)
	defer s.Close()
	l := stream.NewLines(stream.Stdout)
	for _, c := range chunks {
		err := s.Send(func(b *stream.Batch) {
			if c != "" {
				l.Write(b, []byte(c))
				return
			}
			waiting := l.Waiting()
			before := w.Body.Len()
			l.Partial(b)
			if sent := w.Body.Len() > before; sent && !waiting {
				t.Error("Partial sent what was not waiting")
			}
			if l.Waiting() {
				t.Error("still waiting after Partial")
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_ = s.Send(l.End)
	texts := []string{}
	for _, e := range decode(t, w.Body.Bytes()) {
		if e.Type != "stdout" {
			t.Errorf("event of type %q", e.Type)
		}
		texts = append(texts, e.Text)
	}
	return texts
}

func TestLinesBecomeEvents(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		name   string
		chunks []string
		want   []string
	}{
		{"nothing", nil, []string{}},
		{"one line", []string{"a\n"}, []string{"a"}},
		{"line ends of both kinds", []string{"a\r\nb\n"}, []string{"a", "b"}},
		{"a carriage return inside stays", []string{"a\rb\n"}, []string{"a\rb"}},
		{"empty lines", []string{"\n\r\n\na\n\n"}, []string{"\n", "\n", "\n", "a", "\n"}},
		{"a line over several reads", []string{"a", "b", "c\nd", "\n"}, []string{"abc", "d"}},
		{"the last line has no end", []string{"a\nb"}, []string{"a", "b"}},
		{"a prompt, and its rest", []string{"name? ", "", "Ann\nx\n"}, []string{"name? ", "Ann", "x"}},
		{"a line end alone after a part adds none", []string{"50%", "", "\n", "\n"}, []string{"50%", "\n"}},
		{"so does one with a carriage return", []string{"50%", "", "\r\n"}, []string{"50%"}},
		{"a carriage return is held back", []string{"50%\r", "", "60%", "", "\n"}, []string{"50%", "\r60%"}},
		{"a line end over two reads", []string{"a\r", "\nb"}, []string{"a", "b"}},
		{"a line end over two reads and silence", []string{"a\r", "", "\nb"}, []string{"a", "b"}},
		{"a lone carriage return at the end", []string{"\r"}, []string{"\r"}},
		{"a character over two reads", []string{"\xe2\x82", "\xac\n"}, []string{"€"}},
		{"a character over two reads and silence", []string{"5 \xe2\x82", "", "\xac", "", "\n"}, []string{"5 ", "€"}},
		{"only the beginning of a character", []string{"\xf0\x9f", "", "\x98\x80"}, []string{"😀"}},
		{"a character that never ends", []string{"a\xe2\x82"}, []string{"a\uFFFD\uFFFD"}},
		{"not UTF-8", []string{"a\xffb\n"}, []string{"a\uFFFDb"}},
		{"short lines of every length", []string{"1\n22\n333\n4444\n55555\n666666\n7777777\n88888888\n999999999\n1\n22\n333\n"}, []string{"1", "22", "333", "4444", "55555", "666666", "7777777", "88888888", "999999999", "1", "22", "333"}},
		{"short lines with what is escaped", []string{"a\"\n\\\nc\td\n\x00\ne\x7f\n\u00e9\n\xff\n\u0085\nf\r\n\n\rg\nhhhhhhhh"}, []string{"a\"", "\\", "c\td", "\x00", "e\x7f", "é", "\uFFFD", "\u0085", "f", "\n", "\rg", "hhhhhhhh"}},
		{"the rest of a line before short ones", []string{"a", "", "b\nc\nd\ne\nf\ng\n"}, []string{"a", "b", "c", "d", "e", "f", "g"}},
		{"just as long as an event may be", []string{long, "\n"}, []string{long}},
		{"too long", []string{long, "yz", "\nb\n"}, []string{long, "yz", "b"}},
		{"too long, cut in a character", []string{long[1:] + "\xe2\x82\xac\n"}, []string{long[1:], "€"}},
		{"too long in one read", []string{long + long + "y"}, []string{long, long, "y"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, cut(t, c.chunks...)); diff != "" {
				t.Errorf("want -, got +:\n%.1000s", diff)
			}
		})
	}
}

func TestFramesStayBelowFourMiB(t *testing.T) {
	for _, unit := range []string{"\x00", "\xff", "\u0085", "\u2028", `"`, "€", "\x00\xff\u2028"} {
		line := strings.Repeat(unit, 1<<20/len(unit))
		texts := cut(t, line+"\n") // decode refuses larger frames
		if got, want := strings.Join(texts, ""), strings.ReplaceAll(line, "\xff", "\uFFFD"); got != want {
			t.Errorf("%q repeated does not come back whole", unit)
		}
	}
}

func FuzzLinesLoseNothing(f *testing.F) {
	f.Add([]byte("a\nb\r\n\n\xe2\x82\xac\xff"), uint64(0x5))
	f.Add([]byte("a\n\"\nb\nc\n\nd\re\n\n\xc3\xa4\n0123456\n01234567\nx\ny\n"), uint64(0))
	f.Fuzz(func(t *testing.T, data []byte, seams uint64) {
		var chunks []string
		from := 0
		for i := range data {
			if seams>>(i%64)&1 == 1 {
				chunks = append(chunks, string(data[from:i]), "")
				from = i
			}
		}
		chunks = append(chunks, string(data[from:]))
		want, _ := json.Marshal(string(data))
		var valid string
		_ = json.Unmarshal(want, &valid)
		texts := cut(t, chunks...)
		got := ""
		for _, text := range texts {
			got += strings.TrimSuffix(text, "\n") // an empty line; joined to a "\r" it would look like an end
		}
		if want := strings.NewReplacer("\r\n", "", "\n", "").Replace(valid); got != want {
			t.Errorf("%q in %d chunks came as %q", data, len(chunks), texts)
		}
	})
}
