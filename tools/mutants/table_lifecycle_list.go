package main

import (
	"context"
	"net/url"
	"slices"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
)

// query is what a list is asked by.
type query = lifecycleapi.ListSandboxesParams

// everything is all sandboxes, newest first.
func everything(ctx context.Context, next calls) ([]lifecycleapi.Sandbox, error) {
	var all []lifecycleapi.Sandbox
	for n := 1; ; n++ {
		page, err := next.list(ctx, query{Page: lifecycleapi.NewOptInt(n), PageSize: lifecycleapi.NewOptInt(200)})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if !page.Pagination.HasNextPage {
			return all, nil
		}
	}
}

// paged is the page of a list that a query asks for.
func paged(all []lifecycleapi.Sandbox, q query) *lifecycleapi.ListSandboxesResponse {
	page, size := q.Page.Or(1), q.PageSize.Or(20)
	total := (len(all) + size - 1) / size
	begin := min((page-1)*size, len(all))
	return &lifecycleapi.ListSandboxesResponse{
		Items: all[begin:min(begin+size, len(all))],
		Pagination: lifecycleapi.Pagination{
			Page: page, PageSize: size, TotalItems: len(all), TotalPages: total, HasNextPage: page < total,
		},
	}
}

// lists is a decorator that picks the sandboxes of a list by another rule, from all, newest first.
func lists(pick func(q query, all []lifecycleapi.Sandbox) []lifecycleapi.Sandbox) decorateAPI {
	return replaced(func(c *calls, next calls, act func()) {
		c.list = func(ctx context.Context, q query) (*lifecycleapi.ListSandboxesResponse, error) {
			right, err := next.list(ctx, q)
			if err != nil {
				return nil, err
			}
			all, err := everything(ctx, next)
			if err != nil {
				return nil, err
			}
			wrong := paged(pick(q, all), q)
			if wrong.Pagination != right.Pagination || !slices.Equal(idsOf(wrong), idsOf(right)) {
				act()
			}
			return wrong, nil
		}
	})
}

func idsOf(page *lifecycleapi.ListSandboxesResponse) []string {
	ids := make([]string, len(page.Items))
	for i := range page.Items {
		ids[i] = page.Items[i].ID
	}
	return ids
}

// keeps picks the sandboxes of which test is true.
func keeps(test func(q query, sb *lifecycleapi.Sandbox) bool) decorateAPI {
	return lists(func(q query, all []lifecycleapi.Sandbox) []lifecycleapi.Sandbox {
		return slices.DeleteFunc(all, func(sb lifecycleapi.Sandbox) bool { return !test(q, &sb) })
	})
}

// stateMatches is the right filter by state.
func stateMatches(q query, sb *lifecycleapi.Sandbox) bool {
	return len(q.State) == 0 || slices.Contains(q.State, sb.Status.State)
}

// pairsOf reads a metadata filter as it should be read.
func pairsOf(q query) url.Values {
	pairs, _ := url.ParseQuery(q.Metadata.Or(""))
	return pairs
}

// metadataMatches is the right filter by metadata.
func metadataMatches(q query, sb *lifecycleapi.Sandbox) bool {
	for key, values := range pairsOf(q) {
		if v, ok := sb.Metadata.Value[key]; !ok || v != values[0] {
			return false
		}
	}
	return true
}

// listMutants answer a list that is not as documented, or not in order.
func listMutants() []Mutant {
	return []Mutant{
		{Requirement: "LC-LIST-01", Wire: mutant.DropField(listSandboxes, "pagination.hasNextPage")},
		{Requirement: "LC-LIST-01", Wire: mutant.DropField(listSandboxes, "pagination")},
		{Requirement: "LC-LIST-01", Wire: mutant.ChangeField(listSandboxes, "pagination.totalItems", "as a string", func(any) any { return "1" })},
		{Requirement: "LC-LIST-01", Wire: mutant.DropField(listSandboxes, "items.*.createdAt")},
		{Requirement: "LC-LIST-01", Wire: mutant.SetField(listSandboxes, "items.*.status.message", nil)},
		{Requirement: "LC-LIST-01", Wire: mutant.JSON(listSandboxes, "an array alone", func(v any) any {
			if page, ok := v.(map[string]any); ok {
				return page["items"]
			}
			return v
		})},
		{Requirement: "LC-LIST-01", Wire: mutant.JSONBody(listSandboxes, "items is null where there are none", func(page map[string]any) {
			if items, ok := page["items"].([]any); ok && len(items) == 0 {
				page["items"] = nil
			}
		})},
		{Requirement: "LC-LIST-01", Wire: mutant.Status(listSandboxes, 200, 206)},
		{Requirement: "LC-LIST-07", Name: "a deleted sandbox is 404, and still listed", API: replaced(func(c *calls, next calls, act func()) {
			c.get = func(ctx context.Context, id string) (*lifecycleapi.Sandbox, error) {
				sb, err := next.get(ctx, id)
				if err == nil && in(sb, "Terminated") {
					act()
					return nil, unknown()
				}
				return sb, err
			}
		})},
		{Requirement: "LC-LIST-08", Name: "oldest first", API: lists(func(q query, all []lifecycleapi.Sandbox) []lifecycleapi.Sandbox {
			all = slices.DeleteFunc(all, func(sb lifecycleapi.Sandbox) bool { return !stateMatches(q, &sb) || !metadataMatches(q, &sb) })
			slices.Reverse(all)
			return all
		})},
		{Requirement: "LC-LIST-08", Name: "the newest comes last", API: lists(func(q query, all []lifecycleapi.Sandbox) []lifecycleapi.Sandbox {
			all = slices.DeleteFunc(all, func(sb lifecycleapi.Sandbox) bool { return !stateMatches(q, &sb) || !metadataMatches(q, &sb) })
			if len(all) < 2 {
				return all
			}
			return append(all[1:len(all):len(all)], all[0])
		})},
	}
}
