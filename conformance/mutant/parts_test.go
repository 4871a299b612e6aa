package mutant_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

const (
	formType = "multipart/form-data; boundary=b"
	form     = "--b\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{}\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x y\"\r\n\r\nhello\r\n--b--\r\n"
)

func TestPartsOfARequestAreChanged(t *testing.T) {
	put := mutant.Op("PUT", "/echo")
	for _, tc := range []struct {
		name      string
		fault     mutant.Fault
		mediaType string
		body      string
		want      string
		acted     bool
	}{
		{"a content", mutant.RewriteParts(put, "louder", func(ps []mutant.Part) []mutant.Part {
			ps[1].Content = []byte("HELLO")
			return ps
		}), formType, form, strings.Replace(form, "hello", "HELLO", 1), true},
		{"a part less", mutant.RewriteParts(put, "no file", func(ps []mutant.Part) []mutant.Part { return ps[:1] }),
			formType, form, form[:strings.Index(form, "--b\r\nContent-Disposition: form-data; name=\"file\"")] + "--b--\r\n", true},
		{"nothing", mutant.RewriteParts(put, "as it is", func(ps []mutant.Part) []mutant.Part { return ps }), formType, form, form, false},
		{"another body", mutant.RewriteParts(put, "nothing", func([]mutant.Part) []mutant.Part { return nil }), "text/plain", form, form, false},
		{"a body that breaks off", mutant.RewriteParts(put, "nothing", func([]mutant.Part) []mutant.Part { return nil }), formType, form[:90], form[:90], false},
		{"by its parts", mutant.DropRequestHeader(put.WithParts(func(ps []mutant.Part) bool {
			_, named := ps[0].FileName()
			file, ok := ps[1].FileName()
			return len(ps) == 2 && ps[0].Name() == "metadata" && !named && ps[1].Name() == "file" && file == "x y" && ok
		}), "X-Old"), formType, form, form, true},
		{"by other parts", mutant.DropRequestHeader(put.WithParts(func(ps []mutant.Part) bool { return len(ps) == 3 }), "X-Old"), formType, form, form, false},
		{"by its bytes", mutant.DropRequestHeader(put.WithRawBody(func(b []byte) bool { return string(b) == form }), "X-Old"), formType, form, form, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv, p := before(t, deployment, tc.fault)
			var echo struct {
				Body string
				Err  string
			}
			got := ask(t, srv, "PUT", "/echo", tc.body, "Content-Type", tc.mediaType, "X-Old", "o")
			if err := json.Unmarshal([]byte(got.body), &echo); err != nil {
				t.Fatal(err)
			}
			if echo.Body != tc.want || echo.Err != "" || p.Acted() != tc.acted {
				t.Errorf("acted %v, want %v; got %q %s\nwant %q", p.Acted(), tc.acted, echo.Body, echo.Err, tc.want)
			}
		})
	}
}
