package steps

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
)

// tokenHidden looks for the token of the daemon where a command can look. On a bare daemon other processes of the
// machine may have it for good reasons, the suite's own among them: there it is the command and what started it.
func (w *World) tokenHidden(ctx context.Context) error {
	c, err := w.execd(ctx)
	if err != nil {
		return err
	}
	token := c.Headers.Get(c.Document.KeyHeader())
	if len(token) < 8 {
		return &Skip{"the suite knows no token of the daemon that is long enough to look for: 8 characters"}
	}
	where := "/proc/[0-9]*"
	if w.Target.Bare != nil {
		where = "/proc/$$ /proc/$PPID $(for d in /proc/[0-9]*; do s=$(cat $d/stat 2>/dev/null) || continue; s=${s##*) }; set -- $s; [ \"$2\" = $PPID ] && echo $d; done)"
	}
	// In two halves, so that the search itself is not what it finds.
	a, b := shellescape.Quote(token[:len(token)/2]), shellescape.Quote(token[len(token)/2:])
	script := fmt.Sprintf(`a=%s; b=%s; for p in %s; do e=$(cat $p/environ $p/cmdline 2>/dev/null | tr '\0' '\n'); case "$e" in *"$a$b"*) echo seen in $p; exit;; esac; done; `+
		`e=$(env); case "$e" in *"$a$b"*) echo seen in env; exit;; esac; echo hidden`, a, b, where)
	if err := w.command(ctx, script, true); err != nil {
		return err
	}
	why := w.why()
	w.last = nil // its request holds the token, in halves that no redaction knows
	said := strings.TrimSpace(joined(w.out.stdout))
	if said == "" {
		return unjudged("the search for the token said nothing%s", why)
	}
	return w.check(said == "hidden", "a command can read the token of the daemon", "hidden", said)
}

// uidNotTaken asks for root where the daemon is not root.
func (w *World) uidNotTaken(ctx context.Context) error {
	own, err := w.quiet(ctx, "id -u")
	if err != nil {
		return err
	}
	if own == "0" {
		return &Skip{"the daemon is root and can take any uid"}
	}
	fields := map[string]any{"command": w.expand("id -u; id -u > ${dir}/mark"), "uid": 0}
	if err := w.run(ctx, judge.Object(fields)); err != nil {
		return err
	}
	if taken := w.last.OK() && joined(w.out.stdout) == "0"; taken {
		return w.check(true, "", "", "")
	}
	if err := w.check(w.last.Status == http.StatusBadRequest, "a uid that can't be taken is not refused", "400", w.answer()+" "+joined(w.out.stdout)); err != nil {
		return err
	}
	there, err := w.exists(ctx, w.expand("${dir}/mark"))
	if err != nil {
		return err
	}
	return w.check(!there, "a command ran though its uid can't be taken", "nothing is run", "it ran")
}
