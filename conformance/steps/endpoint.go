package steps

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"github.com/cucumber/godog"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

func (w *World) endpoints(s *register) {
	s.step(`I ask for the endpoint of port (-?\d+)`, func(ctx context.Context, port int) error {
		box, err := w.box()
		if err != nil {
			return err
		}
		_, err = w.endpoint(ctx, box, port)
		return err
	})
	s.step(`I call getSandboxEndpoint for port (\d+) with the query "(.*)"`, func(ctx context.Context, port, query string) error {
		box, err := w.box()
		if err != nil {
			return err
		}
		return w.call(ctx, "getSandboxEndpoint", judge.Request{Path: map[string]string{"sandboxId": box.ID, "port": port}, Query: query})
	})
	s.step(`I call getSandboxEndpoint for port (\d+) of an unknown sandbox`, func(ctx context.Context, port string) error {
		return w.call(ctx, "getSandboxEndpoint", judge.Request{Path: map[string]string{"sandboxId": unknownID(), "port": port}})
	})
	s.step(`a service in the sandbox that answers each request with its request line`, w.service)
	s.step(`the service is reached at its endpoint`, w.reachService)
	s.step(`these paths reach the service byte for byte`, w.byteForByte)
}

// reach makes a client for the endpoint of an answer.
func (w *World) reach(doc *spec.Document, x *exchange.Exchange) *judge.Client {
	o := body(x)
	headers := map[string]string{}
	if given, ok := o["headers"].(map[string]any); ok {
		for name, value := range given {
			headers[name] = fmt.Sprint(value)
		}
	}
	return w.Target.client(doc, o.text("endpoint"), headers)
}

const servicePort = 8000

// echo is a service that answers with the path of the request as it came, in whatever the image has.
const echo = `if command -v python3 >/dev/null; then exec python3 -c '
import http.server
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        b = self.requestline.split(" ")[1].encode("latin-1")
        self.send_response(200); self.send_header("Content-Length", str(len(b))); self.end_headers(); self.wfile.write(b)
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), H).serve_forever()'
elif command -v node >/dev/null; then exec node -e 'require("http").createServer((q, r) => r.end(q.url)).listen(8000, "0.0.0.0")'
else exit 1; fi`

// service starts a service in the sandbox and waits until it listens there.
func (w *World) service(ctx context.Context) error {
	if said, err := w.quiet(ctx, "command -v python3 || command -v node || echo none"); err != nil || said == "none" {
		return unjudged("the image has neither python3 nor node to run a service with")
	}
	listens := fmt.Sprintf("i=0; while [ $i -lt 200 ]; do if cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q ':%04X .* 0A '; "+
		"then echo listens; exit 0; fi; i=$((i+1)); sleep 0.05; done", servicePort)
	said, err := w.quiet(ctx, "(nohup sh -c "+shellescape.Quote(echo)+") >/dev/null 2>&1 & "+listens)
	if err != nil {
		return err
	}
	if said != "listens" {
		return unjudged("the service of the suite does not start in the sandbox")
	}
	return nil
}

// reachService finds the service at its endpoint.
func (w *World) reachService(ctx context.Context) error {
	box, err := w.box()
	if err != nil {
		return err
	}
	x, err := w.endpoint(ctx, box, servicePort)
	if err != nil {
		return err
	}
	w.inside = w.reach(nil, x)
	reached := *w.inside
	reached.Alive = nil // whether it is reached is what is asked
	x, err = w.do(ctx, &reached, judge.Request{Method: http.MethodGet, RawPath: "/"})
	kept := err == nil && x.OK() && string(x.Body) == "/"
	said := w.answer()
	if err != nil {
		said = err.Error()
	}
	if err := w.check(kept, "a service that listens in the sandbox is not reached", "its answer", said); err != nil {
		return err
	}
	if !kept {
		return unjudged("the service in the sandbox is not reached")
	}
	return nil
}

func (w *World) byteForByte(ctx context.Context, table *godog.Table) error {
	for _, row := range table.Rows {
		want := row.Cells[0].Value
		got, err := w.rawGet(ctx, want)
		if err != nil {
			return err
		}
		if err := w.equal("the path that reached the service", want, got); err != nil {
			return err
		}
	}
	return nil
}

// rawGet sends a request line as it is written, which an HTTP client would mend.
func (w *World) rawGet(ctx context.Context, path string) (string, error) {
	c := w.inside
	host, prefix, _ := strings.Cut(strings.TrimPrefix(c.Base, "http://"), "/")
	if prefix != "" {
		prefix = "/" + prefix
	}
	address := host
	if _, _, err := net.SplitHostPort(host); err != nil {
		address = net.JoinHostPort(host, "80")
	}
	return exchange.RawGet(ctx, address, host, prefix+path, c.Headers)
}
