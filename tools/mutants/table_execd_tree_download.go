package main

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// treeDownloadMutants answer downloads of what is no file wrongly, and leave out the size of one.
func treeDownloadMutants() []Mutant {
	o := readFile
	odd, none := o.forOne("other"), o.withoutPath()
	outside := ranged(span.outside)
	size := func(what string, write func(size int64) string) mutant.Fault {
		return mutant.Fault{Name: o.String() + ": " + what, Match: outside, Response: func(res *http.Response, act func()) error {
			if s, ok := spanOf(res.Request); ok && res.StatusCode == http.StatusRequestedRangeNotSatisfiable {
				act()
				res.Header.Set("Content-Range", write(s.size))
			}
			return nil
		}}
	}
	hangs := func(requirement, what string, answer func(w http.ResponseWriter)) Mutant {
		return o.does(requirement, what, func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
			if lkind(r.URL.Query().Get("path")) != "other" || r.Header.Get(tokenHeader) != token {
				next.ServeHTTP(w, r)
				return
			}
			act()
			answer(w)
			<-r.Context().Done()
		})
	}
	return slices.Concat(
		breaks("EX-DOWNLOAD-10",
			o.named(mutant.DropHeader(outside.On(416), "Content-Range"), "416 without Content-Range"),
			size("416 with bytes */*", func(int64) string { return "bytes */*" }),
			size("416 with the size alone", func(size int64) string { return fmt.Sprint(size) }),
			size("416 with */SIZE", func(size int64) string { return fmt.Sprintf("*/%d", size) }),
			size("416 with bytes=*/SIZE", func(size int64) string { return fmt.Sprintf("bytes=*/%d", size) }),
			size("416 with the last byte in place of the size", func(size int64) string { return fmt.Sprintf("bytes */%d", size-1) }),
			size("416 with the size 0", func(int64) string { return "bytes */0" }),
			size("416 with a range of the whole", func(size int64) string { return fmt.Sprintf("bytes 0-%d/%d", size-1, size) }),
		),
		breaks("EX-DOWNLOAD-11", o.not(odd, "no file", 400, 200, 204, 403, 404, 500)...),
		[]Mutant{
			hangs("EX-DOWNLOAD-11", "no file: waits for ever", func(http.ResponseWriter) {}),
			hangs("EX-DOWNLOAD-11", "no file: begins to answer, and waits for ever", func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", "application/octet-stream")
				w.WriteHeader(http.StatusOK)
				_ = http.NewResponseController(w).Flush() // to a client that may be gone
			}),
		},
		breaks("EX-DOWNLOAD-12", o.not(none, "no path", 400, 200, 204, 404, 422, 500)...),
	)
}
