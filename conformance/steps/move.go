package steps

import (
	"context"
	"fmt"
)

// movedOnto checks a move onto a path that exists: refused, or the destination replaced whole.
func (w *World) movedOnto(ctx context.Context, dest, src string) error {
	if w.last.OK() {
		there, err := w.exists(ctx, w.expand(src))
		if err != nil {
			return err
		}
		if err := w.check(!there, "a move that was made left its source", "no "+w.expand(src), "it is there"); err != nil {
			return err
		}
		return w.holds(ctx, dest, "first")
	}
	if err := w.status("400"); err != nil {
		return err
	}
	if err := w.holds(ctx, src, "first"); err != nil {
		return err
	}
	return w.holds(ctx, dest, "second")
}

// directoryMovedOnto checks a move of a directory, which holds "in", onto another, which holds "other".
func (w *World) directoryMovedOnto(ctx context.Context, dest, src string) error {
	want := map[string]bool{src + "/in": true, dest + "/other": true, dest + "/in": false}
	if w.last.OK() {
		want = map[string]bool{src: false, dest + "/other": false, dest + "/in": true}
	} else if err := w.status("400"); err != nil {
		return err
	}
	for p, there := range want {
		got, err := w.exists(ctx, w.expand(p))
		if err != nil {
			return err
		}
		if err := w.check(got == there, "a directory was neither left alone nor replaced whole", fmt.Sprintf("%s there: %v", w.expand(p), there), fmt.Sprint(got)); err != nil {
			return err
		}
	}
	return nil
}
