package main

import (
	"context"
	"net/http"
	"sync"
	"time"
)

func nowMilli() int64 { return time.Now().UnixMilli() }

// unnoticed serves a request as if its client stayed for ever. With atOutput the next write shows that it has gone.
func unnoticed(atOutput bool) func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
	return func(next http.Handler, act func(), w http.ResponseWriter, r *http.Request) {
		d := &detached{w: w, fails: atOutput}
		done := make(chan struct{})
		inner := r.Clone(context.WithoutCancel(r.Context()))
		takeBody(inner) // it outlives the connection
		go func() {     // ends when its command does, at the latest when the daemon is closed
			defer close(done)
			next.ServeHTTP(d, inner)
		}()
		select {
		case <-done:
		case <-r.Context().Done():
			d.leave()
			select {
			case <-done: // it was over anyway
			default:
				act()
			}
		}
	}
}

// detached passes an answer on until its client has gone.
type detached struct {
	mu    sync.Mutex
	w     http.ResponseWriter
	gone  bool
	fails bool
	own   http.Header // what is left for the handler when the client has gone
}

func (d *detached) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone, d.own = true, http.Header{}
}

func (d *detached) Header() http.Header {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone {
		return d.own
	}
	return d.w.Header()
}

func (d *detached) WriteHeader(status int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.gone {
		d.w.WriteHeader(status)
	}
}

func (d *detached) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.gone && d.fails:
		return 0, http.ErrHandlerTimeout
	case d.gone:
		return len(b), nil
	}
	n, err := d.w.Write(b)
	if err != nil && !d.fails {
		return len(b), nil
	}
	return n, err
}

// FlushError is what http.ResponseController looks for.
func (d *detached) FlushError() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone {
		return nil
	}
	if err := http.NewResponseController(d.w).Flush(); err != nil && d.fails {
		return err
	}
	return nil
}
