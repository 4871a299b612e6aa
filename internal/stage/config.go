// Package stage makes a sandbox of the process that it runs in: what the
// runtime "process" asks of execd's binary, which it starts in namespaces of
// its own as `execd stage`. It is told what to make through a pipe, gives
// itself a private view of the host's files, and becomes (or starts) the
// supervisor of the sandbox.
//
// The server uses only the types of this package; what works on mounts runs in
// the sandbox-to-be. Everything here happens before any program of the sandbox
// runs, and on paths that the server names: nothing of a sandbox is trusted.
package stage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/stage/confine"
)

// Descriptors that the server hands down. The working directory is the
// sandbox's own, <state>/sandboxes/ID.
const (
	FDConfig  = 3 + iota // read end of the pipe that Config comes through
	FDStatus             // write end: what went wrong; its end without a word is success
	FDExecd              // the socket that the daemon listens on
	FDPorts              // the socket by which ports of the sandbox are reached
	FDControl            // the socket that PID 1 takes orders at: see Stop
	FDUserNS             // the user namespace that ids are shifted by; only in the tier shifted
)

// Files and directories in the sandbox's own directory.
const (
	FileRecord  = "pid"          // which process this is: see Record
	FileBegun   = "begun"        // there once the whole of Config was read
	FileExecd   = "execd.sock"   // FDExecd's name
	FilePorts   = "ports.sock"   // FDPorts' name
	FileControl = "control.sock" // FDControl's name
	DirSaid     = "said"         // is /opt/opensandbox/said inside: see End
)

// Where things of ours are in every sandbox that has a view of its own.
const (
	DirInside   = "/opt/opensandbox"
	ExecdInside = DirInside + "/execd"
	SaidInside  = DirInside + "/" + DirSaid
	NetInside   = DirInside + "/net" // holds the egress proxy's socket
)

// Orders at FDControl, of one byte each, which comes back once it was carried
// out: stop all processes but PID 1, or let them go on, where there is no
// freezer.
const (
	Stop = 's'
	Go   = 'g'
)

// Config is what is to be made.
type Config struct {
	Hostname string
	Mounts   []Mount // in this order; the first is that of "/". None: no view of its own
	Shift    *Shift  // nil: ids inside are those outside
	Rlimits  []Rlimit
	Plain    *Plain // what holds it where it is in no namespace; nil: it is
	Network  bool   // there is a network namespace to bring up

	Program    string   // execd's binary, as the sandbox sees it
	Flags      []string // for its supervise command, before "--"
	Entrypoint []string
	Env        []string
	WorkDir    string // of the entrypoint and of commands
	Token      string
}

// Rlimit is a limit of each process (getrlimit(2)), soft and hard.
type Rlimit struct {
	Resource int
	Value    uint64
}

// Shift says by how much ids inside are shifted: 0 inside is Base outside.
type Shift struct{ Base, Size int }

// Plain is what confines a sandbox that is in no namespace.
type Plain struct {
	UID  int // the sandbox's own user; 0: that of the server
	View confine.View
}

// Kinds of Mount.
const (
	Overlay = "overlay" // From (of the host) with a layer of the sandbox's own above it
	Fresh   = "fresh"   // a new directory on disk, named From in the sandbox's directory; of UID, GID and Mode
	Bind    = "bind"    // From as it is, read-only
	Show    = "show"    // as Bind, of a disk: with its ids shifted as all others are
	Tmpfs   = "tmpfs"
	Hide    = "hide" // nothing is seen of what lies there; a path that is missing is passed over
	Proc    = "proc"
	Sys     = "sys"
	Dev     = "dev"
	Link    = "link" // no mount, a symbolic link to From
	Dir     = "dir"  // no mount, a directory; of UID and GID inside
)

// Mount is one step of making the view.
type Mount struct {
	Kind string
	At   string // where it shows inside, absolute
	From string
	Size int64  // bytes of a tmpfs at most
	Mode uint32 // of a fresh directory or a tmpfs; 0: 0755
	UID  int    // of a directory
	GID  int    // of a directory
	// New are directories in an overlay that hide what the host has there: as
	// Fresh, without a mount and thus without a path of the host in mountinfo.
	New  []Directory
	Own  []string // overlay in a user namespace: directories below it that the sandbox may write to
	User bool     // overlay: made by an unprivileged user
	// Optional is passed over where From or At is not there.
	Optional bool
}

// Directory is a new, empty one.
type Directory struct {
	At       string
	UID, GID int
	Mode     uint32
}

// Send writes a Config.
func (c *Config) Send(w io.Writer) error { return json.NewEncoder(w).Encode(c) }

// receive reads a Config. A server that died before it had sent all of it is
// an error: then there must be no sandbox.
func receive() (*Config, error) {
	pipe := os.NewFile(FDConfig, "config")
	if pipe == nil {
		return nil, errors.New("there is no configuration: this command is for the reference server only")
	}
	defer pipe.Close()
	b, err := io.ReadAll(pipe)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	var c Config
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return &c, nil
}
