package steps

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"
	"github.com/cucumber/godog"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
)

func (w *World) tree(s *register) {
	s.step(`these are there`, w.make)
	s.step(`these are there, and nothing else below "(.*)"`, w.nothingElse)
	s.step(`I call (removeFiles|removeDirs) for the paths "(.*)"`, func(ctx context.Context, id, paths string) error {
		return w.call(ctx, id, judge.Request{Query: url.Values{"path": w.paths(paths)}.Encode()})
	})
	s.step(`I search "(.*)" for "(.*)"`, func(ctx context.Context, root, pattern string) error {
		return w.call(ctx, "searchFiles", judge.Request{Query: url.Values{"path": {w.expand(root)}, "pattern": {pattern}}.Encode()})
	})
	s.step(`I search "(.*)" without a pattern`, func(ctx context.Context, root string) error {
		return w.call(ctx, "searchFiles", judge.Request{Query: url.Values{"path": {w.expand(root)}}.Encode()})
	})
	s.step(`I list "(.*)"`, func(ctx context.Context, dir string) error {
		return w.call(ctx, "listDirectory", judge.Request{Query: url.Values{"path": {w.expand(dir)}}.Encode()})
	})
	s.step(`I list "(.*)", (\d+) levels deep`, func(ctx context.Context, dir, depth string) error {
		return w.call(ctx, "listDirectory", judge.Request{Query: url.Values{"path": {w.expand(dir)}, "depth": {depth}}.Encode()})
	})
	s.step(`exactly these are found`, func(_ context.Context, table *godog.Table) error { return w.found(table, false) })
	s.step(`these are found, in this order`, func(_ context.Context, table *godog.Table) error { return w.found(table, true) })
	s.step(`nothing is found`, func(context.Context) error { return w.found(&godog.Table{}, false) })
	s.step(`the files found are`, w.filesFound)
	s.step(`no directory is found`, func(ctx context.Context) error {
		for _, hit := range w.hits() {
			p := hit.text("path")
			said, err := w.quiet(ctx, "[ -d "+shellescape.Quote(p)+" ] && [ ! -L "+shellescape.Quote(p)+" ] && echo directory")
			if err != nil {
				return err
			}
			if said == "directory" {
				return w.check(false, "a directory is found among the files", "files only", p)
			}
		}
		return w.check(w.last.OK(), "there is no answer", "hits", w.answer())
	})
	s.step(`nothing below "(.*)" is found`, func(_ context.Context, root string) error {
		for _, hit := range w.hits() {
			if p := hit.text("path"); strings.HasPrefix(p, w.expand(root)) {
				return w.check(false, "a link was followed", "nothing below "+w.expand(root), p)
			}
		}
		return w.check(w.last.OK(), "there is no answer", "hits", w.answer())
	})
	s.step(`every path found is absolute`, func(context.Context) error {
		for _, hit := range w.hits() {
			if p := hit.text("path"); !path.IsAbs(p) {
				return w.check(false, "a path is not absolute", "a path that begins with /", quoted(p))
			}
		}
		return w.check(w.last.OK() && len(w.hits()) > 0, "nothing was found", "hits", w.answer())
	})
	s.step(`the entry "(.*)" has (\w+) (\S+)`, func(_ context.Context, p, field, want string) error {
		for _, hit := range w.hits() {
			if path.Clean(hit.text("path")) == w.expand(p) {
				got, _ := hit.at(field)
				return w.check(fmt.Sprint(got) == want, field+" of an entry is another", want, fmt.Sprint(got))
			}
		}
		return w.check(false, "an entry is missing", w.expand(p), w.answer())
	})
	s.step(`"(.*)" holds "(.*)"`, func(ctx context.Context, p, want string) error { return w.holds(ctx, p, unescape(want)) })
	s.step(`"(.*)" holds one of "(.*)", "(.*)", "(.*)"`, func(ctx context.Context, p, a, b, c string) error {
		return w.holds(ctx, p, a, b, c)
	})
	s.step(`"(.*)" has the mode (\d+)`, func(ctx context.Context, p, want string) error {
		return w.stat(ctx, p, "%a", want)
	})
	s.step(`"(.*)" belongs to "(.*)"`, func(ctx context.Context, p, want string) error {
		return w.stat(ctx, p, "%U:%G", want)
	})
	s.step(`the daemon may change owners`, w.mayChangeOwners)
	s.step(`I remember that line as the daemon's own`, func(context.Context) error {
		w.vars["own"] = strings.TrimSpace(joined(w.out.stdout))
		return nil
	})
	s.step(`one was refused with 400 and both stay, or "(.*)" is now what "(.*)" was`, w.movedOnto)
	s.step(`I call (\w+) with the query "([^"]*)" and the body`, func(ctx context.Context, id, query string, doc *godog.DocString) error {
		text := w.expand(doc.Content)
		fields := map[string]any{}
		_ = json.Unmarshal([]byte(text), &fields) // the feature's own
		return w.call(ctx, id, judge.Request{Query: query, Body: []byte(text), Fields: fields, Header: http.Header{"Content-Type": {"application/json"}}})
	})
	s.step(`I upload "(.*)" with bytes that are no text, (\d+) of them, and "(\w+)" in three places`, func(ctx context.Context, p string, n int, needle string) error {
		data := make([]byte, n)
		_, _ = rand.Read(data) // crypto/rand.Read never fails
		data = bytes.ReplaceAll(data, []byte(needle), nil)
		for _, at := range []int{0, 65536 - 3, len(data) - len(needle)} { // one over the edge of a usual buffer
			copy(data[at:], needle)
		}
		w.put[w.expand(p)] = data
		return w.uploadPairs(ctx, false, w.pair(p, data, nil))
	})
	s.step(`"(.*)" is what was uploaded, with "(\w+)" for "(\w+)"`, func(ctx context.Context, p, now, was string) error {
		want := bytes.ReplaceAll(w.put[w.expand(p)], []byte(was), []byte(now))
		var got []byte
		if err := w.aside(func() error {
			err := w.download(ctx, p, "", "")
			if err == nil {
				got = w.last.Body
			}
			return err
		}); err != nil {
			return err
		}
		return w.check(bytes.Equal(want, got), "a file holds something else", fmt.Sprintf("%d bytes", len(want)),
			fmt.Sprintf("%d bytes, the first difference at %d", len(got), differs(want, got)))
	})
	s.step(`"(.*)" is owned by "(.*)"`, func(ctx context.Context, p, want string) error { return w.stat(ctx, p, "%U", want) })
	s.step(`"(.*)" has the group "(.*)"`, func(ctx context.Context, p, want string) error { return w.stat(ctx, p, "%G", want) })
	s.step(`"(.*)" is a directory`, func(ctx context.Context, p string) error { return w.stat(ctx, p, "%F", "directory") })
	s.step(`each of them is found once`, func(context.Context) error {
		seen := map[string]bool{}
		for _, hit := range w.hits() {
			p := hit.text("path")
			if seen[p] {
				return w.check(false, "a file is found twice", "each once", p)
			}
			seen[p] = true
		}
		return w.check(w.last.OK(), "there is no answer", "hits", w.answer())
	})
	s.step(`the paths found are, to the letter`, func(_ context.Context, table *godog.Table) error {
		var want, got []string
		for _, row := range table.Rows {
			want = append(want, w.expand(row.Cells[0].Value))
		}
		for _, hit := range w.hits() {
			got = append(got, hit.text("path"))
		}
		slices.Sort(want)
		slices.Sort(got)
		return w.check(w.last.OK() && slices.Equal(want, got), "paths are written in another way", fmt.Sprintf("%q", want), fmt.Sprintf("%.600q", got)+w.why())
	})
	s.step(`it was refused with 400 and both directories stay, or "(.*)" is now what "(.*)" was`, w.directoryMovedOnto)
	s.step(`where that was refused, "(.*)" and "(.*)" are still there, and "(.*)" is not`, func(ctx context.Context, a, b, moved string) error {
		if w.last.OK() {
			return w.check(true, "", "", "") // it was done, and none failed
		}
		for p, want := range map[string]bool{a: true, b: true, moved: false} {
			there, err := w.exists(ctx, w.expand(p))
			if err != nil {
				return err
			}
			if err := w.check(there == want, "a request that was refused was half done", fmt.Sprintf("%s there: %v", w.expand(p), want), fmt.Sprint(there)); err != nil {
				return err
			}
		}
		return nil
	})
	s.step(`I download "([^"]*)", for at most (\d+) s`, func(ctx context.Context, p string, seconds int) error {
		return w.call(ctx, "downloadFile", judge.Request{Query: url.Values{"path": {w.expand(p)}}.Encode(), Limit: time.Duration(seconds) * time.Second})
	})
	s.step(`the info on "(.*)" says (\w+) "(.*)"`, func(_ context.Context, p, field, want string) error {
		entry, _ := body(w.last)[w.expand(p)].(map[string]any)
		got, _ := entry[field].(string)
		return w.check(w.last.OK() && got == w.expand(want), field+" is another", w.expand(want), fmt.Sprint(entry[field])+w.why())
	})
	s.step(`the info on "(.*)" says that it was modified at (\d+)`, func(_ context.Context, p string, seconds int64) error {
		entry, _ := body(w.last)[w.expand(p)].(map[string]any)
		at, ok := object(entry).time("modified_at")
		return w.check(ok && at.Unix() == seconds, "modified_at is another time", stamp(time.Unix(seconds, 0)), fmt.Sprint(entry["modified_at"])+w.why())
	})
	s.step(`the answer counts (\d+) for "(.*)"`, func(_ context.Context, want int, p string) error {
		entry, _ := body(w.last)[w.expand(p)].(map[string]any)
		got, there := entry["replacedCount"].(float64)
		return w.check(there && int(got) == want, "the count of replacements is another", fmt.Sprint(want), quoted(string(w.last.Body))+w.why())
	})
}

func (w *World) paths(list string) []string {
	var paths []string
	for p := range strings.SplitSeq(list, ", ") {
		paths = append(paths, w.expand(p))
	}
	return paths
}

// make puts a tree there by one command: directories end in a slash, links name their target behind an arrow, and
// files hold their own text.
func (w *World) make(ctx context.Context, table *godog.Table) error {
	script := []string{"umask 022"}
	for _, row := range table.Rows {
		name, target, link := strings.Cut(row.Cells[0].Value, " -> ")
		name = w.expand(name)
		text := "osc"
		if len(row.Cells) > 1 {
			text = row.Cells[1].Value
		}
		q := shellescape.Quote(name)
		switch {
		case link:
			script = append(script, "ln -s "+shellescape.Quote(w.expand(target))+" "+q)
		case strings.HasSuffix(name, "/"):
			script = append(script, "mkdir -p "+q)
		default:
			script = append(script, "mkdir -p "+shellescape.Quote(path.Dir(name)), "printf %b "+shellescape.Quote(strings.ReplaceAll(text, "%", "%"))+" > "+q)
		}
	}
	said, err := w.quiet(ctx, strings.Join(script, " && ")+" && echo made")
	if err != nil {
		return err
	}
	if said != "made" {
		return unjudged("the files of the scenario can't be made: %s", said)
	}
	return nil
}

// nothingElse compares a whole tree with what is to be there: "path" and, for a file, its text.
func (w *World) nothingElse(ctx context.Context, root string, table *godog.Table) error {
	root = w.expand(root)
	said := ""
	err := w.aside(func() error {
		err := w.command(ctx, "cd "+shellescape.Quote(root)+" && find . -mindepth 1 | LC_ALL=C sort", false)
		said = strings.Join(w.out.stdout, "\n")
		return err
	})
	if err != nil {
		return err
	}
	var got, want []string
	for line := range strings.SplitSeq(said, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			got = append(got, strings.TrimPrefix(line, "./"))
		}
	}
	for _, row := range table.Rows {
		want = append(want, strings.TrimSuffix(row.Cells[0].Value, "/"))
	}
	slices.Sort(got)
	slices.Sort(want)
	if err := w.check(slices.Equal(want, got), "the files below "+root+" are others", fmt.Sprintf("%q", want), fmt.Sprintf("%.400q", got)); err != nil {
		return err
	}
	for _, row := range table.Rows {
		if len(row.Cells) > 1 && row.Cells[1].Value != "" && slices.Contains(got, row.Cells[0].Value) {
			if err := w.holds(ctx, path.Join(root, row.Cells[0].Value), unescape(row.Cells[1].Value)); err != nil {
				return err
			}
		}
	}
	return nil
}

// holds checks what is in a file. It is read by a download, which keeps every byte.
func (w *World) holds(ctx context.Context, p string, wanted ...string) error {
	var got []byte
	answer := ""
	err := w.aside(func() error {
		err := w.download(ctx, p, "", "")
		if err == nil {
			got, answer = w.last.Body, w.why()
		}
		return err
	})
	if err != nil {
		return err
	}
	var list []string
	for _, want := range wanted {
		list = append(list, quoted(want))
	}
	kept := answer == "" && slices.Contains(wanted, string(got))
	return w.check(kept, "a file holds something else", strings.Join(list, " or "), quoted(string(got))+answer)
}

// hits are the entries of the latest answer, where it is a list.
func (w *World) hits() []object {
	var list []object
	_ = json.Unmarshal(w.last.Body, &list) // what is no list is told by the document's check
	return list
}

// found compares the paths of the latest answer with those of a table.
func (w *World) found(table *godog.Table, ordered bool) error {
	var want, got []string
	for _, row := range table.Rows {
		want = append(want, w.expand(row.Cells[0].Value))
	}
	for _, hit := range w.hits() {
		got = append(got, strings.TrimSuffix(hit.text("path"), "/"))
	}
	if !ordered {
		slices.Sort(want)
		slices.Sort(got)
	}
	return w.check(w.last.OK() && slices.Equal(want, got), "other paths are found", fmt.Sprintf("%q", want), fmt.Sprintf("%.600q", got)+w.why())
}

// filesFound compares the files of the latest answer: directories among the hits are a matter of another requirement.
func (w *World) filesFound(ctx context.Context, table *godog.Table) error {
	var want []string
	for _, row := range table.Rows {
		want = append(want, w.expand(row.Cells[0].Value))
	}
	missing, more := []string{}, []string{}
	var paths []string
	for _, hit := range w.hits() {
		p := path.Clean(hit.text("path"))
		paths = append(paths, p)
		if !slices.Contains(want, p) {
			more = append(more, p)
		}
	}
	for _, p := range want {
		if !slices.Contains(paths, p) {
			missing = append(missing, p)
		}
	}
	var files []string
	for _, p := range more {
		said, err := w.quiet(ctx, "if [ -L "+shellescape.Quote(p)+" ]; then echo link; elif [ -d "+shellescape.Quote(p)+" ]; then echo directory; else echo file; fi")
		if err != nil {
			return err
		}
		if said == "file" {
			files = append(files, p)
		}
	}
	kept := w.last.OK() && len(missing) == 0 && len(files) == 0
	return w.check(kept, "other files are found", fmt.Sprintf("%q", want), fmt.Sprintf("missing %q, too many %.400q", missing, files)+w.why())
}

// mayChangeOwners is about a condition of requirements: only root can give files away.
func (w *World) mayChangeOwners(ctx context.Context) error {
	known := &w.Target.facts
	const name = "owners can be changed"
	may, found := known.Found(name)
	if !found {
		said, err := w.quiet(ctx, `f="${TMPDIR:-/tmp}/osc-owner-$$"; : > "$f" && chown 1 "$f" 2>/dev/null && echo may; rm -f "$f"`)
		if err != nil {
			return err
		}
		may = said == "may"
		known.Set(name, may)
	}
	if !may {
		return &Skip{"the daemon may not change owners here"}
	}
	users, err := w.quiet(ctx, `u= g=; while IFS=: read -r n p i r; do case "$n" in *[!a-z]*) ;; *) if [ "$i" -gt 0 ] && [ "$i" -lt 1000 ] && grep -q "^$n:" /etc/group; then if [ -z "$u" ]; then u=$n; elif [ -z "$g" ]; then g=$n; fi; fi ;; esac; done < /etc/passwd; echo "$u $g"`)
	if err != nil {
		return err
	}
	names := strings.Fields(users)
	if len(names) != 2 {
		return &Skip{"the image does not name two users that are groups too"}
	}
	w.vars["user"], w.vars["group"] = names[0], names[1]
	return nil
}

// movedOnto checks a move onto a path that exists: refused, or the destination replaced whole.
func (w *World) movedOnto(ctx context.Context, dest, src string) error {
	if w.last.OK() {
		there, err := w.exists(ctx, w.expand(src))
		if err != nil {
			return err
		}
		if err := w.check(!there, "a move that was made left its source", "no "+w.expand(src), "it is there"); err != nil {
			return err
		}
		return w.holds(ctx, dest, "first")
	}
	if err := w.status("400"); err != nil {
		return err
	}
	if err := w.holds(ctx, src, "first"); err != nil {
		return err
	}
	return w.holds(ctx, dest, "second")
}

// directoryMovedOnto checks a move of a directory, which holds "in", onto another, which holds "other".
func (w *World) directoryMovedOnto(ctx context.Context, dest, src string) error {
	want := map[string]bool{src + "/in": true, dest + "/other": true, dest + "/in": false}
	if w.last.OK() {
		want = map[string]bool{src: false, dest + "/other": false, dest + "/in": true}
	} else if err := w.status("400"); err != nil {
		return err
	}
	for p, there := range want {
		got, err := w.exists(ctx, w.expand(p))
		if err != nil {
			return err
		}
		if err := w.check(got == there, "a directory was neither left alone nor replaced whole", fmt.Sprintf("%s there: %v", w.expand(p), there), fmt.Sprint(got)); err != nil {
			return err
		}
	}
	return nil
}

// stat checks one thing that stat(1) says of a path.
func (w *World) stat(ctx context.Context, p, format, want string) error {
	got, err := w.quiet(ctx, "stat -c "+format+" "+shellescape.Quote(w.expand(p)))
	if err != nil {
		return err
	}
	what := map[string]string{"%a": "the mode", "%U": "the owner", "%G": "the group", "%U:%G": "owner and group", "%F": "the type"}[format]
	return w.check(got == w.expand(want), what+" of "+path.Base(w.expand(p))+" is another", w.expand(want), quoted(got))
}
