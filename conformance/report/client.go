package report

import (
	"fmt"
	"strings"
)

// Client is what the clients of a deployment sent that the documents do not have, in a report of traffic that was
// watched. It is no fault of the deployment: neither the verdict nor the summary counts it.
type Client struct {
	Requests int             `json:"requests"` // that were judged
	Findings []ClientFinding `json:"findings"`
	More     int             `json:"more,omitempty"` // breaches that were found and not kept, because there are so many
}

// ClientFinding is one breach of the documents in a request. Equal ones are one with a count.
type ClientFinding struct {
	Level     string `json:"level"`
	Severity  string `json:"severity"`
	Operation string `json:"operation"` // METHOD and path template; METHOD and path where no document has the operation
	Message   string `json:"message"`
	Expected  string `json:"expected"`
	Actual    string `json:"actual"`
	Spec      string `json:"spec"`
	Exchange  string `json:"exchange"`
	Curl      string `json:"curl"`
	Count     int    `json:"count"`
}

// text writes what clients sent, before the deployment's own table.
func (c *Client) text(b *strings.Builder) {
	if c == nil {
		return
	}
	for _, f := range c.Findings {
		times := ""
		if f.Count > 1 {
			times = fmt.Sprintf(" (%d times)", f.Count)
		}
		fmt.Fprintf(b, "\nCLIENT %s %s%s\n", strings.ToUpper(f.Severity), f.Operation, times)
		fmt.Fprintf(b, "  document  %s; %s\n", f.Level, f.Spec)
		fmt.Fprintf(b, "  sent      %s\n", f.Message)
		fmt.Fprintf(b, "  expected  %s\n", f.Expected)
		fmt.Fprintf(b, "  actual    %s\n", f.Actual)
		fmt.Fprintf(b, "  repeat    %s\n", f.Curl)
	}
	fmt.Fprintf(b, "\n%d requests of clients judged, %d findings on the client's side%s\n", c.Requests, len(c.Findings), c.more())
}

// markdown lists what clients sent.
func (c *Client) markdown(b *strings.Builder) {
	if c == nil {
		return
	}
	fmt.Fprintf(b, "\n### On the client's side\n\n%d requests judged, %d findings%s.\n\n", c.Requests, len(c.Findings), c.more())
	for i, f := range c.Findings {
		if i == mostListed {
			fmt.Fprintf(b, "\n%d more in report.html.\n", len(c.Findings)-i)
			break
		}
		fmt.Fprintf(b, "- **%s** %s: %s — expected %s, sent %s (%d times)\n", f.Severity, code(f.Operation), plain(f.Message),
			code(short(f.Expected)), code(short(f.Actual)), f.Count)
	}
}

func (c *Client) more() string {
	if c.More == 0 {
		return ""
	}
	return fmt.Sprintf(", and %d breaches that were not kept", c.More)
}
