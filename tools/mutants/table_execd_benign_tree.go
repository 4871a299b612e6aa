package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// treeVariants are daemons that are odd and allowed in what they do to files and directories.
func treeVariants() []Benign {
	trusted := func(m mutant.Match) mutant.Match { return m.WithHeader(tokenHeader, token) }
	notJSON := func(o treeOp, wrong func([]byte) string) mutant.Fault {
		m := trusted(o.Match).WithRawBody(func(b []byte) bool { return wrong(b) == noJSON })
		return o.named(mutant.Status(m, 400, 415), "415 for a body that is no JSON")
	}
	trees := []string{"files", "directories"}
	var variants []Benign
	for _, f := range []mutant.Fault{
		notJSON(chmodFiles, wrongPermissions), notJSON(moveFiles, wrongMoves),
		notJSON(replaceText, wrongReplacements), notJSON(makeDirs, wrongPermissions),
		mutant.RewriteQuery(replaceText.Match, "without replace-counts", func(q url.Values) { q.Del("verbose") }),
		mutant.ReorderKeys(listDir.Always()),
		mutant.ReorderKeys(searchFiles.Always()),
		mutant.Chunked(listDir.Match),
		mutant.Chunked(searchFiles.Match),
		mutant.Trickle(listDir.Match, 50),
		mutant.JSON(searchFiles.Match, "hits in another order", func(v any) any {
			if list, ok := v.([]any); ok {
				slices.Reverse(list)
			}
			return v
		}),
		furtherProperties(searchFiles), furtherProperties(listDir),
		chained(replaceText.Match, "further properties of counts", mutant.SetField(replaceText.Match, "*.path", "x"), mutant.SetField(replaceText.Match, "*.bytes", 7)),
		wholeSeconds(searchFiles.Match, "*."), wholeSeconds(listDir.Match, "*."), wholeSeconds(fileInfo, "*."),
		madeWhenChanged(searchFiles.Match), madeWhenChanged(listDir.Match), madeWhenChanged(fileInfo),
		chained(listDir.Match, "times of another zone", mutant.ChangeField(listDir.Match, "*.modified_at", "", elsewhere), mutant.ChangeField(listDir.Match, "*.created_at", "", elsewhere)),
	} {
		variants = append(variants, Benign{Wire: f, Groups: trees})
	}
	for _, status := range []int{http.StatusNotFound, http.StatusNotImplemented} {
		variants = append(variants, Benign{Name: "without directory-listing: " + strconv.Itoa(status), HTTP: withoutListing(status), Groups: trees, Alone: true})
	}
	odd := func(what string, o treeOp, serve serving) Benign {
		return Benign{Name: o.String() + ": " + what, HTTP: o.does("", what, serve).HTTP, Groups: trees}
	}
	return append(variants,
		odd("a destination that is there is replaced whole", moveFiles, replacing),
		odd("parents get the mode and the owner of what is made", makeDirs, afterwards(true, eachPath(likeItsChild))),
		odd("a file with text replaced is a new file", replaceText, afterwards(true, eachPath(anew))),
	)
}

func furtherProperties(o treeOp) mutant.Fault {
	return chained(o.Match, "further properties of files", mutant.SetField(o.Match, "*.inode", 7), mutant.SetField(o.Match, "*.target", nil))
}

// wholeSeconds leaves the parts of seconds out of times.
func wholeSeconds(m mutant.Match, path string) mutant.Fault {
	whole := func(v any) any {
		value, _ := v.(string)
		at, err := time.Parse(time.RFC3339Nano, value)
		if err != nil {
			return v
		}
		return at.UTC().Format(time.RFC3339)
	}
	return chained(m, "times in whole seconds", mutant.ChangeField(m, path+"modified_at", "", whole), mutant.ChangeField(m, path+"created_at", "", whole))
}

// madeWhenChanged is a file system that knows no time at which a file was made.
func madeWhenChanged(m mutant.Match) mutant.Fault {
	same := func(e any) {
		if h, ok := e.(map[string]any); ok && h["created_at"] != nil {
			h["created_at"] = h["modified_at"]
		}
	}
	return mutant.JSON(m, "created_at is modified_at", func(v any) any {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				same(e)
			}
		case map[string]any:
			for _, e := range v {
				same(e)
			}
		}
		return v
	})
}

// withoutListing is a daemon of before directories could be listed.
func withoutListing(status int) func(next http.Handler, act func()) http.Handler {
	return func(next http.Handler, act func()) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == listDir.path && r.Header.Get(tokenHeader) == token:
				act()
				decline(w, status, "directories can't be listed")
			case r.URL.Path == searchFiles.path || r.URL.Path == "/files/info":
				rec := httptest.NewRecorder()
				next.ServeHTTP(rec, r)
				body := untyped(rec.Body.Bytes())
				if !bytes.Equal(body, rec.Body.Bytes()) {
					act()
				}
				rec.Body = bytes.NewBuffer(body)
				rec.Header().Set("Content-Length", strconv.Itoa(len(body)))
				handOn(w, rec)
			default:
				next.ServeHTTP(w, r)
			}
		})
	}
}

// untyped leaves the types out of an answer of FileInfo.
func untyped(body []byte) []byte {
	var list []hit
	var all map[string]any
	switch {
	case numbers(body).Decode(&list) == nil && list != nil:
		for _, h := range list {
			delete(h, "type")
		}
		return mustJSON(list)
	case numbers(body).Decode(&all) == nil:
		for _, e := range all {
			if h, ok := e.(map[string]any); ok {
				delete(h, "type")
			}
		}
		return mustJSON(all)
	}
	return body
}

// replacing makes room for the one move of a request.
func replacing(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
	moves := movesOf(takeBody(r))
	if len(moves) == 1 && moves[0].onto() && r.Header.Get(tokenHeader) == token && removedAt(moves[0].Dest) {
		act()
	}
	next.ServeHTTP(w, r)
}

// missingParents are the folders above a path that are not there, the nearest first.
func missingParents(path string) []string {
	var all []string
	for dir := filepath.Dir(path); lkind(dir) == "missing" && !spare(dir); dir = filepath.Dir(dir) {
		all = append(all, dir)
	}
	return all
}

// likeItsChild gives the parents that were made the mode and the owner of the directory that was asked for.
func likeItsChild(path string, entry map[string]any) func() bool {
	bits, moded := bitsOf(entry)
	folders := missingParents(path)
	if len(folders) == 0 {
		return nil
	}
	return func() bool {
		uid, gid, ok := owned(path)
		changed := false
		for _, dir := range folders {
			changed = moded && setMode(dir, os.FileMode(bits&0o777)) || changed
			changed = ok && setOwner(dir, uid, gid) || changed
		}
		return changed
	}
}

// anew puts a copy of a file in its place: the same content, mode and owner.
func anew(path string, _ map[string]any) func() bool {
	if lkind(path) != "file" {
		return nil
	}
	return func() bool {
		info, err := os.Stat(path)
		uid, gid, ok := owned(path)
		copied := path + ".new"
		if err != nil || !ok || !copyTree(path, copied) {
			return false
		}
		if os.Chown(copied, uid, gid) != nil || os.Chmod(copied, info.Mode()) != nil || os.Chtimes(copied, time.Now(), info.ModTime()) != nil {
			return false
		}
		return os.Rename(copied, path) == nil
	}
}
