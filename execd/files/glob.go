package files

import (
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// maxAlternatives bounds how many patterns the braces of one may stand for, as the work grows with them.
const maxAlternatives = 1000

// glob is a pattern of the API: without a slash it is for names, at any depth; with one for paths below the
// root of the search, where "**" crosses directories.
type glob struct {
	pattern string
	parts   []string // of a pattern for paths; nil where it can't be told part by part where its matches lie
	paths   bool
	all     bool
}

// parseGlob reads a pattern; "" is the default, "**".
func parseGlob(pattern string) (*glob, error) {
	switch {
	case pattern == "" || pattern == "**":
		return &glob{all: true}, nil
	case !doublestar.ValidatePattern(pattern):
		return nil, fault.Errorf(fault.Invalid, "the pattern %.200q can't be read: a bracket, a brace or a backslash in it has no end", pattern)
	case alternatives(pattern) > maxAlternatives:
		return nil, fault.Errorf(fault.Invalid, "the braces of the pattern stand for more than %d patterns: ask for some of them at a time", maxAlternatives)
	}
	g := &glob{pattern: pattern, paths: strings.Contains(pattern, "/")}
	if strings.ContainsAny(pattern, `{[\`) { // in these a slash may be no separator, and a star no star
		return g, nil
	}
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		parts[i] = fewerStars(part)
	}
	g.pattern = strings.Join(parts, "/")
	if g.paths {
		g.parts = parts
	}
	return g, nil
}

// fewerStars writes several stars as the one that they mean where they are not a part by themselves; the library takes
// some of them for none.
func fewerStars(part string) string {
	if part == "**" {
		return part
	}
	for strings.Contains(part, "**") {
		part = strings.ReplaceAll(part, "**", "*")
	}
	return part
}

// match tells whether a file is a hit.
func (g *glob) match(name, rel string) bool {
	if g.all {
		return true
	}
	if g.paths {
		name = rel
	}
	return doublestar.MatchUnvalidated(g.pattern, name)
}

// mayMatchIn tells whether anything in a directory can be a hit, to look into no more of them than needed.
func (g *glob) mayMatchIn(rel string) bool {
	if g.parts == nil {
		return true
	}
	i := 0
	for name := range strings.SplitSeq(rel, "/") {
		if i < len(g.parts) && g.parts[i] == "**" {
			return true
		}
		if i >= len(g.parts)-1 || !doublestar.MatchUnvalidated(g.parts[i], name) {
			return false
		}
		i++
	}
	return true
}

// alternatives is how many patterns without braces a pattern stands for, at most.
func alternatives(pattern string) int {
	product, commas, level := 1, 0, 0
	for i := 0; i < len(pattern) && product <= maxAlternatives; i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '{':
			level++
		case ',':
			if level > 0 {
				commas++
			}
		case '}':
			if level--; level <= 0 {
				product, commas, level = product*(commas+1), 0, 0
			}
		}
	}
	return product
}
