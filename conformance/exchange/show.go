package exchange

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"al.essio.dev/pkg/shellescape"
)

// shown is how much of a body a report holds, in bytes.
const shown = 2000

// Redactor hides secrets in everything that is shown.
type Redactor struct {
	mu     sync.Mutex
	names  map[string]string // secret to the name that stands for it
	sorted []secret          // the longest first; nil: to be made again
}

// Add hides a secret, also where it is written as in a URL, in JSON or by %q; name is what stands in its place, by
// custom an environment variable.
func (r *Redactor) Add(secret, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.names == nil {
		r.names = map[string]string{}
	}
	if secret == "" {
		return
	}
	inJSON, err := json.Marshal(secret)
	if err != nil {
		panic(err) // a string is always JSON
	}
	for _, form := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), unquoted(string(inJSON)), unquoted(strconv.Quote(secret)),
	} {
		r.names[form] = name
	}
	r.sorted = nil
}

func unquoted(text string) string { return text[1 : len(text)-1] }

// Hide replaces every secret in a text.
func (r *Redactor) Hide(text string) string {
	for _, s := range r.longestFirst() {
		text = strings.ReplaceAll(text, s.text, "$"+s.name)
	}
	return text
}

type secret struct{ text, name string }

// longestFirst lists the secrets so that one that holds another is replaced before it.
func (r *Redactor) longestFirst() []secret {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sorted != nil {
		return r.sorted
	}
	all := make([]secret, 0, len(r.names))
	for text, name := range r.names {
		all = append(all, secret{text, name})
	}
	sort.Slice(all, func(i, j int) bool { return len(all[i].text) > len(all[j].text) })
	r.sorted = all
	return all
}

// Curl is a command line that repeats the request; secrets are variables of the shell.
func (r *Redactor) Curl(e *Exchange) string {
	var b strings.Builder
	b.WriteString("curl -i")
	if e.MediaType() == "text/event-stream" {
		b.WriteString(" -N")
	}
	if e.Method != http.MethodGet {
		b.WriteString(" -X " + e.Method)
	}
	for _, name := range sorted(e.RequestHeader) {
		for _, value := range e.RequestHeader[name] {
			b.WriteString(" -H " + r.quote(name+": "+value))
		}
	}
	note := ""
	switch {
	case len(e.RequestBody) == 0:
	case e.RequestCut:
		b.WriteString(" --data-binary @body")
		note = " # a body that is not shown here"
	case !utf8.Valid(e.RequestBody) || len(e.RequestBody) > shown:
		b.WriteString(" --data-binary @body")
		note = fmt.Sprintf(" # a body of %d bytes", len(e.RequestBody))
	default:
		b.WriteString(" --data-binary " + r.quote(string(e.RequestBody)))
	}
	b.WriteString(" " + r.quote(e.URL) + note)
	return b.String()
}

// quote makes one word of the shell, in which only the names of secrets are expanded.
func (r *Redactor) quote(text string) string {
	for _, s := range r.longestFirst() {
		if before, after, found := strings.Cut(text, s.text); found {
			return shellescape.Quote(before) + `"$` + s.name + `"` + r.quoteRest(after)
		}
	}
	return shellescape.Quote(text)
}

func (r *Redactor) quoteRest(text string) string {
	if text == "" {
		return ""
	}
	return r.quote(text)
}

// Text shows the exchange as it would be read on the wire, bodies cut to a size that people read.
func (r *Redactor) Text(e *Exchange) string {
	var b strings.Builder
	fmt.Fprintf(&b, "> %s %s\n", e.Method, e.URL)
	headers(&b, ">", e.RequestHeader)
	body(&b, ">", e.RequestBody)
	if e.Answer() {
		fmt.Fprintf(&b, "< %s %d %s\n", e.Proto, e.Status, http.StatusText(e.Status))
		headers(&b, "<", e.Header)
		body(&b, "<", e.Body)
	}
	if e.Stream != nil {
		for i, ev := range e.Stream.Events {
			if i == 40 {
				fmt.Fprintf(&b, "< … %d events in all\n", len(e.Stream.Events))
				break
			}
			fmt.Fprintf(&b, "< +%dms %s\n", ev.At.Sub(e.Began).Milliseconds(), cut(ev.Data, 300))
		}
	}
	if e.Err != nil {
		fmt.Fprintf(&b, "! %v\n", e.Err)
	}
	return r.Hide(b.String())
}

func headers(b *strings.Builder, mark string, h http.Header) {
	for _, name := range sorted(h) {
		for _, value := range h[name] {
			fmt.Fprintf(b, "%s %s: %s\n", mark, name, value)
		}
	}
}

func body(b *strings.Builder, mark string, data []byte) {
	if len(data) > 0 {
		fmt.Fprintf(b, "%s\n%s %s\n", mark, mark, cut(data, shown))
	}
}

func cut(data []byte, most int) string {
	if !utf8.Valid(data) {
		return fmt.Sprintf("(%d bytes that are not text)", len(data))
	}
	if len(data) <= most {
		return string(data)
	}
	return strings.ToValidUTF8(string(data[:most]), "") + fmt.Sprintf("… (%d bytes)", len(data))
}

func sorted(h http.Header) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func mediaType(value string) string {
	media, _, err := mime.ParseMediaType(value)
	if err != nil {
		return strings.ToLower(strings.TrimSpace(strings.Split(value, ";")[0]))
	}
	return media
}
