package supervise

import (
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lastWords keeps the last line that a program wrote to a pipe. A nil one keeps
// nothing.
type lastWords struct {
	r, w *os.File
	done sync.WaitGroup

	line, before []byte // the line that is being written, and the last one that wasn't blank
}

// longestWords is how much of a line is kept, in bytes.
const longestWords = 1000

func listenFor() (*lastWords, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &lastWords{r: r, w: w}, nil
}

// begin starts to read, once the program has its end of the pipe.
func (l *lastWords) begin() {
	if l == nil {
		return
	}
	l.w.Close()
	l.done.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := l.r.Read(buf)
			l.take(buf[:n])
			if err != nil {
				return
			}
		}
	})
}

func (l *lastWords) take(p []byte) {
	for _, c := range p {
		switch {
		case c == '\n':
			l.end()
		case len(l.line) < longestWords:
			l.line = append(l.line, c)
		}
	}
}

func (l *lastWords) end() {
	if strings.TrimSpace(string(l.line)) != "" {
		l.before = append(l.before[:0], l.line...)
	}
	l.line = l.line[:0]
}

// last gives the last line so far. Others may still hold the pipe: what is in
// it is read, and no more is waited for.
func (l *lastWords) last() string {
	if l == nil {
		return ""
	}
	_ = l.r.SetReadDeadline(time.Now())
	l.done.Wait()
	if raw, err := l.r.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			buf := make([]byte, 64<<10)
			for range 16 { // as much as the pipe can hold, should it be written to all the time
				n, err := unix.Read(int(fd), buf)
				if n <= 0 || err == syscall.EINTR {
					return
				}
				l.take(buf[:n])
			}
		})
	}
	l.r.Close()
	l.end()
	return strings.TrimSpace(strings.ToValidUTF8(string(l.before), "\uFFFD"))
}
