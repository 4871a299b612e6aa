package steps

import (
	"context"
	"fmt"
	"net/http"

	"github.com/cucumber/godog"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
)

func (w *World) metadata(s *register) {
	s.step(`I call patchSandboxMetadata with the content type (\S+) and`, func(ctx context.Context, contentType string, doc *godog.DocString) error {
		return w.call(ctx, "patchSandboxMetadata", judge.Request{
			Body: []byte(w.expand(doc.Content)), Header: http.Header{"Content-Type": {contentType}},
		})
	})
	s.step(`the metadata in the answer has "(.*)" of "(.*)"`, func(_ context.Context, key, want string) error {
		metadata, _ := body(w.last)["metadata"].(map[string]any)
		got, there := metadata[key].(string)
		return w.check(w.last.OK() && there && got == w.expand(want), "metadata "+key+" is another", w.expand(want), fmt.Sprint(metadata[key])+w.why())
	})
	s.step(`the metadata in the answer has no "(.*)"`, func(_ context.Context, key string) error {
		metadata, _ := body(w.last)["metadata"].(map[string]any)
		_, there := metadata[key]
		return w.check(w.last.OK() && !there, "metadata has a key that was removed", "no "+key, fmt.Sprint(metadata)+w.why())
	})
	s.step(`the answer is the whole sandbox, as it was but for its metadata`, w.wholeSandbox)
	s.step(`metadata "(.*)" of "(.*)" is refused with 400, or comes back unchanged`, w.takenUnchanged)
}

// wholeSandbox compares the latest answer with what get showed before.
func (w *World) wholeSandbox(context.Context) error {
	box, err := w.box()
	if err != nil {
		return err
	}
	o := body(w.last)
	for _, name := range []string{"id", "createdAt", "expiresAt"} {
		want, there := box.Latest.at(name)
		got, _ := o.at(name)
		if there && got != want {
			return w.check(false, name+" is missing or another", fmt.Sprint(want), w.shown(name))
		}
	}
	return w.check(w.last.OK() && o.text("status", "state") == "Running", "the state is another", "Running", w.shown("status"))
}

// takenUnchanged creates a sandbox with odd metadata, which a deployment may refuse.
func (w *World) takenUnchanged(ctx context.Context, key, value string) error {
	if err := w.createSandbox(ctx, map[string]any{"metadata": map[string]any{key: value}}); err != nil {
		return err
	}
	if !w.last.OK() {
		return w.status("400")
	}
	box, err := w.box()
	if err != nil {
		return err
	}
	if _, err := w.look(ctx, box); err != nil {
		return err
	}
	metadata, _ := box.Latest["metadata"].(map[string]any)
	got, there := metadata[key].(string)
	return w.check(there && got == value, "metadata that was taken comes back changed", quoted(value), fmt.Sprint(metadata))
}
