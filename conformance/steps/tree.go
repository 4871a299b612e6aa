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
