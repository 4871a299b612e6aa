package files

import "github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"

// hits are descriptions in their order. They grow without being moved, and in several places at once.
type hits struct{ parts []part }

// part is a run of hits, or the place of those that someone else gathers.
type part struct {
	infos  []execdapi.FileInfo
	branch *hits
}

const (
	firstPart = 16
	maxPart   = 4096
)

func (h *hits) add(info execdapi.FileInfo) {
	last := len(h.parts) - 1
	if last < 0 || len(h.parts[last].infos) == cap(h.parts[last].infos) { // a branch has no room
		size := firstPart
		if last >= 0 {
			size = min(max(2*cap(h.parts[last].infos), size), maxPart)
		}
		h.parts = append(h.parts, part{infos: make([]execdapi.FileInfo, 0, size)})
		last++
	}
	h.parts[last].infos = append(h.parts[last].infos, info)
}

// branch is where another goroutine adds what belongs behind the hits so far and before those to come.
func (h *hits) branch() *hits {
	b := &hits{}
	h.parts = append(h.parts, part{branch: b})
	return b
}

func (h *hits) count() (n int) {
	for _, p := range h.parts {
		n += len(p.infos)
		if p.branch != nil {
			n += p.branch.count()
		}
	}
	return n
}

func (h *hits) appendTo(all []execdapi.FileInfo) []execdapi.FileInfo {
	for _, p := range h.parts {
		all = append(all, p.infos...)
		if p.branch != nil {
			all = p.branch.appendTo(all)
		}
	}
	return all
}
