package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// bareVariable makes the test binary a process that serves the references, so that they too are in a process of their own.
const bareVariable = "BENCH_BARE_DIR"

const throughHeader = "X-Through"

func startBare(b *testing.B) *server {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	return start(b, exec.Command(self), bareVariable+"="+b.TempDir())
}

// serveBare answers what the daemon does, with nothing around it.
func serveBare() {
	dir := os.Getenv(bareVariable)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) { // as many as the client takes
		line := r.URL.Query().Get("line")
		events := []byte(strings.Repeat(eventOf(line), max(1, 64<<10/(len(line)+1))))
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			for part := range chunks(events, 256<<10) {
				if _, err := w.Write(part); err != nil {
					return
				}
			}
			if http.NewResponseController(w).Flush() != nil {
				return
			}
		}
	})
	mux.HandleFunc("POST /upload", func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Create(dir + "/upload")
		if err == nil {
			_, err = io.Copy(f, r.Body)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.Handle("GET /", http.FileServer(http.Dir("/")))
	mux.Handle("GET /through/", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { // to the host that a header names
		r.Out.URL.Scheme, r.Out.URL.Host = "http", r.In.Header.Get(throughHeader)
		r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, "/through")
	}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("listening address=" + l.Addr().String())
	panic(http.Serve(l, mux))
}

// eventOf is the event of a line, as long as the daemon's.
func eventOf(line string) string {
	return `data: {"type":"stdout","timestamp":1700000000000,"text":"` + line + "\"}\n\n"
}

func chunks(p []byte, size int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(p) > 0 {
			n := min(len(p), size)
			if !yield(p[:n]) {
				return
			}
			p = p[n:]
		}
	}
}

// body is n bytes that take no memory.
func body(n int64) io.Reader {
	return io.LimitReader(&repeat{text: bytes.Repeat([]byte("0123456789abcde\n"), 64<<10)}, n)
}

type repeat struct {
	text []byte
	at   int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	return n, nil
}
