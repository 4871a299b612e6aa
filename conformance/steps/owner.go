package steps

import (
	"context"
	"strings"
)

// mayChangeOwners is about a condition of requirements: only root can give files away.
func (w *World) mayChangeOwners(ctx context.Context) error {
	known := &w.Target.facts
	const name = "owners can be changed"
	may, found := known.Found(name)
	if !found {
		said, err := w.quiet(ctx, `f="${TMPDIR:-/tmp}/osc-owner-$$"; : > "$f" && chown 1 "$f" 2>/dev/null && echo may; rm -f "$f"`)
		if err != nil {
			return err
		}
		may = said == "may"
		known.Set(name, may)
	}
	if !may {
		return &Skip{"the daemon may not change owners here"}
	}
	users, err := w.quiet(ctx, `u= g=; while IFS=: read -r n p i r; do case "$n" in *[!a-z]*) ;; *) if [ "$i" -gt 0 ] && [ "$i" -lt 1000 ] && grep -q "^$n:" /etc/group; then if [ -z "$u" ]; then u=$n; elif [ -z "$g" ]; then g=$n; fi; fi ;; esac; done < /etc/passwd; echo "$u $g"`)
	if err != nil {
		return err
	}
	names := strings.Fields(users)
	if len(names) != 2 {
		return &Skip{"the image does not name two users that are groups too"}
	}
	w.vars["user"], w.vars["group"] = names[0], names[1]
	return nil
}
