package steps

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"github.com/cucumber/godog"
)

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
			script = append(script, "mkdir -p "+shellescape.Quote(path.Dir(name)), "printf %b "+shellescape.Quote(text)+" > "+q)
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

// stat checks one thing that stat(1) says of a path.
func (w *World) stat(ctx context.Context, p, format, want string) error {
	got, err := w.quiet(ctx, "stat -c "+format+" "+shellescape.Quote(w.expand(p)))
	if err != nil {
		return err
	}
	what := map[string]string{"%a": "the mode", "%U": "the owner", "%G": "the group", "%U:%G": "owner and group", "%F": "the type"}[format]
	return w.check(got == w.expand(want), what+" of "+path.Base(w.expand(p))+" is another", w.expand(want), quoted(got))
}
