package sandbox_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

func TestListFiltersAndPages(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bench) {
		var names []string
		ids := map[string]string{}
		for i := range 7 {
			name := strconv.Itoa(i)
			id := b.create(func(r *sandbox.CreateRequest) {
				r.Metadata = map[string]string{"name": name, "parity": []string{"even", "odd"}[i%2]}
			})
			names = append(names, name)
			ids[name] = id
		}
		slices.Reverse(names) // newest first
		for _, name := range []string{"1", "2"} {
			if err := b.Pause(t.Context(), ids[name]); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Delete(t.Context(), ids["4"]); err != nil {
			t.Fatal(err)
		}
		settle()

		meta := func(pairs ...string) map[string][]string {
			m := map[string][]string{}
			for i := 0; i < len(pairs); i += 2 {
				m[pairs[i]] = append(m[pairs[i]], pairs[i+1])
			}
			return m
		}
		for _, c := range []struct {
			name         string
			q            sandbox.Query
			items        []string
			total, pages int
			next         bool
		}{
			{"all", sandbox.Query{Page: 1, PageSize: 20}, names, 7, 1, false},
			{"first page", sandbox.Query{Page: 1, PageSize: 3}, names[:3], 7, 3, true},
			{"second page", sandbox.Query{Page: 2, PageSize: 3}, names[3:6], 7, 3, true},
			{"last page", sandbox.Query{Page: 3, PageSize: 3}, names[6:], 7, 3, false},
			{"past the last", sandbox.Query{Page: 4, PageSize: 3}, []string{}, 7, 3, false},
			{"far past the last", sandbox.Query{Page: math.MaxInt, PageSize: 200}, []string{}, 7, 1, false},
			{"exactly full", sandbox.Query{Page: 1, PageSize: 7}, names, 7, 1, false},
			{"one state", sandbox.Query{States: []string{"Paused"}, Page: 1, PageSize: 20}, []string{"2", "1"}, 2, 1, false},
			{"either state", sandbox.Query{States: []string{"Paused", "Terminated"}, Page: 1, PageSize: 20}, []string{"4", "2", "1"}, 3, 1, false},
			{"no such state", sandbox.Query{States: []string{"Asleep"}, Page: 1, PageSize: 20}, []string{}, 0, 0, false},
			{"metadata", sandbox.Query{Metadata: meta("parity", "odd"), Page: 1, PageSize: 20}, []string{"5", "3", "1"}, 3, 1, false},
			{"both pairs", sandbox.Query{Metadata: meta("parity", "odd", "name", "3"), Page: 1, PageSize: 20}, []string{"3"}, 1, 1, false},
			{"pairs that exclude each other", sandbox.Query{Metadata: meta("parity", "odd", "name", "2"), Page: 1, PageSize: 20}, []string{}, 0, 0, false},
			{"two values of a key", sandbox.Query{Metadata: meta("parity", "odd", "parity", "even"), Page: 1, PageSize: 20}, []string{}, 0, 0, false},
			{"no such key", sandbox.Query{Metadata: meta("color", ""), Page: 1, PageSize: 20}, []string{}, 0, 0, false},
			{"state and metadata", sandbox.Query{States: []string{"Paused"}, Metadata: meta("parity", "odd"), Page: 1, PageSize: 20}, []string{"1"}, 1, 1, false},
			{"filtered pages", sandbox.Query{Metadata: meta("parity", "even"), Page: 2, PageSize: 2}, []string{"2", "0"}, 4, 2, false},
		} {
			page, err := b.List(c.q)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			got := []string{}
			for _, sb := range page.Items {
				got = append(got, sb.Metadata["name"])
			}
			if diff := cmp.Diff(c.items, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.name, diff)
			}
			if page.TotalItems != c.total || page.TotalPages != c.pages || page.HasNext() != c.next || page.Page != c.q.Page || page.Size != c.q.PageSize {
				t.Errorf("%s: %+v, next %t; want %d items on %d pages, next %t", c.name, page, page.HasNext(), c.total, c.pages, c.next)
			}
		}
		for _, c := range []struct {
			q    sandbox.Query
			code string
		}{
			{sandbox.Query{Page: 0, PageSize: 20}, "INVALID_PAGE"},
			{sandbox.Query{Page: -1, PageSize: 20}, "INVALID_PAGE"},
			{sandbox.Query{Page: 1, PageSize: 0}, "INVALID_PAGE_SIZE"},
			{sandbox.Query{Page: 1, PageSize: 201}, "INVALID_PAGE_SIZE"},
			{sandbox.Query{Page: 1, PageSize: 20, States: []string{""}}, "INVALID_STATE_FILTER"},
		} {
			_, err := b.List(c.q)
			refused(t, err, sandbox.Invalid, c.code)
		}
	})
}

// manyRows is a store with n sandboxes that ended, for lists.
func manyRows(n int) *memory {
	store := newMemory()
	for i := range n {
		at := time.Now().Add(time.Duration(i-n) * time.Millisecond).UTC()
		id := fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
		store.rows[id] = &sandbox.Sandbox{
			ID: id, Image: "debian:12", Entrypoint: []string{"true"}, CreatedAt: at,
			Metadata: map[string]string{"project": "p" + strconv.Itoa(i%10), "team": "t" + strconv.Itoa(i%3)},
			Status:   sandbox.Status{State: sandbox.Terminated, Reason: sandbox.ReasonDeleted, LastTransitionAt: time.Now()},
		}
	}
	return store
}

func BenchmarkListOfTenThousand(b *testing.B) {
	m, err := sandbox.New(b.Context(), sandbox.Config{Store: manyRows(10_000), Runtime: newFakeRuntime()})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close(b.Context())
	q := sandbox.Query{States: []string{"Terminated"}, Metadata: map[string][]string{"project": {"p3"}, "team": {"t1"}}, Page: 2, PageSize: 100}
	took := make([]time.Duration, 0, 1000)
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if page, err := m.List(q); err != nil || len(page.Items) != 100 {
			b.Fatal(page, err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
