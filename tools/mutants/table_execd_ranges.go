package main

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// A span is a Range of one part for a file that is there (RFC 9110 §14.1.2), as it was written.
type span struct{ first, last, size int64 } // -1: not given

var (
	oneRange  = regexp.MustCompile(`^bytes=(\d*)-(\d*)$`)
	anyRanges = regexp.MustCompile(`^bytes=(\d+-\d*|-\d+)(\s*,\s*(\d+-\d*|-\d+))*$`)
)

func spanOf(r *http.Request) (s span, ok bool) {
	found := oneRange.FindStringSubmatch(r.Header.Get("Range"))
	s = span{-1, -1, sizeOf(r)}
	if found == nil || s.size < 0 || found[1]+found[2] == "" {
		return s, false
	}
	for i, n := range []*int64{&s.first, &s.last} {
		if found[i+1] != "" {
			*n, _ = strconv.ParseInt(found[i+1], 10, 64) // digits
		}
	}
	return s, s.first < 0 || s.last < 0 || s.first <= s.last
}

func (s span) suffix() bool  { return s.first < 0 }
func (s span) open() bool    { return s.last < 0 }
func (s span) outside() bool { return s.first >= s.size || s.suffix() && (s.last == 0 || s.size == 0) }

// ranged picks downloads of one range for which test is true.
func ranged(test func(s span) bool) mutant.Match {
	return getFile.Where(func(r *http.Request) bool {
		s, ok := spanOf(r)
		return ok && !lineRead(r) && test(s)
	})
}

// reranged asks for another range; none for "".
func reranged(m mutant.Match, what string, other func(s span) string) mutant.Fault {
	return mutant.Fault{Name: getFile.String() + ": " + what, Match: m, Request: func(r *http.Request, act func()) error {
		s, _ := spanOf(r)
		act()
		if r.Header.Set("Range", other(s)); r.Header.Get("Range") == "" {
			r.Header.Del("Range")
		}
		return nil
	}}
}

// contentRange changes the Content-Range of answers.
func contentRange(m mutant.Match, what string, change func(res *http.Response, s span) string) mutant.Fault {
	return mutant.Fault{Name: getFile.String() + ": " + what, Match: m, Response: func(res *http.Response, act func()) error {
		if s, ok := spanOf(res.Request); ok && res.StatusCode == http.StatusPartialContent {
			act()
			res.Header.Set("Content-Range", change(res, s))
		}
		return nil
	}}
}

func rangeMutants() []Mutant {
	inside := ranged(func(s span) bool { return !s.outside() })
	closed := ranged(func(s span) bool { return !s.suffix() && !s.open() && s.last > s.first && s.last < s.size })
	open := ranged(func(s span) bool { return s.open() && s.first > 0 && !s.outside() })
	suffix := ranged(func(s span) bool { return s.suffix() && s.last > 0 && s.last < s.size })
	tooLong := ranged(func(s span) bool { return s.suffix() && s.last > s.size && s.size > 0 })
	past := ranged(func(s span) bool { return !s.suffix() && !s.outside() && s.last >= s.size })
	outside := ranged(span.outside)
	several := getFile.Where(func(r *http.Request) bool {
		given := r.Header.Get("Range")
		return strings.Contains(given, ",") && anyRanges.MatchString(given)
	})
	malformed := getFile.Where(func(r *http.Request) bool {
		given := r.Header.Get("Range")
		_, one := spanOf(r)
		return given != "" && !one && !anyRanges.MatchString(given) && sizeOf(r) >= 0
	})
	named := func(f mutant.Fault, what string) mutant.Fault { return renamed(f, getFile, what) }
	refuse := func(m mutant.Match, status int, what string) mutant.Fault {
		return named(mutant.Answer(m, status, refusal("no such range")), what)
	}
	return slices.Concat(
		breaks("EX-DOWNLOAD-02",
			reranged(inside, "Range is ignored", func(span) string { return "" }),
			reranged(closed, "the end of a range is left out", func(s span) string { return fmt.Sprintf("bytes=%d-%d", s.first, s.last-1) }),
			reranged(closed, "a closed range is open", func(s span) string { return fmt.Sprintf("bytes=%d-", s.first) }),
			reranged(open, "an open range is ignored", func(span) string { return "" }),
			reranged(suffix, "a suffix counts from the start", func(s span) string { return fmt.Sprintf("bytes=0-%d", s.last-1) }),
			reranged(suffix, "a suffix is one byte short", func(s span) string { return fmt.Sprintf("bytes=-%d", s.last-1) }),
			refuse(suffix, 416, "a suffix is refused"),
			refuse(tooLong, 416, "a suffix that is too long is refused"),
			refuse(past, 416, "an end past the file is refused"),
			contentRange(past, "an end past the file is not clipped in Content-Range", func(_ *http.Response, s span) string {
				return fmt.Sprintf("bytes %d-%d/%d", s.first, s.last, s.size)
			}),
			contentRange(inside, "the length of the part as the size of the file", func(res *http.Response, _ span) string {
				before, _, _ := strings.Cut(res.Header.Get("Content-Range"), "/")
				return fmt.Sprintf("%s/%d", before, res.ContentLength)
			}),
			contentRange(inside, "Content-Range with = as in Range", func(res *http.Response, _ span) string {
				return strings.Replace(res.Header.Get("Content-Range"), " ", "=", 1)
			}),
			named(mutant.DropHeader(inside, "Content-Range"), "no Content-Range"),
			named(mutant.Status(inside, 206, 200), "status 200 for a range"),
			wholeAsPart(closed),
		),
		breaks("EX-DOWNLOAD-03",
			reranged(outside, "outside: the whole", func(span) string { return "" }),
			named(mutant.Status(outside, 416, 400), "outside: status 400"),
			named(mutant.Status(outside, 416, 404), "outside: status 404"),
			named(mutant.Answer(outside, 206, nil), "outside: 206 and no body"),
			named(mutant.Answer(outside, 204, nil), "outside: 204"),
		),
		breaks("EX-DOWNLOAD-04",
			firstOf(several),
			refuse(several, 416, "several ranges: 416"),
			refuse(several, 400, "several ranges: 400"),
			ofSeveral(several, "several ranges: joined without boundaries", func(res *http.Response, body []byte) []byte {
				parts, _ := mutant.Parts(res.Header, body)
				res.Header.Set("Content-Type", "application/octet-stream")
				var joined []byte
				for _, p := range parts {
					joined = append(joined, p.Content...)
				}
				return joined
			}),
			ofSeveral(several, "several ranges: the last is missing", func(_ *http.Response, body []byte) []byte {
				closing := bytes.LastIndex(body, []byte("\r\n--"))
				if last := bytes.LastIndex(body[:max(closing, 0)], []byte("\r\n--")); last >= 0 {
					return slices.Concat(body[:last], body[closing:])
				}
				return body
			}),
			ofSeveral(several, "several ranges: parts without Content-Range", func(_ *http.Response, body []byte) []byte {
				return partRange.ReplaceAll(body, nil)
			}),
			ofSeveral(several, "several ranges: no last boundary", func(_ *http.Response, body []byte) []byte {
				return body[:max(bytes.LastIndex(body, []byte("\r\n--")), 0)]
			}),
			named(mutant.ContentType(several.On(206), "application/octet-stream"), "several ranges: octet-stream"),
		),
		breaks("EX-DOWNLOAD-05",
			refuse(malformed, 500, "malformed: 500"),
			refuse(malformed, 404, "malformed: 404"),
			named(mutant.Status(malformed, 0, 206), "malformed: 206"),
		),
	)
}

var partRange = regexp.MustCompile(`(?i)content-range: [^\r\n]*\r\n`)

// ofSeveral changes the body of an answer of several ranges.
func ofSeveral(m mutant.Match, what string, change func(res *http.Response, body []byte) []byte) mutant.Fault {
	return mutant.Fault{Name: getFile.String() + ": " + what, Match: m, Response: func(res *http.Response, act func()) error {
		if !strings.HasPrefix(res.Header.Get("Content-Type"), "multipart/") {
			return nil
		}
		return mutant.Body(m, what, func(body []byte) []byte { return change(res, body) }).Response(res, act)
	}}
}

// firstOf asks for the first of several ranges alone.
func firstOf(m mutant.Match) mutant.Fault {
	return mutant.Fault{Name: getFile.String() + ": the first of several ranges", Match: m, Request: func(r *http.Request, act func()) error {
		act()
		first, _, _ := strings.Cut(r.Header.Get("Range"), ",")
		r.Header.Set("Range", first)
		return nil
	}}
}

// wholeAsPart sends all of a file where a range was asked for, and says that it is the range.
func wholeAsPart(m mutant.Match) mutant.Fault {
	const asked = "X-Content-Range" // no daemon looks at it
	return mutant.Fault{Name: getFile.String() + ": the whole as the range", Match: m, Request: func(r *http.Request, act func()) error {
		s, _ := spanOf(r)
		act()
		r.Header.Del("Range")
		r.Header.Set(asked, fmt.Sprintf("bytes %d-%d/%d", s.first, s.last, s.size))
		return nil
	}, Response: func(res *http.Response, _ func()) error {
		res.StatusCode, res.Status = http.StatusPartialContent, "206 Partial Content"
		res.Header.Set("Content-Range", res.Request.Header.Get(asked))
		return nil
	}}
}
