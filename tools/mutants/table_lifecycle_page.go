package main

import (
	"context"
	"net/http"
	"net/url"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/internal/httpapi"
)

// pageMutants count wrongly, or cut lists into the wrong pages.
func pageMutants() []Mutant {
	page := func(requirement, name string, change func(ctx context.Context, next calls, q query, page *lifecycleapi.ListSandboxesResponse) error) Mutant {
		return Mutant{Requirement: requirement, Name: name, API: replaced(func(c *calls, next calls, act func()) {
			c.list = func(ctx context.Context, q query) (*lifecycleapi.ListSandboxesResponse, error) {
				answer, err := next.list(ctx, q)
				if err != nil {
					return nil, err
				}
				before, ids := answer.Pagination, idsOf(answer)
				if err := change(ctx, next, q, answer); err != nil {
					act()
					return nil, err
				}
				if answer.Pagination != before || len(answer.Items) != len(ids) || (len(ids) > 0 && answer.Items[0].ID != ids[0]) {
					act()
				}
				return answer, nil
			}
		})}
	}
	totals := func(name string, change func(p *lifecycleapi.Pagination, items int)) Mutant {
		return page("LC-LIST-05", name, func(_ context.Context, _ calls, _ query, answer *lifecycleapi.ListSandboxesResponse) error {
			change(&answer.Pagination, len(answer.Items))
			return nil
		})
	}
	other := func(name string, to func(page int) int) Mutant {
		return page("LC-LIST-05", name, func(ctx context.Context, next calls, q query, answer *lifecycleapi.ListSandboxesResponse) error {
			q.Page = lifecycleapi.NewOptInt(to(q.Page.Or(1)))
			shown, err := next.list(ctx, q)
			if err == nil {
				answer.Items = shown.Items
			}
			return err
		})
	}
	past := func(name string, change func(ctx context.Context, next calls, q query, answer *lifecycleapi.ListSandboxesResponse) error) Mutant {
		return page("LC-LIST-09", name, func(ctx context.Context, next calls, q query, answer *lifecycleapi.ListSandboxesResponse) error {
			if answer.Pagination.Page <= max(answer.Pagination.TotalPages, 1) {
				return nil
			}
			return change(ctx, next, q, answer)
		})
	}
	query := func(requirement, what string, change func(q url.Values)) Mutant {
		return Mutant{Requirement: requirement, Wire: mutant.RewriteQuery(listSandboxes, what, change)}
	}
	return []Mutant{
		page("LC-LIST-05", "totalItems counts all sandboxes", func(ctx context.Context, next calls, _ lifecycleapi.ListSandboxesParams, answer *lifecycleapi.ListSandboxesResponse) error {
			all, err := everything(ctx, next)
			answer.Pagination.TotalItems = len(all)
			return err
		}),
		totals("totalItems counts this page", func(p *lifecycleapi.Pagination, items int) { p.TotalItems = items }),
		totals("totalPages is rounded down", func(p *lifecycleapi.Pagination, _ int) { p.TotalPages = p.TotalItems / p.PageSize }),
		totals("totalPages is one too many", func(p *lifecycleapi.Pagination, _ int) { p.TotalPages = p.TotalItems/p.PageSize + 1 }),
		totals("hasNextPage wherever a page is full", func(p *lifecycleapi.Pagination, items int) { p.HasNextPage = items == p.PageSize }),
		totals("hasNextPage on the last page", func(p *lifecycleapi.Pagination, _ int) { p.HasNextPage = p.Page <= p.TotalPages }),
		other("every page is the first", func(int) int { return 1 }),
		other("pages count from 0", func(page int) int { return page + 1 }),
		{Requirement: "LC-LIST-05", Name: "pages overlap by one", API: replaced(func(c *calls, next calls, act func()) {
			c.list = func(ctx context.Context, q lifecycleapi.ListSandboxesParams) (*lifecycleapi.ListSandboxesResponse, error) {
				answer, err := next.list(ctx, q)
				if err != nil || q.Page.Or(1) < 2 || len(answer.Items) == 0 {
					return answer, err
				}
				q.Page = lifecycleapi.NewOptInt(q.Page.Value - 1)
				before, err := next.list(ctx, q)
				if err == nil && len(before.Items) > 0 {
					act()
					answer.Items = append(before.Items[len(before.Items)-1:], answer.Items[:len(answer.Items)-1]...)
				}
				return answer, err
			}
		})},

		query("LC-LIST-06", "takes page 0 for the first", func(q url.Values) {
			if q.Get("page") == "0" {
				q.Set("page", "1")
			}
		}),
		query("LC-LIST-06", "takes a page size that is no number for the default", func(q url.Values) {
			if q.Get("pageSize") == "abc" {
				q.Del("pageSize")
			}
		}),
		{Requirement: "LC-LIST-06", Wire: mutant.Status(listSandboxes, 400, 422)},

		past("a page past the last is the last", func(ctx context.Context, next calls, q lifecycleapi.ListSandboxesParams, answer *lifecycleapi.ListSandboxesResponse) error {
			q.Page = lifecycleapi.NewOptInt(max(answer.Pagination.TotalPages, 1))
			last, err := next.list(ctx, q)
			if err == nil {
				*answer = *last
			}
			return err
		}),
		past("a page past the last is 404", func(context.Context, calls, lifecycleapi.ListSandboxesParams, *lifecycleapi.ListSandboxesResponse) error {
			return httpapi.Errorf(http.StatusNotFound, "PAGE_NOT_FOUND", "there is no such page; ask for an earlier one")
		}),
		past("a page past the last says that it is the last", func(_ context.Context, _ calls, _ lifecycleapi.ListSandboxesParams, answer *lifecycleapi.ListSandboxesResponse) error {
			answer.Pagination.Page = max(answer.Pagination.TotalPages, 1)
			return nil
		}),

		{Requirement: "LC-LIST-11", Name: "more than 50 to a page are refused", API: replaced(func(c *calls, next calls, act func()) {
			c.list = func(ctx context.Context, q lifecycleapi.ListSandboxesParams) (*lifecycleapi.ListSandboxesResponse, error) {
				if q.PageSize.Or(20) > 50 {
					act()
					return nil, refused()
				}
				return next.list(ctx, q)
			}
		})},
		query("LC-LIST-11", "uses 50 for every larger page size, and says so", func(q url.Values) {
			if size := q.Get("pageSize"); len(size) == 3 && size >= "100" && size <= "999" {
				q.Set("pageSize", "50")
			}
		}),
	}
}
