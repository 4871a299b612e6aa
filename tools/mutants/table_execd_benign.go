package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/mutant"
)

// execdVariants are daemons that are odd and allowed.
func execdVariants() []Benign {
	all, errs := mutant.Any().Always(), mutant.Any().Errors()
	on := func(faults []mutant.Fault, groups ...string) []Benign {
		var variants []Benign
		for _, f := range faults {
			alone := strings.HasSuffix(f.Name, "other line ends") // no fault behind it finds the ends of events
			variants = append(variants, Benign{Wire: f, Groups: groups, Alone: alone})
		}
		return variants
	}
	return slices.Concat(
		on(oddAnswers(all, errs)), on(oddStreams()), on(oddFiles(), "files"), on(lessThanAll()), on(oddCode(), "code"), on(oddMetrics(), "metrics"),
		moreCommandVariants(), treeVariants(),
	)
}

func oddAnswers(all, errs mutant.Match) []mutant.Fault {
	// What is wrong with a language should be said in words that name those that there are.
	ofFew := errs.Where(func(r *http.Request) bool { return !strings.HasPrefix(r.URL.Path, "/code") })
	noJSON := runCommand.WithHeader(tokenHeader, token).WithRawBody(func(b []byte) bool { return !json.Valid(b) })
	noForm := uploadFile.Where(func(r *http.Request) bool {
		media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		return err != nil || media != "multipart/form-data"
	})
	return []mutant.Fault{
		mutant.ReorderKeys(fileInfo.Always()),
		mutant.ReorderKeys(errs),
		chained(all, "further headers", mutant.SetHeader(all, "X-Powered-By", "something"), mutant.SetHeader(all, "Server", "odd/1.0"),
			mutant.SetHeader(all, "Vary", "Origin"), mutant.SetHeader(all, "Access-Control-Allow-Origin", "*"), mutant.SetHeader(all, "X-Request-ID", "7"),
			mutant.SetHeader(mutant.Any().On(401), "WWW-Authenticate", "Bearer")),
		mutant.SetHeader(all, "Connection", "close"),
		answersLate(100 * time.Millisecond),
		chained(all, "a charset in content types", charset(mutant.Any().Always())),
		mutant.Chunked(fileInfo),
		mutant.Chunked(errs),
		chained(ofFew, "other words", mutant.SetField(ofFew, "message", "¡no!"), mutant.SetField(ofFew, "code", "ODD::BUT_ALLOWED")),
		chained(errs, "further properties of errors", mutant.SetField(errs, "request_id", "7"), mutant.SetField(errs, "details", map[string]any{"hint": nil})),
		spaced(mutant.Any().Always()),
		mutant.SetHeader(mutant.Any().On(405), "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
		renamed(mutant.Status(noJSON, 400, 415), runCommand, "415 for a body that is no JSON"),
		renamed(mutant.Status(noForm, 400, 415), uploadFile, "415 for a body that is no multipart"),
		mutant.RewriteRequestJSON(runCommand.WithHeader(tokenHeader, token), "null counts as absent", dropNulls),
		mutant.RewriteRequestJSON(setsModes.WithHeader(tokenHeader, token), "null counts as absent", func(b map[string]any) {
			for _, entry := range b {
				if o, ok := entry.(map[string]any); ok {
					dropNulls(o)
				}
			}
		}),
		renamed(mutant.Status(listsTree.Where(func(r *http.Request) bool { return r.URL.Query().Get("depth") == "-1" }), 400, 404), listsTree, "404 for a negative depth"),
	}
}

// dropNulls leaves out what is null.
func dropNulls(o map[string]any) {
	maps.DeleteFunc(o, func(_ string, v any) bool { return v == nil })
}

// answersLate answers every request some time later.
func answersLate(d time.Duration) mutant.Fault {
	return mutant.Fault{Name: "any operation: answers " + d.String() + " late", Match: mutant.Any(), Request: func(r *http.Request, act func()) error {
		act()
		return pass(r.Context(), d)
	}}
}

// charset adds a parameter to content types of text.
func charset(m mutant.Match) mutant.Fault {
	return mutant.Fault{Name: "charset", Match: m, Response: func(res *http.Response, act func()) error {
		switch res.Header.Get("Content-Type") {
		case "application/json", "text/event-stream", "text/plain":
			act()
			res.Header.Set("Content-Type", res.Header.Get("Content-Type")+"; charset=utf-8")
		}
		return nil
	}}
}

// spaced writes JSON answers for people.
func spaced(m mutant.Match) mutant.Fault {
	return mutant.Fault{Name: m.String() + ": JSON with white space", Match: m, Response: func(res *http.Response, act func()) error {
		if !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
			return nil
		}
		return mutant.Body(m, "", func(body []byte) []byte {
			var out bytes.Buffer
			if json.Indent(&out, bytes.TrimSpace(body), "", "  ") != nil {
				return body
			}
			return append(out.Bytes(), '\n')
		}).Response(res, act)
	}}
}

func oddStreams() []mutant.Fault {
	ping := map[string]any{"type": "ping"}
	return []mutant.Fault{
		mutant.EditData(runCommand, "*", "keys of events in another order", func(data []byte) []byte {
			var event map[string]json.RawMessage
			if json.Unmarshal(data, &event) != nil {
				return data
			}
			return mustJSON(event)
		}),
		mutant.EditData(runCommand, "*", "events with white space", func(data []byte) []byte {
			return bytes.ReplaceAll(bytes.Replace(data, []byte(`{`), []byte(`{ `), 1), []byte(`,"timestamp":`), []byte(`, "timestamp" : `))
		}),
		mutant.Comments(runCommand, "keep-alive"),
		mutant.ExtraField(runCommand, ":"),
		around("a ping before each event", func(f mutant.Frame) []mutant.Frame { return []mutant.Frame{stamped(ping, f), f} }),
		around("a ping after the end", func(f mutant.Frame) []mutant.Frame {
			if isLast(f) {
				return []mutant.Frame{f, stamped(ping, f)}
			}
			return []mutant.Frame{f}
		}),
		around("events of an unknown type before each", func(f mutant.Frame) []mutant.Frame {
			return []mutant.Frame{stamped(map[string]any{"type": "heartbeat", "text": "7", "load": []int{1}}, f), f}
		}),
		mutant.SetEventField(runCommand, "*", "trace", map[string]any{"id": "7"}),
		mutant.LineEnds(runCommand, "\r\n"),
		mutant.LineEnds(runCommand, "\r"),
		raw(runCommand, "no blank behind data:", func(data []byte) []byte { return slices.Concat([]byte("data:"), data, []byte("\n\n")) }),
		raw(runCommand, "two blank lines between events", func(data []byte) []byte { return slices.Concat([]byte("data: "), data, []byte("\n\n\n")) }),
		byteOrderMark(),
		mutant.SetHeader(runCommand, "Cache-Control", "no-store, No-Cache"),
		mutant.Trickle(runCommand, 100),
		mutant.HoldEnd(runCommand, 100*time.Millisecond),
		mutant.SetEventField(runCommand, "error", "error.traceback", []any{}),
		changeError("137 for a signal", func(e map[string]any) bool { return evalue(e) == "-1" }, func(e map[string]any) { setEvalue(e, "137") }),
		mutant.SetEventField(runCommand, "execution_complete", "execution_time", 0),
	}
}

// around changes each event of a stream to several.
func around(what string, change func(f mutant.Frame) []mutant.Frame) mutant.Fault {
	return framewise(runCommand, what, func(act func()) func(mutant.Frame) []mutant.Frame {
		return func(f mutant.Frame) []mutant.Frame {
			if f.Event == nil {
				return []mutant.Frame{f}
			}
			frames := change(f)
			if len(frames) > 1 {
				act()
			}
			return frames
		}
	})
}

// byteOrderMark begins each stream with one, which a reader leaves out (WHATWG HTML §9.2).
func byteOrderMark() mutant.Fault {
	return mutant.Stream(runCommand, "a byte order mark first", func(_ context.Context, act func()) mutant.Editor {
		begun := false
		return mutant.Editor{Frame: func(f mutant.Frame) ([]mutant.Frame, error) {
			if !begun {
				act()
				begun = true
				f.Raw = slices.Concat([]byte("\ufeff"), f.Raw)
			}
			return []mutant.Frame{f}, nil
		}}
	})
}

func oddFiles() []mutant.Fault {
	several := getFile.Where(func(r *http.Request) bool { return strings.Contains(r.Header.Get("Range"), ",") })
	malformed := getFile.Where(func(r *http.Request) bool {
		given := r.Header.Get("Range")
		return given != "" && !oneRange.MatchString(given) && !anyRanges.MatchString(given) && !lineRead(r)
	})
	return []mutant.Fault{
		chained(fileInfo, "further properties of files", mutant.SetField(fileInfo, "*.inode", 7), mutant.SetField(fileInfo, "*.xattrs", nil)),
		chained(fileInfo, "times of another zone", mutant.ChangeField(fileInfo, "*.modified_at", "", elsewhere), mutant.ChangeField(fileInfo, "*.created_at", "", elsewhere)),
		mutant.DropRequestHeader(several, "Range"),
		renamed(mutant.Answer(malformed, 400, refusal("no such range")), getFile, "400 for a malformed Range"),
		refusedRange(malformed),
		totalUnknown(getFile),
		chained(getFile, "other headers of files", mutant.SetHeader(getFile, "Content-Disposition", `inline; filename*=UTF-8''x.bin`),
			mutant.SetHeader(getFile, "ETag", `"7"`), mutant.SetHeader(getFile, "Last-Modified", "Mon, 21 Sep 2026 13:46:40 GMT")),
		mutant.Trickle(getFile, 1000),
	}
}

// elsewhere writes a time in another zone.
func elsewhere(v any) any {
	text, _ := v.(string)
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return v
	}
	return at.In(time.FixedZone("", 5*3600+1800)).Format("2006-01-02T15:04:05.000Z07:00")
}

// refusedRange answers 416 with the size of the file.
func refusedRange(m mutant.Match) mutant.Fault {
	return mutant.Fault{Name: getFile.String() + ": 416 for a malformed Range", Match: m, Response: func(res *http.Response, act func()) error {
		if res.StatusCode != http.StatusOK {
			return nil
		}
		size := sizeOf(res.Request)
		if err := mutant.Body(m, "", func([]byte) []byte { return mustJSON(refusal("no such range")) }).Response(res, act); err != nil {
			return err
		}
		res.StatusCode, res.Status = http.StatusRequestedRangeNotSatisfiable, "416 Range Not Satisfiable"
		res.Header.Set("Content-Type", "application/json")
		res.Header.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
		res.Header.Del("Content-Disposition")
		return nil
	}}
}

// totalUnknown does not say how large the file is (RFC 9110 §14.4).
func totalUnknown(m mutant.Match) mutant.Fault {
	return mutant.Fault{Name: getFile.String() + ": Content-Range with * as the size", Match: m, Response: func(res *http.Response, act func()) error {
		if before, _, ok := strings.Cut(res.Header.Get("Content-Range"), "/"); ok && res.StatusCode == http.StatusPartialContent {
			act()
			res.Header.Set("Content-Range", before+"/*")
		}
		return nil
	}}
}

// lessThanAll are daemons without optional capabilities.
func lessThanAll() []mutant.Fault {
	return []mutant.Fault{
		mutant.RewriteRequestJSON(runCommand.WithHeader(tokenHeader, token), "without command-options", func(b map[string]any) {
			for _, option := range []string{"timeout", "uid", "gid", "envs"} {
				delete(b, option)
			}
		}),
		mutant.RewriteQuery(getFile, "without line-reads", func(q url.Values) {
			q.Del("offset")
			q.Del("limit")
		}),
	}
}
