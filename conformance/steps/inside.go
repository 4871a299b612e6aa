package steps

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
)

// fromInside sends requests to execd from a command in the sandbox, past whatever stands between, and returns the
// status of each answer. It needs a bash in the image, which can open a connection by itself.
func (w *World) fromInside(ctx context.Context, requests ...judge.Request) ([]int, error) {
	var script strings.Builder
	for _, r := range requests {
		fmt.Fprintf(&script, "exec 3<>/dev/tcp/127.0.0.1/%d || exit 9; printf %%b %s >&3; IFS= read -r l <&3; echo \"$l\"; exec 3>&-\n",
			execdPort, shellescape.Quote(wire(r)))
	}
	said, err := w.quiet(ctx, "bash -c "+shellescape.Quote(script.String()))
	if err != nil {
		return nil, err
	}
	var statuses []int
	for _, m := range statusLine.FindAllStringSubmatch(said, -1) {
		status, _ := strconv.Atoi(m[1]) // three digits
		statuses = append(statuses, status)
	}
	if len(statuses) != len(requests) {
		return nil, &Skip{"the endpoint supplies the token itself, and the image has no bash to ask execd from inside"}
	}
	return statuses, nil
}

var statusLine = regexp.MustCompile(`HTTP/1\.[01] (\d{3})`)

// wire writes a request as it goes over the connection, line ends escaped for printf.
func wire(r judge.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, `%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n`, r.Operation.Method, judge.Fill(r.Operation.Path, r.Path))
	for name := range r.Header {
		fmt.Fprintf(&b, `%s: %s\r\n`, name, r.Header.Get(name))
	}
	if r.Body != nil {
		fmt.Fprintf(&b, `Content-Length: %d\r\n`, len(r.Body))
	}
	return b.String() + `\r\n` + string(r.Body)
}
