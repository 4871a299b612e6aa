package files_test

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/files"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

func write(t testing.TB, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		must(t, os.MkdirAll(filepath.Dir(dir+"/"+name), 0o755))
		must(t, os.WriteFile(dir+"/"+name, []byte("x"), 0o644))
	}
}

// search gives the hits below dir.
func search(t *testing.T, dir, pattern string) []string {
	t.Helper()
	infos, err := hitsOf(files.Search(t.Context(), dir, pattern))
	must(t, err)
	hits := []string{}
	for _, info := range infos {
		if info.Type.Value != "file" || info.Mode != 644 || info.Size != 1 || info.ModifiedAt.IsZero() {
			t.Errorf("%+v", info)
		}
		hits = append(hits, strings.TrimPrefix(info.Path, dir+"/"))
	}
	return hits
}

func TestSearchPatterns(t *testing.T) {
	dir := oddities(t)
	must(t, os.Remove(dir+"/file"))
	write(t, dir, "a.txt", "b.go", ".hidden", "a-b/x.txt", "src/a.txt", "src/deep/er/c.txt", "src/deep/er/main.go", "we[ird]/f*.txt", "ü/ä.txt", "src/deep/b.txt")
	must(t, os.Symlink("src", dir+"/to-src"))
	must(t, os.Symlink("a.txt", dir+"/link.txt"))
	must(t, os.Symlink("..", dir+"/src/up"))
	all := []string{".hidden", "a-b/x.txt", "a.txt", "b.go", "src/a.txt", "src/deep/b.txt", "src/deep/er/c.txt", "src/deep/er/main.go", "we[ird]/f*.txt", "ü/ä.txt"}
	for pattern, want := range map[string][]string{
		"**":                all,
		"":                  all,
		"*":                 all,
		"**/*":              all,
		"*.go":              {"b.go", "src/deep/er/main.go"},
		"a.txt":             {"a.txt", "src/a.txt"},
		"?.txt":             {"a-b/x.txt", "a.txt", "src/a.txt", "src/deep/b.txt", "src/deep/er/c.txt", "ü/ä.txt"},
		"[ab].*":            {"a.txt", "b.go", "src/a.txt", "src/deep/b.txt"},
		"[^a].txt":          {"a-b/x.txt", "src/deep/b.txt", "src/deep/er/c.txt", "ü/ä.txt"},
		"*.{go,txt}":        all[1:],
		`f\*.txt`:           {"we[ird]/f*.txt"},
		"src/*.txt":         {"src/a.txt"},
		"src/**":            {"src/a.txt", "src/deep/b.txt", "src/deep/er/c.txt", "src/deep/er/main.go"},
		"src/**/*.txt":      {"src/a.txt", "src/deep/b.txt", "src/deep/er/c.txt"},
		"**/er/*":           {"src/deep/er/c.txt", "src/deep/er/main.go"},
		"*/*/*.txt":         {"src/deep/b.txt"},
		"{src,a-b}/*.txt":   {"a-b/x.txt", "src/a.txt"},
		"{src/deep,ü}/*":    {"src/deep/b.txt", "ü/ä.txt"},
		"s?c/d*/**/*.go":    {"src/deep/er/main.go"},
		`we\[ird\]/*`:       {"we[ird]/f*.txt"},
		"none":              {},
		"src":               {},
		"/a.txt":            {},
		"to-src/*":          {},
		"a.txt/":            {},
		"A.TXT":             {},
		"src/deep/../a.txt": {},
	} {
		if diff := cmp.Diff(want, search(t, dir, pattern)); diff != "" {
			t.Errorf("%q:\n%s", pattern, diff)
		}
	}
}

func TestSearchRefuses(t *testing.T) {
	dir := oddities(t)
	for _, c := range []struct {
		path, pattern string
		want          fault.Kind
	}{
		{dir, "[", fault.Invalid},
		{dir, "a[b", fault.Invalid},
		{dir, "{a,b", fault.Invalid},
		{dir, `a\`, fault.Invalid},
		{dir, strings.Repeat("{a,a}", 30), fault.Invalid},
		{dir, strings.Repeat("{a,", 12) + "a" + strings.Repeat("}", 12) + strings.Repeat("{a,a,a,a,a,a,a,a,a,a}", 3), fault.Invalid},
		{dir + "/none", "**", fault.Missing},
		{dir + "/file/x", "**", fault.Missing},
		{dir + "/dangling", "**", fault.Missing},
		{dir + "/file", "**", fault.Invalid},
		{dir + "/fifo", "**", fault.Invalid},
	} {
		if infos, err := hitsOf(files.Search(t.Context(), c.path, c.pattern)); kindOf(err) != c.want || infos != nil {
			t.Errorf("%q in %q: %v %v", c.pattern, c.path, infos, err)
		}
	}
	for _, path := range badPaths(dir) {
		if infos, err := hitsOf(files.Search(t.Context(), path, "*")); kindOf(err) != fault.Invalid || infos != nil {
			t.Errorf("%.80q: %v %v", path, infos, err)
		}
	}
}

func TestSearchAnswersAbsolutePathsThatOneCanUse(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "sub/f")
	must(t, os.Symlink("sub", dir+"/link"))
	t.Chdir(dir)
	for asked, want := range map[string]string{"sub": dir + "/sub/f", "./sub/": dir + "/./sub/f", ".": dir + "/./sub/f", dir + "/link": dir + "/link/f", dir + "/link/": dir + "/link/f", dir + "//sub": dir + "//sub/f"} {
		infos, err := hitsOf(files.Search(t.Context(), asked, "f"))
		if err != nil || len(infos) != 1 || infos[0].Path != want {
			t.Errorf("%s: %v %v", asked, infos, err)
			continue
		}
		if _, err := os.Stat(infos[0].Path); err != nil {
			t.Error(err)
		}
	}
}

func TestSearchOfTheRoot(t *testing.T) {
	infos, err := hitsOf(files.Search(t.Context(), "/", "etc/passwd"))
	if err != nil || len(infos) != 1 || infos[0].Path != "/etc/passwd" {
		t.Errorf("%v %v", infos, err)
	}
	if infos, err = hitsOf(files.Search(t.Context(), "/proc/self", "cmdline")); err != nil || len(infos) < 2 {
		t.Errorf("%v %v", infos, err)
	}
}

func TestSearchOfATreeThatIsDeeperThanAPathCanSay(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "d/d/f", "z")
	deepTree(t, dir+"/d/d", 2500)
	if hits := search(t, dir, "**"); !slices.Equal(hits, []string{"d/d/f", "z"}) {
		t.Error(hits)
	}
	must(t, files.RemoveDirs([]string{dir + "/d"})) // others remove by path
}

func TestSearchEndsWhenItsCallerGoesAway(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := files.Search(ctx, "/", "**"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestWhatMayNotBeReadIsLeftOut(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("SKIPPED: root may read everything")
	}
	dir := t.TempDir()
	write(t, dir, "a", "closed/b", "blind/c", "d")
	must(t, os.Chmod(dir+"/closed", 0))
	must(t, os.Chmod(dir+"/blind", 0o400)) // names can be read, and nothing else
	defer func() {
		_ = os.Chmod(dir+"/closed", 0o700)
		_ = os.Chmod(dir+"/blind", 0o700)
	}()
	if hits := search(t, dir, "**"); !slices.Equal(hits, []string{"a", "d"}) {
		t.Error(hits)
	}
	if infos, err := hitsOf(files.List(t.Context(), dir, 9)); err != nil || len(infos) != 4 {
		t.Errorf("%v %v", infos, err)
	}
	for _, err := range []error{
		second(hitsOf(files.List(t.Context(), dir+"/closed", 1))),
		second(hitsOf(files.Search(t.Context(), dir+"/closed", "**"))),
		files.Remove([]string{dir + "/a", dir + "/closed/b"}),
		files.Remove([]string{dir + "/a", dir + "/blind/c"}),
		files.RemoveDirs([]string{dir + "/closed"}),
		files.Move(t.Context(), moves(dir, "a", "x", "closed/b", "y")),
		files.Move(t.Context(), moves(dir, "a", "x", "d", "closed/y")),
		files.Remove([]string{dir + "/a", "/etc/passwd"}),
		files.MakeDirs(map[string]execdapi.Permission{dir + "/new": {}, "/etc/new": {}}),
		files.SetPermissions(map[string]execdapi.Permission{dir + "/a": permission(600, "-", "-"), "/etc/passwd": permission(600, "-", "-")}),
		second(files.Replace(t.Context(), replacements(dir+"/a", "x", "y", "/etc/passwd", "root", "toor"))),
	} {
		if kindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "permi") {
			t.Error(err)
		}
	}
	if hits := search(t, dir, "**"); !slices.Equal(hits, []string{"a", "d"}) {
		t.Error(hits)
	}
}

func second[T any](_ T, err error) error { return err }

// FuzzGlob holds plain patterns to a matcher that is written as one would explain them, and all others to not failing.
func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{{"*.txt", "a.txt"}, {"a*b?c", "aXXbYc"}, {"**", "x"}, {"[a-c]{x,y}\\*", "ax*"}, {"{a,{b,c}}", "c"}, {"]{", "x"}, {"a**b", "ab"}, {"!{}", "x"}} {
		f.Add(seed[0], seed[1])
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if name == "" || name == "." || name == ".." || len(name) > 40 || len(pattern) > 40 || strings.ContainsAny(name, "/\x00") {
			t.Skip("no name of a file")
		}
		file := dir + "/" + name
		must(t, os.WriteFile(file, []byte("x"), 0o644))
		defer os.Remove(file)
		infos, err := hitsOf(files.Search(t.Context(), dir, pattern))
		if err != nil {
			if kindOf(err) != fault.Invalid {
				t.Errorf("%q: %v", pattern, err)
			}
			if _, perr := path.Match(pattern, ""); perr == nil && !strings.ContainsAny(pattern, `{}[]\`) {
				t.Errorf("%q was refused: %v", pattern, err)
			}
			return
		}
		if pattern == "" || strings.ContainsAny(pattern, `{}[]\/`) || strings.Contains(pattern+name, "\uFFFD") || strings.ToValidUTF8(pattern+name, "") != pattern+name {
			return
		}
		if want := naive([]rune(pattern), []rune(name)); (len(infos) == 1) != want {
			t.Errorf("%q on %q: %v, want %v", pattern, name, infos, want)
		}
	})
}

// naive matches "*" and "?".
func naive(pattern, name []rune) bool {
	switch {
	case len(pattern) == 0:
		return len(name) == 0
	case pattern[0] == '*':
		return naive(pattern[1:], name) || len(name) > 0 && naive(pattern, name[1:])
	default:
		return len(name) > 0 && (pattern[0] == '?' || pattern[0] == name[0]) && naive(pattern[1:], name[1:])
	}
}
