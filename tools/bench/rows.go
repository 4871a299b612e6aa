package main

// row is one figure of the daemon or the server, what it is compared with, and what it may be.
type row struct {
	work      string
	benchmark string // its name below BenchmarkExecd or BenchmarkReference
	unit      string // of the figure; that of the reference is "bare-" and this
	bare      string // what the reference is; "": there is none
	rule      rule
	target    float64
}

// rule says how a figure is held to its target.
type rule int

const (
	atMost    rule = iota // figure ≤ target
	plus                  // figure − reference ≤ target
	timesMost             // figure ÷ reference ≤ target
	timesLow              // figure ÷ reference ≥ target
)

// rows are the targets. They hold on any machine as far as they are relative to what was measured in the same run.
var rows = []row{
	{"POST /command true, whole response, p50", "command", "p50-ms", "bash -c true by os/exec", plus, 0.8},
	{"POST /command true, whole response, p99", "command", "p99-ms", "bash -c true by os/exec", plus, 10},
	{"a line written to its event received, p50", "line", "p50-ms", "", atMost, 1},
	{"stdout of 2-byte lines (yes)", "stdout-2bytes", "MBps", "event bytes that are ready made", timesLow, 0.6},
	{"stdout of 80-byte lines, 200 MB", "stdout-80bytes", "MBps", "event bytes that are ready made", timesLow, 0.8},
	{"upload of 500 MB", "upload", "MBps", "io.Copy(file, r.Body)", timesLow, 0.9},
	{"download of 500 MB", "download", "MBps", "http.FileServer", timesLow, 0.9},
	{"search over 50,000 files", "search", "ms", "filepath.WalkDir and statx", timesMost, 1.3},
	{"200 commands at once", "commands-at-once", "ms", "the same by os/exec", timesMost, 1.3},
	{"python 1+1, warm, p50", "python", "p50-ms", "", atMost, 1},
	{"bash :, warm, p50", "bash", "p50-ms", "", atMost, 1},
	{"javascript 1+1, warm, p50", "javascript", "p50-ms", "", atMost, 1},
	{"cold python context to its first result", "python-cold", "ms", "python3 -c 1+1", timesMost, 1.5},
	{"exec to the first answered ping", "start", "ms", "", atMost, 10},
	{"the same under its supervisor", "start", "supervised-ms", "", atMost, 10},
	{"size of the stripped binary", "size", "MB", "", atMost, 15},
	{"resident memory at rest, all processes", "rest", "MB", "", atMost, 15},
	{"resident memory after all of the above", "after", "MB", "", atMost, 60},
	{"goroutines left over", "after", "goroutines", "", atMost, 0},
	{"descriptors left over", "after", "descriptors", "", atMost, 0},

	{"create to Running, p50", "create", "ms", "the engine: create and start", timesMost, 1.1},
	{"the same with a container that was kept ready", "pool", "p50-ms", "", atMost, 30},
	{"the same where sandboxes are processes", "process", "p50-ms", "", atMost, 40},
	{"delete to gone, p50", "create", "delete-ms", "the engine: rm -f", timesMost, 1.1},
	{"POST /sandboxes answered, p50", "create", "answer-ms", "", atMost, 5},
	{"50 sandboxes created at once, all Running", "create-at-once", "ms", "the engine: the same", timesMost, 1.1},
	{"GET /sandboxes/{id} of 10,000, p99", "rows", "get-p99-ms", "", atMost, 2},
	{"GET /sandboxes with filters, 10,000, p99", "rows", "list-p99-ms", "", atMost, 5},
	{"restart with 1,000 sandboxes to first answer", "restart", "ms", "", atMost, 500},
	{"the server's resident memory at rest", "restart", "MB", "", atMost, 40},
	{"first event through the gateway, p50", "gateway-event", "p50-ms", "direct", plus, 0.3},
	{"download of 500 MB through the gateway", "gateway-download", "MBps", "httputil.ReverseProxy", timesLow, 1},
}
