package forward

import (
	"bufio"
	"bytes"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
)

// net/http takes the header Connection out of an answer that says "close" in it, and what else it says is lost: the
// headers that it names concern this connection only (RFC 9110 §7.6.1), and would be passed on. So heads are kept as
// they came until they are looked at.

// maxHead is how much of a head is kept, in bytes. What a longer one says in Connection is not seen.
const maxHead = 64 << 10

// head keeps the head of an answer on its way in. The zero value keeps nothing until it is reset.
type head struct {
	mu   sync.Mutex
	on   bool
	text []byte
}

// reset is called before a request goes out: what comes next is the head of its answer.
func (h *head) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.on, h.text = true, h.text[:0]
}

// saw is given all that comes in.
func (h *head) saw(p []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.on {
		return
	}
	h.text = append(h.text, p[:min(len(p), maxHead-len(h.text))]...)
	for {
		end := bytes.Index(h.text, []byte("\r\n\r\n"))
		switch {
		case end < 0:
			h.on = len(h.text) < maxHead
			return
		case interim(h.text):
			h.text = append(h.text[:0], h.text[end+4:]...) // another head follows
		default:
			h.on, h.text = false, h.text[:end+4]
			return
		}
	}
}

// interim reports whether a head is of a status 1xx that is not the last one.
func interim(head []byte) bool {
	_, status, _ := strings.Cut(string(head[:min(len(head), 16)]), " ")
	return strings.HasPrefix(status, "1") && !strings.HasPrefix(status, "101")
}

// connection gives the names in the Connection headers of the head.
func (h *head) connection() []string {
	h.mu.Lock()
	text := bytes.Clone(h.text)
	h.mu.Unlock()
	_, lines, _ := bytes.Cut(text, []byte("\r\n"))
	header, _ := textproto.NewReader(bufio.NewReader(bytes.NewReader(lines))).ReadMIMEHeader() // net/http has found it good
	var names []string
	for _, value := range header["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			names = append(names, textproto.TrimString(name))
		}
	}
	return names
}

// dropConnectionHeaders takes out of an answer what concerned its connection only and net/http can't know of.
func dropConnectionHeaders(res *http.Response, h *head) {
	if h == nil || !res.Close {
		return
	}
	for _, name := range h.connection() {
		if !strings.EqualFold(name, "close") {
			res.Header.Del(name)
		}
	}
}
