package steps

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
)

func (w *World) ranges(s *register) {
	s.step(`I download "([^"]*)" with the range "(.*)"`, func(ctx context.Context, path, byteRange string) error {
		return w.download(ctx, path, "", byteRange)
	})
	s.step(`I download "([^"]*)" from line (\d+)`, func(ctx context.Context, path string, offset int) error {
		return w.download(ctx, path, fmt.Sprintf("&offset=%d", offset), "")
	})
	s.step(`I download (\d+) lines of "([^"]*)"`, func(ctx context.Context, limit int, path string) error {
		return w.download(ctx, path, fmt.Sprintf("&limit=%d", limit), "")
	})
	s.step(`the answer has the range bytes (\d+)-(\d+)/(\d+)`, func(_ context.Context, first, last, size string) error {
		got := w.last.Header.Get("Content-Range")
		want := fmt.Sprintf("bytes %s-%s/%s", first, last, size)
		kept := got == want || got == fmt.Sprintf("bytes %s-%s/*", first, last) // the size may be left open
		return w.check(kept, "Content-Range is another", want, quoted(got))
	})
	s.step(`I download "([^"]*)" from line (\d+), (\d+) lines`, func(ctx context.Context, path string, offset, limit int) error {
		return w.download(ctx, path, fmt.Sprintf("&offset=%d&limit=%d", offset, limit), "")
	})
	s.step(`I download "([^"]*)" from line (\d+), (\d+) lines, with the range "(.*)"`,
		func(ctx context.Context, path string, offset, limit int, byteRange string) error {
			return w.download(ctx, path, fmt.Sprintf("&offset=%d&limit=%d", offset, limit), byteRange)
		})
	s.step(`the answer is 206 in parts "(.*)" and "(.*)", or 200 with the text "(.*)"`, w.severalRanges)
}

func (w *World) severalRanges(_ context.Context, first, second, whole string) error {
	expected := fmt.Sprintf("206 multipart/byteranges with %q and %q, or 200 with %q", first, second, whole)
	if w.last.Status == http.StatusOK {
		return w.check(string(w.last.Body) == whole, "several ranges", expected, "200 with "+quoted(string(w.last.Body)))
	}
	_, params, err := mime.ParseMediaType(w.last.Header.Get("Content-Type"))
	if w.last.Status != http.StatusPartialContent || err != nil || w.last.MediaType() != "multipart/byteranges" {
		return w.check(false, "several ranges", expected, w.answer()+" "+w.last.Header.Get("Content-Type"))
	}
	var parts []string
	ranged := true // RFC 9110 §15.3.7.2: each part says which it is
	reader := multipart.NewReader(bytes.NewReader(w.last.Body), params["boundary"])
	for {
		part, err := reader.NextPart()
		if err != nil {
			break
		}
		data, err := io.ReadAll(part)
		if err != nil {
			break
		}
		parts = append(parts, string(data))
		ranged = ranged && part.Header.Get("Content-Range") != ""
	}
	kept := len(parts) == 2 && parts[0] == first && parts[1] == second
	if kept && !ranged {
		return w.check(false, "a part of several ranges does not say which it is", "Content-Range in each part", "none")
	}
	return w.check(kept, "several ranges", expected, fmt.Sprintf("206 with %.100q", parts))
}
