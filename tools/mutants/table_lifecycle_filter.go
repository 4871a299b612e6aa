package main

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
)

// filterMutants list other sandboxes than the filters say.
func filterMutants() []Mutant {
	filter := func(requirement, name string, test func(q query, sb *lifecycleapi.Sandbox) bool) Mutant {
		return Mutant{Requirement: requirement, Name: name, API: keeps(test)}
	}
	states := func(name string, test func(states []string, state string) bool) Mutant {
		return filter("LC-LIST-02", name, func(q query, sb *lifecycleapi.Sandbox) bool {
			if len(q.State) < 2 {
				return stateMatches(q, sb) && metadataMatches(q, sb)
			}
			return test(q.State, sb.Status.State) && metadataMatches(q, sb)
		})
	}
	metadata := func(name string, test func(q query, labels lifecycleapi.Labels) bool) Mutant {
		return filter("LC-LIST-03", name, func(q query, sb *lifecycleapi.Sandbox) bool {
			return stateMatches(q, sb) && (q.Metadata.Or("") == "" || test(q, sb.Metadata.Value))
		})
	}
	return []Mutant{
		states("the first state counts", func(states []string, state string) bool { return state == states[0] }),
		states("the last state counts", func(states []string, state string) bool { return state == states[len(states)-1] }),
		states("states are AND-ed", func(states []string, state string) bool {
			return !slices.ContainsFunc(states, func(s string) bool { return s != state })
		}),
		states("several states are no filter", func([]string, string) bool { return true }),

		metadata("metadata pairs are OR-ed", func(q query, labels lifecycleapi.Labels) bool {
			for key, values := range pairsOf(q) {
				if labels[key] == values[0] {
					return true
				}
			}
			return false
		}),
		metadata("the first metadata pair counts", func(q query, labels lifecycleapi.Labels) bool {
			first, _, _ := strings.Cut(q.Metadata.Value, "&")
			return hasAll(labels, first)
		}),
		metadata("the last metadata pair counts", func(q query, labels lifecycleapi.Labels) bool {
			return hasAll(labels, q.Metadata.Value[strings.LastIndexByte(q.Metadata.Value, '&')+1:])
		}),
		metadata("keys and values are not decoded once more", func(q query, labels lifecycleapi.Labels) bool {
			for pair := range strings.SplitSeq(q.Metadata.Value, "&") {
				key, value, _ := strings.Cut(pair, "=")
				if v, ok := labels[key]; !ok || v != value {
					return false
				}
			}
			return true
		}),
		metadata("keys are not decoded once more", func(q query, labels lifecycleapi.Labels) bool {
			for pair := range strings.SplitSeq(q.Metadata.Value, "&") {
				key, value, _ := strings.Cut(pair, "=")
				value, _ = url.QueryUnescape(value)
				if v, ok := labels[key]; !ok || v != value {
					return false
				}
			}
			return true
		}),
		metadata("values match by their beginning", func(q query, labels lifecycleapi.Labels) bool {
			for key, values := range pairsOf(q) {
				if v, ok := labels[key]; !ok || !strings.HasPrefix(v, values[0]) {
					return false
				}
			}
			return true
		}),
		metadata("only keys count", func(q query, labels lifecycleapi.Labels) bool {
			for key := range pairsOf(q) {
				if _, ok := labels[key]; !ok {
					return false
				}
			}
			return true
		}),

		filter("LC-LIST-04", "the state filter is ignored where there is one of metadata", func(q query, sb *lifecycleapi.Sandbox) bool {
			return metadataMatches(q, sb) && (q.Metadata.Or("") != "" || stateMatches(q, sb))
		}),
		filter("LC-LIST-04", "the metadata filter is ignored where there is one of state", func(q query, sb *lifecycleapi.Sandbox) bool {
			return stateMatches(q, sb) && (len(q.State) > 0 || metadataMatches(q, sb))
		}),
		filter("LC-LIST-04", "the two filters are OR-ed", func(q query, sb *lifecycleapi.Sandbox) bool {
			if len(q.State) > 0 && q.Metadata.Or("") != "" {
				return stateMatches(q, sb) || metadataMatches(q, sb)
			}
			return stateMatches(q, sb) && metadataMatches(q, sb)
		}),
		{Requirement: "LC-LIST-04", Name: "where nothing matches, everything is listed", API: lists(func(q query, all []lifecycleapi.Sandbox) []lifecycleapi.Sandbox {
			matches := slices.DeleteFunc(slices.Clone(all), func(sb lifecycleapi.Sandbox) bool {
				return !stateMatches(q, &sb) || !metadataMatches(q, &sb)
			})
			if len(matches) == 0 {
				return all
			}
			return matches
		})},
		filter("LC-LIST-04", "a metadata key that no sandbox has is ignored", func(q query, sb *lifecycleapi.Sandbox) bool {
			for key, values := range pairsOf(q) {
				if v, ok := sb.Metadata.Value[key]; ok && v != values[0] {
					return false
				}
			}
			return stateMatches(q, sb)
		}),

		{Requirement: "LC-LIST-10", Name: "a filter that can't be parsed is ignored", API: unparsable(func(ctx context.Context, next calls, q query) (*lifecycleapi.ListSandboxesResponse, error) {
			q.Metadata.Reset()
			return next.list(ctx, q)
		})},
		{Requirement: "LC-LIST-10", Name: "a filter that can't be parsed matches nothing", API: unparsable(func(_ context.Context, _ calls, q query) (*lifecycleapi.ListSandboxesResponse, error) {
			return paged(nil, q), nil
		})},
	}
}

// hasAll says that labels have all pairs of a text.
func hasAll(labels lifecycleapi.Labels, text string) bool {
	pairs, _ := url.ParseQuery(text)
	for key, values := range pairs {
		if v, ok := labels[key]; !ok || v != values[0] {
			return false
		}
	}
	return true
}

// unparsable answers a list whose metadata filter can't be parsed.
func unparsable(answer func(ctx context.Context, next calls, q query) (*lifecycleapi.ListSandboxesResponse, error)) decorateAPI {
	return replaced(func(c *calls, next calls, act func()) {
		c.list = func(ctx context.Context, q query) (*lifecycleapi.ListSandboxesResponse, error) {
			page, err := next.list(ctx, q)
			if statusOf(err) == 400 && q.Metadata.Or("") != "" {
				act()
				return answer(ctx, next, q)
			}
			return page, err
		}
	})
}
