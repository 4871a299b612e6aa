package process_test

import (
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
)

type conn = net.Conn

func stringReader(s string) io.Reader { return strings.NewReader(s) }

// output puts together what a command wrote, from the events of a stream.
func output(t testing.TB, stream string) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(stream) {
		data := strings.TrimPrefix(strings.TrimSpace(line), "data: ")
		var event struct{ Type, Text string }
		if !strings.HasPrefix(data, "{") {
			continue
		}
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if event.Type == "stdout" || event.Type == "stderr" {
			out.WriteString(strings.TrimSuffix(event.Text, "\n") + "\n")
		}
	}
	return out.String()
}
