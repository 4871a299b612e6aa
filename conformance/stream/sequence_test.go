package stream_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/stream"
)

const (
	codeMust   = `init (status | stdout | stderr | result | execution_count)* (execution_complete | error execution_complete?)`
	codeShould = `init (status | stdout | stderr | result | execution_count)* (execution_complete | error)`
	command    = `init (status | stdout | stderr)* (execution_complete | error)`
	background = `init status* (execution_complete | error)`
)

func compile(t *testing.T, expr string) *stream.Sequence {
	t.Helper()
	s, err := stream.CompileSequence(expr)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSequencesOfTheContract(t *testing.T) {
	body := []string{"stderr", "stdout", "status"}
	code := []string{"execution_count", "result", "status", "stderr", "stdout"}
	ends := []string{"error", "execution_complete"}
	with := func(sets ...[]string) []string {
		all := slices.Concat(sets...)
		slices.Sort(all)
		return all
	}
	for _, tc := range []struct {
		name, expr, types string
		want              *stream.Mismatch
	}{
		{"a command", command, "init stdout stderr stdout execution_complete", nil},
		{"a silent command", command, "init execution_complete", nil},
		{"a failed command", command, "init stderr error", nil},
		{"nothing", command, "", &stream.Mismatch{Index: 0, Want: []string{"init"}}},
		{"no init", command, "stdout error", &stream.Mismatch{Index: 0, Got: "stdout", Want: []string{"init"}}},
		{"init twice", command, "init init", &stream.Mismatch{Index: 1, Got: "init", Want: with(body, ends)}},
		{"no end", command, "init stdout", &stream.Mismatch{Index: 2, Want: with(body, ends)}},
		{"output after the end", command, "init error stdout", &stream.Mismatch{Index: 2, Got: "stdout", Want: []string{}, End: true}},
		{"a result of a command", command, "init result error", &stream.Mismatch{Index: 1, Got: "result", Want: with(body, ends)}},
		{"code", codeMust, "init execution_count stdout result execution_complete", nil},
		{"code, complete after an error", codeMust, "init error execution_complete", nil},
		{"code, error alone", codeMust, "init error", nil},
		{"code, error after complete", codeMust, "init execution_complete error", &stream.Mismatch{Index: 2, Got: "error", Want: []string{}, End: true}},
		{"code, output after an error", codeMust, "init error stdout", &stream.Mismatch{Index: 2, Got: "stdout", Want: []string{"execution_complete"}, End: true}},
		{"code, the stricter one", codeShould, "init error execution_complete", &stream.Mismatch{Index: 2, Got: "execution_complete", Want: []string{}, End: true}},
		{"code without end", codeMust, "init", &stream.Mismatch{Index: 1, Want: with(code, ends)}},
		{"background", background, "init status status execution_complete", nil},
		{"background with output", background, "init stdout execution_complete", &stream.Mismatch{Index: 1, Got: "stdout", Want: with([]string{"status"}, ends)}},
		{"a type that is not named", background, "init foo", &stream.Mismatch{Index: 1, Got: "foo", Want: with([]string{"status"}, ends)}},
		{"plus needs one", "a+ b", "b", &stream.Mismatch{Index: 0, Got: "b", Want: []string{"a"}}},
		{"a choice by its second type", "a b | a c", "a d", &stream.Mismatch{Index: 1, Got: "d", Want: []string{"b", "c"}}},
		{"may be empty", "(a* | b?)", "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := compile(t, tc.expr).Check(strings.Fields(tc.types))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got): %s", diff)
			}
		})
	}
}

func TestAMismatchTellsItselfInWords(t *testing.T) {
	s := compile(t, "init error execution_complete?")
	for _, tc := range []struct{ types, want string }{
		{"init error init", "at event 2 came init, expected execution_complete or the end of the stream"},
		{"init", "at event 1 came the end of the stream, expected error"},
		{"init error execution_complete init", "at event 3 came init, expected the end of the stream"},
	} {
		if got := s.Check(strings.Fields(tc.types)).String(); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.types, got, tc.want)
		}
	}
}

func TestARunKnowsWhenTheStreamMayAndMustEnd(t *testing.T) {
	s := compile(t, codeMust)
	if diff := cmp.Diff([]string{"error", "execution_complete", "execution_count", "init", "result", "status", "stderr", "stdout"}, s.Types()); diff != "" {
		t.Errorf("types: %s", diff)
	}
	type step struct {
		t              string
		ok, done, over bool
	}
	for _, steps := range [][]step{
		{{"init", true, false, false}, {"init", false, false, false}, {"stdout", true, false, false}, {"error", true, true, false}, {"stdout", false, true, false}, {"execution_complete", true, true, true}, {"error", false, true, true}},
		{{"stdout", false, false, false}, {"init", true, false, false}, {"execution_complete", true, true, true}},
	} {
		run := s.NewRun()
		for _, st := range steps {
			if got := (step{st.t, run.Step(st.t), run.Done(), run.Over()}); got != st {
				t.Errorf("got %+v, want %+v", got, st)
			}
		}
	}
}

func TestAnExpressionThatIsWrongSaysWhere(t *testing.T) {
	for _, tc := range []struct {
		expr string
		at   int
		says string
	}{
		{"", 0, "found the end"},
		{"   ", 3, "found the end"},
		{"a |", 3, "found the end"},
		{"a || b", 3, `found '|'`},
		{"| a", 0, `found '|'`},
		{"(a", 2, `")" for the "(" at position 1`},
		{"a)", 1, `")" without "("`},
		{"()", 1, `found ')'`},
		{"*a", 0, `found '*'`},
		{"a**", 2, "parentheses"},
		{"a* ?", 3, "parentheses"},
		{"a, b", 1, `found ','`},
		{"a B", 2, `found 'B'`},
		{"a 1", 2, `found '1'`},
		{"a é", 2, `found 'é'`},
		{"a\x00b", 1, `found '\x00'`},
		{strings.Repeat("a ", 3000), 4096, "longer"},
		{strings.Repeat("a ", 600), 1024, "512 names"},
		{strings.Repeat("(", 100), 64, "64 deep"},
		{"(a|b)* a" + strings.Repeat("(a|b)", 20), 0, "states"},
	} {
		_, err := stream.CompileSequence(tc.expr)
		var syntax *stream.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%.20q: %v", tc.expr, err)
			continue
		}
		if syntax.Offset != tc.at || !strings.Contains(syntax.Message, tc.says) {
			t.Errorf("%.20q: at %d %q, want at %d %q", tc.expr, syntax.Offset, syntax.Message, tc.at, tc.says)
		}
	}
}

// pattern is the same expression for package regexp, a letter for each type.
func pattern(s *stream.Sequence) (*regexp.Regexp, func([]string) string) {
	letter := func(t string) string {
		i := slices.Index(s.Types(), t)
		return string(rune(0x4E00 + i)) // -1 gives a letter that no type has
	}
	p := regexp.MustCompile(`[a-z_]+`).ReplaceAllStringFunc(s.String(), letter)
	p = regexp.MustCompile(`[ \t\r\n]`).ReplaceAllString(p, "")
	return regexp.MustCompile(`\A(?:` + p + `)\z`), func(types []string) string {
		text := ""
		for _, t := range types {
			text += letter(t)
		}
		return text
	}
}

func FuzzSequence(f *testing.F) {
	for _, e := range []string{codeMust, command, background, "a+ (b|c?)* | (a b)+", "(((a)))?", "a (b", "(a* b*)+ c?"} {
		f.Add(e, []byte{0, 1, 1, 2, 9})
		f.Add(e, []byte{3, 1})
	}
	f.Fuzz(func(t *testing.T, expr string, picks []byte) {
		s, err := stream.CompileSequence(expr)
		if err != nil || len(expr) > 200 {
			return
		}
		names := append(s.Types(), "zz_unknown")
		var types []string
		for _, p := range picks {
			types = append(types, names[int(p)%len(names)])
		}
		matches, text := pattern(s)
		m := s.Check(types)
		if (m == nil) != matches.MatchString(text(types)) {
			t.Fatalf("%q on %v: %v", expr, types, m)
		}
		if m != nil && !m.End && len(m.Want) == 0 {
			t.Fatalf("%q on %v: nothing could have come", expr, types)
		}
	})
}
