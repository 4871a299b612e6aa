package main

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// moves changes the moves of a request.
func (o treeOp) moves(what string, change func(moves []treeMove) []treeMove) mutant.Fault {
	return mutant.RewriteRequestBody(o.Match, what, func(body []byte) []byte {
		moves := movesOf(body)
		if len(moves) == 0 || wrongMoves(body) != "" {
			return body
		}
		after := change(slices.Clone(moves))
		if slices.Equal(moves, after) {
			return body
		}
		list := make([]map[string]string, 0, len(after))
		for _, m := range after {
			list = append(list, map[string]string{"src": m.Src, "dest": m.Dest})
		}
		return mustJSON(list)
	})
}

// anyMove picks requests of which one move passes the test, all others being right.
func (o treeOp) anyMove(test func(m treeMove) bool) mutant.Match {
	return o.WithRawBody(func(b []byte) bool { return slices.ContainsFunc(movesOf(b), test) })
}

func (m treeMove) missing() bool { return lkind(m.Src) == "missing" }

// onto says that there is something at both ends.
func (m treeMove) onto() bool {
	return m.Src != "" && !m.missing() && m.free() && lkind(m.Dest) != "missing"
}

// free says that a fault may touch both ends.
func (m treeMove) free() bool { return !spare(m.Src) && !spare(m.Dest) && m.Src != m.Dest }

// whole says that all moves of a request can be made.
func whole(moves []treeMove) bool {
	return len(moves) > 0 && !slices.ContainsFunc(moves, func(m treeMove) bool { return m.missing() || lkind(m.Dest) != "missing" || !m.free() })
}

// onceMoved is what a fault does behind each move that was made.
func onceMoved(change func(m treeMove) bool) serving {
	return afterwards(true, func(_ *http.Request, body []byte) func() bool {
		moves := movesOf(body)
		if !whole(moves) {
			return nil
		}
		return func() bool {
			changed := false
			for _, m := range moves {
				changed = change(m) || changed
			}
			return changed
		}
	})
}

// eachMove is what a fault does in place of the daemon with the moves of which when is true of one.
func eachMove(when func(m treeMove) bool, do func(m treeMove)) serving {
	return takenOver(func(_ *http.Request, body []byte) func() {
		moves := movesOf(body)
		if !slices.ContainsFunc(moves, when) || slices.ContainsFunc(moves, treeMove.missing) {
			return nil
		}
		return func() {
			for _, m := range moves {
				if when(m) {
					do(m)
				}
			}
		}
	})
}

// refusedMove is what a fault does behind a move onto something that was refused.
func refusedMove(do func(m treeMove) bool) serving {
	return afterwards(false, func(_ *http.Request, body []byte) func() bool {
		moves := movesOf(body)
		if !slices.ContainsFunc(moves, treeMove.onto) {
			return nil
		}
		return func() bool {
			changed := false
			for _, m := range moves {
				if m.onto() {
					changed = do(m) || changed
				}
			}
			return changed
		}
	})
}

// treeMoveMutants move files and directories wrongly.
func treeMoveMutants() []Mutant {
	o := moveFiles
	missing, onto := o.anyMove(treeMove.missing), o.anyMove(treeMove.onto)
	allThere := o.WithRawBody(func(b []byte) bool { return whole(movesOf(b)) })
	clear := func(what string, gone func(path string, d fs.DirEntry) bool) Mutant {
		return o.does("EX-MOVE-02", what, onceMoved(func(m treeMove) bool { return removeWithin(m.Dest, gone) }))
	}
	onlyThose := func(what string, change func(moves []treeMove) []treeMove) mutant.Fault {
		return o.moves(what, func(moves []treeMove) []treeMove {
			if len(moves) < 2 || !whole(moves) {
				return moves
			}
			return change(moves)
		})
	}
	return slices.Concat(
		breaks("EX-MOVE-01", o.undocumented(404, 400)...),
		breaks("EX-MOVE-02",
			onlyThose("the first of several alone", func(moves []treeMove) []treeMove { return moves[:1] }),
			onlyThose("the last of several alone", func(moves []treeMove) []treeMove { return moves[len(moves)-1:] }),
			onlyThose("the last of several is left out", func(moves []treeMove) []treeMove { return moves[:len(moves)-1] }),
			onlyThose("destinations are taken the other way round", func(moves []treeMove) []treeMove {
				last := len(moves) - 1
				moves[0].Dest, moves[last].Dest = moves[last].Dest, moves[0].Dest
				return moves
			}),
			o.instead(allThere, "200, and nothing is moved", nil),
		),
		breaks("EX-MOVE-02", o.not(allThere.WithRawBody(func(b []byte) bool {
			return slices.ContainsFunc(movesOf(b), func(m treeMove) bool { return isFolder(m.Src) })
		}), "a directory is refused", 200, 400, 500)...),
		[]Mutant{
			o.does("EX-MOVE-02", "answered before it is done", tooLate),
			o.does("EX-MOVE-02", "copied: the source stays", onceMoved(func(m treeMove) bool { return copyTree(m.Dest, m.Src) })),
			o.does("EX-MOVE-02", "an empty directory stays at the source", onceMoved(func(m treeMove) bool {
				return isFolder(m.Dest) && os.Mkdir(m.Src, 0o755) == nil
			})),
			clear("what is hidden is lost", func(path string, _ fs.DirEntry) bool { return strings.HasPrefix(filepath.Base(path), ".") }),
			clear("directories in a directory are lost", func(_ string, d fs.DirEntry) bool { return d.IsDir() }),
			clear("files in a directory are lost", func(_ string, d fs.DirEntry) bool { return !d.IsDir() }),
			clear("empty directories are lost", func(path string, d fs.DirEntry) bool { return d.IsDir() && len(inside(path)) == 0 }),
			clear("links are lost", func(_ string, d fs.DirEntry) bool { return d.Type() == fs.ModeSymlink }),
			o.does("EX-MOVE-02", "the content is lost", onceMoved(func(m treeMove) bool {
				info, err := os.Lstat(m.Dest)
				return err == nil && info.Mode().IsRegular() && info.Size() > 0 && os.Truncate(m.Dest, 0) == nil
			})),
			o.does("EX-MOVE-02", "the source is deleted and the destination is not made", onceMoved(func(m treeMove) bool { return removedAt(m.Dest) })),
		},
		breaks("EX-MOVE-03", o.not(missing, "a missing source", 404, 200, 204, 400, 409, 500)...),
		breaks("EX-MOVE-03", o.moves("a missing source among others is left out", func(moves []treeMove) []treeMove {
			there := slices.DeleteFunc(slices.Clone(moves), treeMove.missing)
			if len(there) == 0 {
				return moves
			}
			return there
		})),
		breaks("EX-MOVE-04", o.instead(onto, "200, and nothing is moved", nil)),
		breaks("EX-MOVE-04", o.not(onto, "onto something", 400, 403, 404, 409, 500)...),
		[]Mutant{
			o.does("EX-MOVE-04", "into a directory that is there", eachMove(func(m treeMove) bool { return m.onto() && isFolder(m.Dest) }, func(m treeMove) {
				_ = os.Rename(m.Src, filepath.Join(m.Dest, filepath.Base(m.Src)))
			})),
			o.does("EX-MOVE-04", "two directories are merged", eachMove(func(m treeMove) bool { return m.onto() && isFolder(m.Dest) && isFolder(m.Src) }, func(m treeMove) {
				if copyTree(m.Src, m.Dest) {
					removedAt(m.Src)
				}
			})),
			o.does("EX-MOVE-04", "the destination is replaced and the source stays", eachMove(treeMove.onto, func(m treeMove) {
				removedAt(m.Dest)
				copyTree(m.Src, m.Dest)
			})),
			o.does("EX-MOVE-04", "refused, and the source is gone", refusedMove(func(m treeMove) bool { return removedAt(m.Src) })),
			o.does("EX-MOVE-04", "refused, and the destination is gone", refusedMove(func(m treeMove) bool { return removedAt(m.Dest) })),
			o.does("EX-MOVE-04", "refused, and the destination is replaced", refusedMove(func(m treeMove) bool {
				return removedAt(m.Dest) && os.Rename(m.Src, m.Dest) == nil
			})),
			o.does("EX-MOVE-05", "those before the one that fails are moved", itemByItem(false, nil)),
			o.does("EX-MOVE-05", "the others are moved", itemByItem(true, nil)),
			o.does("EX-MOVE-05", "sources are looked for beforehand, destinations are not", itemByItem(true, func(_ *http.Request, body []byte) bool {
				return slices.ContainsFunc(movesOf(body), treeMove.onto) && !slices.ContainsFunc(movesOf(body), treeMove.missing)
			})),
			o.does("EX-MOVE-05", "destinations are looked for beforehand, sources are not", itemByItem(true, func(_ *http.Request, body []byte) bool {
				return !slices.ContainsFunc(movesOf(body), treeMove.onto) && slices.ContainsFunc(movesOf(body), treeMove.missing)
			})),
		},
		o.badBodies("EX-MOVE-06", wrongMoves, mendMoves, noJSON, wrongType, noField),
		breaks("EX-MOVE-06",
			o.instead(o.WithRawBody(func(b []byte) bool { return lacks(b, "dest") }), "no dest: 200", nil),
			o.instead(o.WithRawBody(func(b []byte) bool { return lacks(b, "src") }), "no src: 200", nil),
		),
	)
}

// lacks says whether an element of a body that is a list of objects lacks a property.
func lacks(body []byte, property string) bool {
	var list []map[string]any
	return json.Unmarshal(body, &list) == nil &&
		slices.ContainsFunc(list, func(e map[string]any) bool { return e[property] == nil })
}

// removeWithin removes from a directory, at any depth, what passes the test, and says whether something did.
func removeWithin(root string, test func(path string, d fs.DirEntry) bool) bool {
	var all []string
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != root && test(path, d) {
			all = append(all, path)
		}
		return nil
	})
	return removeAll(all)
}

// copyTree copies a file, or a directory with all that is in it, what is there being kept or written over.
func copyTree(from, to string) bool {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		info, err := d.Info()
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(target, info.Mode().Perm())
		case d.Type() == fs.ModeSymlink:
			leads, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(leads, target)
		case !d.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, info.Mode().Perm())
	}) == nil
}
