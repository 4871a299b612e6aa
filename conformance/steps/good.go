package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/exchange"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/negative"
	"github.com/opensandbox-conformance/opensandbox-conformance/spec"
)

// good is what a good request of an operation has in place of the document's examples. In its texts ${name} is what
// the need of that name provides.
type good struct {
	needs []string
	query string // as on the wire
	body  string // JSON
	once  bool   // it does something that can be done once, so it is asked for after its cases only
	none  bool   // there is no request that every deployment carries out; its cases are wrong all the same
}

// goods are by operation. One that is not here has what its needs and the document's examples make up.
var goods = map[string]good{
	"createSandbox":          {needs: []string{"case"}, once: true},
	"renewSandboxExpiration": {needs: []string{"box"}, body: `{"expiresAt": "${in 850 s}"}`, once: true},
	"patchSandboxMetadata":   {needs: []string{"box"}, body: `{"project": "gemini"}`},
	"getSandboxEndpoint":     {needs: []string{"box"}},

	"runCommand":        {needs: []string{"dir"}, body: `{"command": "echo ran >> ${dir}/ran"}`},
	"interruptCommand":  {none: true},
	"getCommandStatus":  {needs: []string{"command"}},
	"getCommandOutput":  {needs: []string{"command"}},
	"getCommandLogs":    {needs: []string{"command"}},
	"createSession":     {needs: []string{"dir"}, body: `{"cwd": "${dir}"}`},
	"runInSession":      {needs: []string{"dir", "session"}, body: `{"command": "echo ran >> ${dir}/ran"}`},
	"createCodeContext": {needs: []string{"python"}, body: `{"language": "python"}`},
	"runCode": {needs: []string{"dir", "context"}, body: `{
		"code": "with open('${dir}/ran', 'a') as f: f.write('ran')", "context": {"id": "${context}", "language": "python"}}`},
	"interruptCode":  {none: true},
	"getFilesInfo":   {needs: []string{"dir"}, query: "path=${dir}/text"},
	"removeFiles":    {needs: []string{"dir"}, query: "path=${dir}/rm", once: true},
	"chmodFiles":     {needs: []string{"dir"}, body: `{"${dir}/modes": {"mode": 644}}`},
	"renameFiles":    {needs: []string{"dir"}, body: `[{"src": "${dir}/mv", "dest": "${dir}/moved"}]`, once: true},
	"searchFiles":    {needs: []string{"dir"}, query: "path=${dir}"},
	"replaceContent": {needs: []string{"dir"}, body: `{"${dir}/text": {"old": "osc", "new": "osc"}}`},
	"uploadFile":     {needs: []string{"dir"}, body: `{"path": "${dir}/uploaded", "mode": 644}`, once: true},
	"downloadFile":   {needs: []string{"dir"}, query: "path=${dir}/text"},
	"listDirectory":  {needs: []string{"dir"}, query: "path=${dir}"},
	"makeDirs":       {needs: []string{"dir"}, body: `{"${dir}/made": {"mode": 750}}`, once: true},
	"removeDirs":     {needs: []string{"dir"}, query: "path=${dir}/rmdir", once: true},
}

// ids are the needs that path parameters are filled from.
var ids = map[string]string{
	"sandboxId": "box", "context_id": "context", "sessionId": "session", "session": "command", "id": "command",
}

// goodRequest is the good request of an operation in one scenario.
type goodRequest struct {
	*negative.Base
	good
	sent    bool // once, before the first case
	matters bool // there were cases in which something of it was right
}

// goodOf makes the good request of an operation, and what it needs, once in a scenario.
func (w *World) goodOf(ctx context.Context, op *spec.Operation) (*goodRequest, error) {
	if known := w.goods[op.ID]; known != nil {
		return known, nil
	}
	g := goods[op.ID]
	for _, need := range g.needs {
		if err := w.provide(ctx, need); err != nil {
			return nil, err
		}
	}
	v := negative.Values{Path: map[string]string{}}
	for _, p := range op.Parameters {
		if value := w.vars["good "+ids[p.Value.Name]]; p.Value.In == "path" && value != "" {
			v.Path[p.Value.Name] = value
		}
	}
	var err error
	if v.Query, err = url.ParseQuery(w.filled(g.query)); err != nil {
		return nil, fmt.Errorf("the good query of %s: %w", op, err)
	}
	if op.ID == "createSandbox" {
		v.Body = w.request(map[string]any{"timeout": 60, "metadata": map[string]any{"osc-case": w.vars["case"]}})
	} else if g.body != "" {
		if err := json.Unmarshal([]byte(w.filled(g.body)), &v.Body); err != nil {
			return nil, fmt.Errorf("the good body of %s: %w", op, err)
		}
	}
	w.goods[op.ID] = &goodRequest{Base: negative.NewBase(op, v), good: g}
	return w.goods[op.ID], nil
}

// goodFirst makes sure that a good request is carried out: else nothing can be said of wrong ones.
func (w *World) goodFirst(ctx context.Context, c *judge.Client, g *goodRequest) error {
	if g.sent || g.none || g.once || !g.matters {
		return nil
	}
	x, err := w.sendGood(ctx, c, g.Base)
	switch {
	case err != nil:
		return err
	case judge.NotOffered(x):
		return &Skip{"it is answered " + answered(x)}
	case !x.OK():
		return unjudged("not even a good request is carried out: %s", answered(x))
	}
	g.sent = true
	return nil
}

// goodAgain checks that after all that was wrong good requests are carried out.
func (w *World) goodAgain(ctx context.Context) error {
	c, err := w.plane(ctx)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(w.goods)) {
		g := w.goods[id]
		if g.none || !g.matters {
			continue
		}
		x, err := w.sendGood(ctx, c, g.Base)
		if err != nil {
			return err
		}
		if id == "createSandbox" && elsewhere(x) {
			return unjudged("the deployment makes no sandbox now: %s", answered(x))
		}
		if judge.NotOffered(x) && !g.sent {
			continue // the checks of the operation itself say so
		}
		if err := w.check(x.OK(), "a good request after wrong ones is not carried out",
			fmt.Sprint(g.Operation().Success()), answered(x)); err != nil {
			return err
		}
	}
	if len(w.left) > 0 {
		return unjudged("%s", strings.Join(w.left, "; "))
	}
	return nil
}

// elsewhere says whether a create was refused for what lies outside the deployment: a quota, or too much at once.
func elsewhere(x *exchange.Exchange) bool {
	return slices.Contains([]int{http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable}, x.Status)
}

// filled puts what was provided into a text.
func (w *World) filled(text string) string {
	for need := range strings.FieldsSeq("dir session context command") {
		text = strings.ReplaceAll(text, "${"+need+"}", w.vars["good "+need])
	}
	return w.expand(text)
}

// provide makes what good requests need, once in a scenario.
func (w *World) provide(ctx context.Context, need string) error {
	if w.vars["good "+need] != "" {
		return nil
	}
	value, err := w.provided(ctx, need)
	if err == nil && value == "" {
		err = unjudged("a good request needs a %s, and none can be had: %s", need, w.answer())
	}
	w.vars["good "+need] = value
	return err
}

func (w *World) provided(ctx context.Context, need string) (string, error) {
	switch need {
	case "case":
		w.vars["case"] = newMark()
		return w.vars["case"], nil
	case "box":
		box, err := w.box()
		if err != nil {
			return "", err
		}
		return box.ID, nil
	case "dir":
		return w.goodDirectory(ctx)
	case "python":
		return need, w.language(ctx, "python", 1)
	case "context":
		if err := w.provide(ctx, "python"); err != nil {
			return "", err
		}
		err := w.newContext(ctx, "good", "python")
		return w.contexts["good"], err
	case "session":
		err := w.session(ctx, judge.Request{})
		return w.vars["session"], err
	case "command":
		fields := map[string]any{"command": "true", "background": true}
		data, header := judge.JSON(fields)
		w.vars["id"] = ""
		err := w.run(ctx, judge.Request{Body: data, Header: header, Fields: fields})
		return w.vars["id"], err
	}
	return "", fmt.Errorf("nobody provides %q", need)
}

// goodDirectory makes a directory with something for every request that needs a file.
func (w *World) goodDirectory(ctx context.Context) (string, error) {
	if err := w.directory(ctx); err != nil {
		return "", err
	}
	dir := w.vars["dir"]
	said, err := w.quiet(ctx, "umask 022; cd "+shellescape.Quote(dir)+
		" && for f in text modes mv rm; do echo osc > $f || exit 1; done && mkdir rmdir && echo osc > rmdir/file && echo made")
	if err == nil && said != "made" {
		err = unjudged("the files that good requests need can't be made: %s", said)
	}
	return dir, err
}
