package exchange_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
)

func TestSecretsAreNeverShown(t *testing.T) {
	r := &exchange.Redactor{}
	r.Add("s3cret", "OPEN_SANDBOX_API_KEY")
	r.Add("s3cret-and-longer", "EXECD_ACCESS_TOKEN")
	r.Add("", "NOTHING")
	x := &exchange.Exchange{
		Method: http.MethodPost, URL: "http://h/p?k=s3cret", Proto: "HTTP/1.1", Status: http.StatusOK,
		RequestHeader: http.Header{"Key": {"s3cret"}, "Token": {"s3cret-and-longer"}},
		RequestBody:   []byte(`{"password":"s3cret"}`),
		Header:        http.Header{"Echo": {"s3cret"}}, Body: []byte("it's s3cret"),
	}
	for what, text := range map[string]string{"text": r.Text(x), "curl": r.Curl(x), "hide": r.Hide("a s3cret")} {
		if strings.Contains(text, "s3cret") {
			t.Errorf("%s shows a secret:\n%s", what, text)
		}
	}
	if !strings.Contains(r.Text(x), "$EXECD_ACCESS_TOKEN") || strings.Contains(r.Text(x), "and-longer") {
		t.Errorf("a secret that holds another is not replaced as a whole:\n%s", r.Text(x))
	}
}

func TestASecretIsHiddenHoweverItIsWritten(t *testing.T) {
	r := &exchange.Redactor{}
	secret := `c4n"ry/ä b`
	r.Add(secret, "KEY")
	for _, text := range []string{
		secret, `{"echo":"c4n\"ry/ä b"}`, "/p?k=" + url.QueryEscape(secret), "/" + url.PathEscape(secret), fmt.Sprintf("%q", secret),
	} {
		if got := r.Hide(text); strings.Contains(got, "c4n") || !strings.Contains(got, "$KEY") {
			t.Errorf("%s is shown as %s", text, got)
		}
	}
}

// The curl line must say to a shell what was sent: it is run with a curl that prints its arguments.
func TestCurlRepeatsTheRequest(t *testing.T) {
	r := &exchange.Redactor{}
	r.Add("s3cret", "KEY")
	x := &exchange.Exchange{
		Method: http.MethodPost, URL: "http://h/a b?x='1'&k=s3cret&y=s3cret", Header: http.Header{},
		RequestHeader: http.Header{"Content-Type": {"application/json"}, "Key": {"s3cret"}},
		RequestBody:   []byte(`{"command":"echo \"it's\" $HOME ` + "`id`" + `"}`),
	}
	script := `curl() { printf '<%s>\n' "$@"; }; KEY=s3cret; ` + r.Curl(x)
	out, err := exec.CommandContext(t.Context(), "sh", "-c", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
	want := "<-i>\n<-X>\n<POST>\n<-H>\n<Content-Type: application/json>\n<-H>\n<Key: s3cret>\n<--data-binary>\n<" +
		string(x.RequestBody) + ">\n<" + x.URL + ">\n"
	if string(out) != want {
		t.Errorf("got:\n%s\nwant:\n%s", out, want)
	}
}
