package steps

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
)

func (w *World) listing(s *register) {
	s.step(`(\d+) sandboxes with the metadata`, w.several)
	s.step(`I pause the first of them`, func(ctx context.Context) error {
		first := *w
		first.boxes = w.boxes[:1]
		if err := first.call(ctx, "pauseSandbox", judge.Request{}); err != nil {
			return err
		}
		if !first.last.OK() {
			return unjudged("the sandbox can't be paused: %s", first.answer())
		}
		return first.becomes(ctx, "Paused")
	})
	s.step(`a list of all of them is answered 200`, func(ctx context.Context) error {
		if _, err := w.list(ctx, w.mine("")); err != nil {
			return err
		}
		return w.status("200")
	})
	s.step(`the metadata filter "(.*)" finds (.*) of them`, func(ctx context.Context, filter, which string) error {
		return w.finds(ctx, w.mine(filter), which)
	})
	s.step(`the states? (\w+)(?: and (\w+))? finds? (.*) of them`, func(ctx context.Context, a, b, which string) error {
		return w.finds(ctx, w.mine("")+states(a, b), which)
	})
	s.step(`the state (\w+) and the metadata filter "(.*)" find (.*) of them`, func(ctx context.Context, a, filter, which string) error {
		return w.finds(ctx, w.mine(filter)+states(a), which)
	})
	s.step(`in pages of (\d+) (.*) of them come once each by the filter "(.*)", and the numbers are right`, w.pages)
	s.step(`the newest of them comes first`, func(ctx context.Context) error {
		x, err := w.list(ctx, w.mine(""))
		if err != nil {
			return err
		}
		var want []string
		for _, box := range slices.Backward(w.boxes) {
			want = append(want, box.ID)
		}
		got := listed(x)
		return w.check(slices.Equal(want, got), "the order is another", fmt.Sprint(want), fmt.Sprint(got)+w.why())
	})
	s.step(`page (\d+) of them is empty and says that it is page \d+`, func(ctx context.Context, page int) error {
		x, err := w.list(ctx, w.mine("")+fmt.Sprintf("&page=%d", page))
		if err != nil {
			return err
		}
		kept := x.OK() && len(listed(x)) == 0 && number(x, "page") == page
		return w.check(kept, "a page past the last", fmt.Sprintf("no items, and page %d", page),
			fmt.Sprintf("%d items, page %d", len(listed(x)), number(x, "page"))+w.why())
	})
	s.step(`the page size in the answer is (\d+)`, func(_ context.Context, want int) error {
		return w.check(number(w.last, "pageSize") == want, "the page size is another", fmt.Sprint(want), fmt.Sprint(number(w.last, "pageSize")))
	})
	s.step(`a sandbox that is 404 is in no list`, w.notListed)
}

// several makes sandboxes that a mark of their own keeps apart from all others, and waits for them.
func (w *World) several(ctx context.Context, n int, table *godog.Table) error {
	w.vars["mark"] = newMark()
	for _, row := range table.Rows[1 : n+1] {
		metadata := map[string]any{"osc-mark": w.vars["mark"]}
		for i, cell := range row.Cells {
			metadata[table.Rows[0].Cells[i].Value] = cell.Value
		}
		made := len(w.boxes)
		if err := w.createSandbox(ctx, map[string]any{"metadata": metadata}); err != nil {
			return err
		}
		if len(w.boxes) == made {
			return unjudged("there is no sandbox: %s", w.answer())
		}
	}
	for i := range w.boxes {
		one := *w
		one.boxes = w.boxes[i : i+1]
		if err := one.becomes(ctx, "Running"); err != nil {
			return err
		}
	}
	return nil
}

// mine is the query for the sandboxes of this scenario that a further filter lets through.
func (w *World) mine(filter string) string {
	value := "osc-mark=" + w.vars["mark"]
	if filter != "" {
		value = filter + "&" + value
	}
	return "metadata=" + url.QueryEscape(value)
}

func states(names ...string) string {
	query := ""
	for _, name := range names {
		if name != "" {
			query += "&state=" + name
		}
	}
	return query
}

func (w *World) list(ctx context.Context, query string) (*exchange.Exchange, error) {
	return w.do(ctx, w.Target.Lifecycle, judge.Request{
		Operation: w.Target.Lifecycle.Document.Operation("listSandboxes"), Query: query,
	})
}

// finds checks which of the scenario's sandboxes a query lists.
func (w *World) finds(ctx context.Context, query, which string) error {
	x, err := w.list(ctx, query)
	if err != nil {
		return err
	}
	want, got := w.which(which), listed(x)
	slices.Sort(got)
	return w.check(x.OK() && slices.Equal(want, got), "the list for "+query+" is another", fmt.Sprintf("%d sandboxes: %v", len(want), want),
		fmt.Sprintf("%d sandboxes: %v", len(got), got)+w.why())
}

// which picks the ids of this scenario's sandboxes that a step names, sorted.
func (w *World) which(names string) []string {
	var ids []string
	for i, name := range []string{"first", "second", "third"} {
		if names == "all" || strings.Contains(names, name) {
			ids = append(ids, w.boxes[i].ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func listed(x *exchange.Exchange) []string {
	var ids []string
	items, _ := body(x)["items"].([]any)
	for _, item := range items {
		o, _ := item.(map[string]any)
		ids = append(ids, object(o).text("id"))
	}
	return ids
}

func number(x *exchange.Exchange, name string) int {
	pagination, _ := body(x)["pagination"].(map[string]any)
	value, ok := pagination[name].(float64)
	if !ok {
		return -1
	}
	return int(value)
}

func (w *World) pages(ctx context.Context, size int, which, filter string) error {
	wanted := w.which(which)
	total := len(wanted)
	count := (total + size - 1) / size
	var seen []string
	for page := 1; page <= count; page++ {
		x, err := w.list(ctx, w.mine(filter)+fmt.Sprintf("&page=%d&pageSize=%d", page, size))
		if err != nil {
			return err
		}
		pagination, _ := body(x)["pagination"].(map[string]any)
		want := fmt.Sprintf("page %d of %d, %d to a page, %d in all, more: %v", page, count, size, total, page < count)
		got := fmt.Sprintf("page %d of %d, %d to a page, %d in all, more: %v", number(x, "page"), number(x, "totalPages"),
			number(x, "pageSize"), number(x, "totalItems"), pagination["hasNextPage"])
		if err := w.check(want == got, "the numbers of a page are wrong", want, got+w.why()); err != nil {
			return err
		}
		if n := len(listed(x)); n > size {
			if err := w.check(false, "a page has more than its size", fmt.Sprint(size), fmt.Sprint(n)); err != nil {
				return err
			}
		}
		seen = append(seen, listed(x)...)
	}
	slices.Sort(seen)
	return w.check(slices.Equal(wanted, seen), "the pages together are not all of them once", fmt.Sprint(wanted), fmt.Sprint(seen))
}

// notListed checks that what get does not find, list does not show.
func (w *World) notListed(ctx context.Context) error {
	box, err := w.box()
	if err != nil {
		return err
	}
	x, err := w.look(ctx, box)
	if err != nil {
		return err
	}
	if x.Status != http.StatusNotFound {
		return w.check(true, "", "", "") // it is still shown, as it may be for a while
	}
	x, err = w.list(ctx, "metadata="+url.QueryEscape(label+"="+w.Target.Run)+"&pageSize=100")
	if err != nil {
		return err
	}
	return w.check(!slices.Contains(listed(x), box.ID), "a sandbox that is 404 is listed", "a list without "+box.ID, "it is there")
}
