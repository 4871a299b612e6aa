package sandbox

import (
	"slices"
	"strings"
)

// MaxPageSize is the longest page of a list.
const MaxPageSize = 200

// Query says which sandboxes a list is of (rule 6).
type Query struct {
	States   []string            // any of these; empty: any
	Metadata map[string][]string // all of these; a key with several values matches nothing
	Page     int                 // from 1
	PageSize int                 // 1 to MaxPageSize
}

// Page is one page of a list, newest sandbox first.
type Page struct {
	Items      []*Sandbox
	Page, Size int // as asked for
	TotalItems int // what the query matches, on all pages
	TotalPages int
}

// HasNext reports whether there are pages after this one.
func (p *Page) HasNext() bool { return p.Page < p.TotalPages }

// List returns a page of the sandboxes that match a query. A page past the
// last one is empty.
func (m *Manager) List(q Query) (*Page, error) {
	if q.Page < 1 {
		return nil, invalid("INVALID_PAGE", "page %d is out of range; pages count from 1", q.Page)
	}
	if q.PageSize < 1 || q.PageSize > MaxPageSize {
		return nil, invalid("INVALID_PAGE_SIZE", "pageSize %d is out of range; give 1 to %d", q.PageSize, MaxPageSize)
	}
	// States that don't exist match nothing: newer clients may ask for them.
	for _, state := range q.States {
		if strings.TrimSpace(state) == "" {
			return nil, invalid("INVALID_STATE_FILTER", "state is empty; name a state, such as Running, or leave the parameter out")
		}
	}
	page := &Page{Page: q.Page, Size: q.PageSize, Items: []*Sandbox{}}
	// Not (page-1)*size: a huge page number must not overflow.
	skip := q.Page - 1
	m.mu.RLock()
	for _, r := range slices.Backward(m.order) {
		sb := r.load()
		if !q.matches(sb) {
			continue
		}
		if page.TotalItems/q.PageSize == skip {
			page.Items = append(page.Items, sb)
		}
		page.TotalItems++
	}
	m.mu.RUnlock()
	page.TotalPages = (page.TotalItems + q.PageSize - 1) / q.PageSize
	return page, nil
}

func (q *Query) matches(sb *Sandbox) bool {
	if len(q.States) > 0 && !slices.Contains(q.States, string(sb.Status.State)) {
		return false
	}
	for key, wanted := range q.Metadata {
		value, ok := sb.Metadata[key]
		for _, want := range wanted {
			if !ok || value != want {
				return false
			}
		}
	}
	return true
}

// Count says how many sandboxes there are in each state.
func (m *Manager) Count() map[State]int {
	counts := map[State]int{}
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, r := range m.order {
		counts[r.load().Status.State]++
	}
	return counts
}
