// Package jupyter runs the Jupyter kernels that an image holds as languages of the daemon: it finds their
// kernelspecs, starts kernels and speaks the Jupyter messaging protocol 5 with them over ZeroMQ. It needs no
// Jupyter server and knows no HTTP; refusals are fault.Errors.
//
// A kernel is code of the sandbox and is not trusted: its messages are verified, and what it sends can't make
// the daemon allocate without bounds.
package jupyter

import (
	"log/slog"
	"os"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
)

const defaultStartTimeout = time.Minute // a JVM on a busy machine takes many seconds

// Config is what kernels are found and started with. The zero value finds those that Jupyter would find.
type Config struct {
	Log          *slog.Logger  // nil: slog.Default()
	Env          []string      // of the kernels, and where they are looked for; nil: os.Environ(). EXECD_… is never handed on
	Root         string        // folder for connection files and sockets, made when it is first needed; better short; "": os.TempDir()
	Dir          string        // working directory of the kernels; "": the daemon's
	StartTimeout time.Duration // how long a kernel may take until it answers; 0: a minute
}

// Discover lists the languages that the kernelspecs of this machine offer, one kernel for each: the first in
// the order of SearchPath, then of the folders' names. Specs that can't be used are logged and left out. It only
// reads small files: ask again rather than keep the answer, the image's files may change.
func Discover(c Config) ([]code.Language, error) {
	c = c.withDefaults()
	var languages []code.Language
	seen := map[string]bool{}
	for _, spec := range findSpecs(c) {
		if seen[spec.Language] {
			continue
		}
		seen[spec.Language] = true
		languages = append(languages, &language{config: c, spec: spec})
	}
	return languages, nil
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Env == nil {
		c.Env = os.Environ()
	}
	if c.Root == "" {
		c.Root = os.TempDir()
	}
	if c.StartTimeout == 0 {
		c.StartTimeout = defaultStartTimeout
	}
	return c
}

// language is one that a kernelspec offers.
type language struct {
	config Config
	spec   spec
}

var _ code.Language = (*language)(nil)

// Name is the language of the kernelspec in lower case.
func (l *language) Name() string { return l.spec.Language }
