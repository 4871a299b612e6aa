package egress

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/duplex"
)

// connect makes a tunnel (RFC 9110 §9.3.6).
func (p *Proxy) connect(w http.ResponseWriter, r *http.Request) {
	// Not the request's context: that of a client that has sent all it wants to say ends at once.
	upstream, err := p.dial(p.open, r.URL.Host)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	defer upstream.Close()
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.fail(w, r, err)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Time{}) // the server's, for heads of requests; a closed connection fails below
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection Established\r\n\r\n"); err != nil {
		return
	}
	duplex.Carry(p.open, &ahead{conn, buffered.Reader}, upstream)
}

// ahead is a connection of which something may have been read already.
type ahead struct {
	net.Conn
	buffered *bufio.Reader
}

// Read implements io.Reader.
func (a *ahead) Read(b []byte) (int, error) {
	if n := a.buffered.Buffered(); n > 0 {
		return a.buffered.Read(b[:min(n, len(b))])
	}
	return a.Conn.Read(b)
}
