package main

import (
	"fmt"
	"net/http"
	"os"
	"slices"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// A treeOp is an operation of execd on files and directories, to be broken on the wire or around the handler.
type treeOp struct {
	mutant.Match
	method, path string
}

func onTree(method, path string) treeOp { return treeOp{mutant.Op(method, path), method, path} }

var (
	removeFiles = onTree("DELETE", "/files")
	chmodFiles  = onTree("POST", "/files/permissions")
	moveFiles   = onTree("POST", "/files/mv")
	searchFiles = onTree("GET", "/files/search")
	replaceText = onTree("POST", "/files/replace")
	makeDirs    = onTree("POST", "/directories")
	removeDirs  = onTree("DELETE", "/directories")
	listDir     = onTree("GET", "/directories/list")
	sendFile    = onTree("POST", "/files/upload")
	readFile    = onTree("GET", "/files/download")
)

// treeMutants break what execd does to trees of files.
func treeMutants() []Mutant {
	return slices.Concat(
		treeRemoveMutants(), treeChmodMutants(), treeAccountMutants(), treeMoveMutants(),
		treeSearchMutants(), treePatternMutants(), treeReplaceMutants(), treeReplaceRefusalMutants(),
		treeMkdirMutants(), treeRmdirMutants(), treeListMutants(), treeListEntryMutants(),
		treeInfoMutants(), treeUploadMutants(), treeDownloadMutants(),
	)
}

// serving is what a fault around the handler does with a request.
type serving = func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request)

// does is a mutant that serves the operation in a way of its own.
func (o treeOp) does(requirement, what string, serve serving) Mutant {
	return misbehaves(requirement, what, o.method, o.path, serve)
}

// named tells a fault of the operation from others.
func (o treeOp) named(f mutant.Fault, what string) mutant.Fault { return renamed(f, o.Match, what) }

// not gives the requests that m picks a wrong status in place of the right one. A wrong success does nothing and has no
// body; a right success that is refused does nothing either.
func (o treeOp) not(m mutant.Match, what string, right int, wrong ...int) []mutant.Fault {
	var faults []mutant.Fault
	for _, status := range wrong {
		f := mutant.Status(m, right, status)
		switch {
		case status < 300:
			f = mutant.Answer(m, status, nil)
		case right < 300:
			f = mutant.Answer(m, status, refusal("it can't be done"))
		}
		faults = append(faults, o.named(f, fmt.Sprintf("%s: status %d", what, status)))
	}
	return faults
}

// instead answers the requests that m picks with 200 and a body, nil for none.
func (o treeOp) instead(m mutant.Match, what string, body any) mutant.Fault {
	return o.named(mutant.Answer(m, http.StatusOK, body), what)
}

// undocumented are answers that the description of an operation with an empty success does not have; refused are the
// statuses of its refusals.
func (o treeOp) undocumented(refused ...int) []mutant.Fault {
	faults := []mutant.Fault{
		mutant.Status(o.Match, 200, 201),
		mutant.Status(o.Match, 200, 204),
		chained(o.Match, "a body that is not documented", mutant.ContentType(o.Match, "application/json"),
			mutant.Body(o.Match, "", func(body []byte) []byte {
				if len(body) > 0 {
					return body
				}
				return []byte(`{"success":true}`)
			})),
	}
	return append(faults, o.badRefusals(refused...)...)
}

// badRefusals are refusals without an error body as it is documented.
func (o treeOp) badRefusals(refused ...int) []mutant.Fault {
	var faults []mutant.Fault
	for i, status := range refused {
		m := o.On(status)
		of := func(f mutant.Fault, what string) mutant.Fault { return o.named(f, fmt.Sprint(status)+" "+what) }
		faults = append(faults, of(mutant.EmptyBody(m), "without a body"))
		if i == 0 {
			faults = append(faults, of(mutant.DropField(m, "code"), "without code"))
			continue
		}
		faults = append(faults, of(asText(m, "it can't be done"), "as plain text"))
	}
	return faults
}

// forOne picks requests of which one path, at least, is of a kind; forAny those of several where that is one of them.
func (o treeOp) forOne(of string) mutant.Match {
	return o.with(func(path string) bool { return lkind(path) == of })
}

func (o treeOp) forAny(of string) mutant.Match {
	return o.forOne(of).Where(func(r *http.Request) bool { return len(singles(r, takeBody(r))) > 1 })
}

// with picks requests of which a path passes the test.
func (o treeOp) with(test func(path string) bool) mutant.Match {
	return o.Where(func(r *http.Request) bool { return slices.ContainsFunc(pathsOf(r, takeBody(r)), test) })
}

// withoutPath picks the requests that name no path.
func (o treeOp) withoutPath() mutant.Match {
	return o.Where(func(r *http.Request) bool { return !r.URL.Query().Has("path") })
}

// lkind is "file", "directory", "symlink", "other" or "missing", links taken as such; empty for no path.
func lkind(path string) string {
	if path == "" {
		return ""
	}
	info, err := os.Lstat(path)
	if err != nil {
		return "missing"
	}
	return typeOfMode(info.Mode())
}

// typeOfMode is the type that a FileInfo gives.
func typeOfMode(mode os.FileMode) string {
	switch mode.Type() {
	case 0:
		return "file"
	case os.ModeDir:
		return "directory"
	case os.ModeSymlink:
		return "symlink"
	}
	return "other"
}
