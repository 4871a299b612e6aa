package steps

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"path"
	"time"

	"github.com/cucumber/godog"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
)

// pair is one metadata part and the file part behind it.
type pair struct {
	metadata string // JSON
	name     string // file name of the file part; empty: the base name of the path
	content  []byte
	nameless bool // the metadata part has no file name

	metadataName string // file name of the metadata part; empty: "metadata", as clients have it
}

func (w *World) files(s *register) {
	s.step(`I upload "([^"]*)" with the text "([^"]*)"`, func(ctx context.Context, path, text string) error {
		return w.upload(ctx, path, unescape(text), pair{})
	})
	s.step(`I upload "(.*)" with the text "(.*)", chunked`, func(ctx context.Context, path, text string) error {
		return w.uploadPairs(ctx, true, w.pair(path, []byte(unescape(text)), nil))
	})
	s.step(`I upload "(.*)" with the text "(.*)", the file part named "(.*)"`, func(ctx context.Context, path, text, name string) error {
		return w.upload(ctx, path, text, pair{name: w.expand(name)})
	})
	s.step(`I upload "(.*)" with the text "(.*)", the metadata part without a file name`, func(ctx context.Context, path, text string) error {
		return w.upload(ctx, path, text, pair{nameless: true})
	})
	s.step(`I upload "(.*)" with the text "(.*)" and the metadata (\{.*\})`, func(ctx context.Context, path, text, more string) error {
		changes := map[string]any{}
		if err := json.Unmarshal([]byte(w.expand(more)), &changes); err != nil {
			return err
		}
		return w.uploadPairs(ctx, false, w.pair(path, []byte(unescape(text)), changes))
	})
	s.step(`I upload "(.*)" with (\d+) random bytes`, func(ctx context.Context, path string, n int) error {
		data := make([]byte, n)
		_, _ = rand.Read(data) // crypto/rand.Read never fails
		w.put[w.expand(path)] = data
		return w.uploadPairs(ctx, false, w.pair(path, data, nil))
	})
	s.step(`I upload "(.*)" with the text "(.*)", the metadata part named "(.*)"`, func(ctx context.Context, path, text, name string) error {
		return w.upload(ctx, path, text, pair{metadataName: name})
	})
	s.step(`I upload in one request(?:, each file part named "(.*)")?`, func(ctx context.Context, name string, table *godog.Table) error {
		var pairs []pair
		for _, row := range table.Rows[1:] {
			more := map[string]any{}
			if len(row.Cells) > 2 {
				more["mode"] = json.Number(row.Cells[2].Value)
			}
			p := w.pair(row.Cells[0].Value, []byte(row.Cells[1].Value), more)
			p.name = name
			pairs = append(pairs, p)
		}
		return w.uploadPairs(ctx, false, pairs...)
	})
	s.step(`I upload raw metadata "(.*)" for a file`, func(ctx context.Context, metadata string) error {
		return w.uploadPairs(ctx, false, pair{metadata: w.expand(unescape(metadata)), name: "file", content: []byte("x")})
	})
	s.step(`I begin to upload "(.*)" and break off in the middle`, w.breakOff)
	s.step(`the files hold`, w.filesHold)
	s.step(`I download "([^"]*)"`, func(ctx context.Context, path string) error { return w.download(ctx, path, "", "") })
	s.step(`the content is the text "([^"]*)"`, func(_ context.Context, text string) error {
		return w.content(unescape(text), string(w.last.Body))
	})
	s.step(`the content is the text "(.*)", line ends at its end aside`, func(_ context.Context, text string) error {
		return w.content(unescape(text), string(bytes.TrimRight(w.last.Body, "\r\n")))
	})
	s.step(`the content is what was uploaded to "(.*)"`, func(_ context.Context, path string) error {
		want := w.put[w.expand(path)]
		return w.check(w.last.OK() && bytes.Equal(want, w.last.Body), "the content is another than was uploaded",
			fmt.Sprintf("%d bytes as uploaded", len(want)), fmt.Sprintf("%d bytes, the first difference at %d%s", len(w.last.Body), differs(want, w.last.Body), w.why()))
	})
	s.step(`I ask for info on "([^"]*)"`, func(ctx context.Context, path string) error {
		_, err := w.info(ctx, w.expand(path))
		return err
	})
	s.step(`I ask for info on "([^"]*)" and "([^"]*)"`, func(ctx context.Context, a, b string) error {
		_, err := w.info(ctx, w.expand(a), w.expand(b))
		return err
	})
	s.step(`the answer has an entry for "(.*)"`, func(_ context.Context, path string) error {
		_, there := body(w.last)[w.expand(path)]
		return w.check(there, "the answer has no entry for the path", w.expand(path), w.answer()+" "+quoted(string(w.last.Body)))
	})
	s.step(`the info on "(.*)" has (size|mode) (\d+)`, func(_ context.Context, path, field, want string) error {
		entry, there := body(w.last)[w.expand(path)].(map[string]any)
		if !there {
			return w.check(false, "the answer has no entry for the path", w.expand(path), w.answer()+" "+quoted(string(w.last.Body)))
		}
		got, _ := entry[field].(float64)
		return w.check(fmt.Sprint(got) == want, field+" is another", want, fmt.Sprint(entry[field]))
	})
}

func (w *World) content(want, got string) error {
	return w.check(w.last.OK() && want == got, "the content is another", quoted(want), quoted(got)+w.why())
}

func (w *World) pair(path string, content []byte, more map[string]any) pair {
	metadata := map[string]any{"path": w.expand(path)}
	for name, value := range more {
		metadata[name] = value
	}
	data, _ := json.Marshal(metadata) // strings and numbers of the suite's own
	return pair{metadata: string(data), content: content}
}

func (w *World) upload(ctx context.Context, path, text string, how pair) error {
	p := w.pair(path, []byte(text), nil)
	p.name, p.nameless, p.metadataName = how.name, how.nameless, how.metadataName
	return w.uploadPairs(ctx, false, p)
}

func (w *World) uploadPairs(ctx context.Context, chunked bool, pairs ...pair) error {
	var buf bytes.Buffer
	form := multipart.NewWriter(&buf)
	for _, p := range pairs {
		if err := writePair(form, p); err != nil {
			return err
		}
	}
	if err := form.Close(); err != nil {
		return err
	}
	return w.call(ctx, "uploadFile", judge.Request{
		Body: buf.Bytes(), Chunked: chunked, Header: http.Header{"Content-Type": {form.FormDataContentType()}},
	})
}

func writePair(form *multipart.Writer, p pair) error {
	if p.metadataName == "" {
		p.metadataName = "metadata"
	}
	disposition := fmt.Sprintf(`form-data; name="metadata"; filename=%q`, p.metadataName)
	if p.nameless {
		disposition = `form-data; name="metadata"`
	}
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {disposition}, "Content-Type": {"application/json"},
	})
	if err != nil {
		return err
	}
	if _, err := io.WriteString(part, p.metadata); err != nil {
		return err
	}
	name := p.name
	if name == "" {
		var metadata struct{ Path string }
		_ = json.Unmarshal([]byte(p.metadata), &metadata) // broken metadata has no path
		name = path.Base("/" + metadata.Path)
	}
	part, err = form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {multipart.FileContentDisposition("file", name)}, "Content-Type": {"application/octet-stream"},
	})
	if err != nil {
		return err
	}
	_, err = part.Write(p.content)
	return err
}

// breakOff sends the first half of an upload and then ends the connection.
func (w *World) breakOff(ctx context.Context, target string) error {
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	var head bytes.Buffer
	form := multipart.NewWriter(&head)
	if err := writePair(form, w.pair(target, bytes.Repeat([]byte("half "), 20000), nil)); err != nil {
		return err
	}
	c, err := w.execd(ctx)
	if err != nil {
		return err
	}
	_, _ = c.Do(ctx, judge.Request{ // the exchange is meant to break: what it leaves behind is the check
		Scenario: w.Scenario, Operation: c.Document.Operation("uploadFile"), Rough: true,
		Header:   http.Header{"Content-Type": {form.FormDataContentType()}},
		BodyFrom: io.MultiReader(&head, breaker(func() { cut(errEnough) })),
	})
	w.last = nil
	return nil
}

// breaker is a body that ends the request when it is reached.
type breaker func()

func (b breaker) Read([]byte) (int, error) {
	<-time.After(200 * time.Millisecond) // nothing tells when the first half has come
	b()
	return 0, errors.New("the suite breaks off here")
}

func (w *World) filesHold(ctx context.Context, table *godog.Table) error {
	for _, row := range table.Rows[1:] {
		path, want := row.Cells[0].Value, unescape(row.Cells[1].Value)
		if err := w.download(ctx, path, "", ""); err != nil {
			return err
		}
		if err := w.content(want, string(w.last.Body)); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) download(ctx context.Context, path, more, byteRange string) error {
	r := judge.Request{Query: "path=" + url.QueryEscape(w.expand(path)) + more}
	if byteRange != "" {
		r.Header = http.Header{"Range": {byteRange}}
	}
	return w.call(ctx, "downloadFile", r)
}

func (w *World) info(ctx context.Context, paths ...string) (*exchange.Exchange, error) {
	query := url.Values{"path": paths}
	if err := w.call(ctx, "getFilesInfo", judge.Request{Query: query.Encode()}); err != nil {
		return nil, err
	}
	return w.last, nil
}

func differs(a, b []byte) int {
	for i := 0; i < min(len(a), len(b)); i++ {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
