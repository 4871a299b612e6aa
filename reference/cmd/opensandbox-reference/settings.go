package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// settings is all that can be set about a server: by flag, variable and config
// file. The name of a flag is its name in the file.
type settings struct {
	configFile

	Listen        string `help:"Address to listen on (${default}); port 0 takes a free one." default:"127.0.0.1:8080" env:"OPENSANDBOX_LISTEN" placeholder:"ADDR"`
	PublicAddress string `help:"Host and port in endpoints, where clients don't reach this server by the address they ask at." env:"OPENSANDBOX_PUBLIC_ADDRESS" placeholder:"ADDR"`
	ManageListen  string `help:"Address for metrics (/metrics) and profiles (/debug/pprof/), which take no key: one that clients can't reach. Off where it is not set." env:"OPENSANDBOX_MANAGE_LISTEN" placeholder:"ADDR"`
	AddressFile   string `help:"File to write the address to that is listened on." env:"OPENSANDBOX_ADDRESS_FILE" placeholder:"FILE"`

	APIKey     []string `name:"api-key" sep:"none" help:"Key that clients send in OPEN-SANDBOX-API-KEY; may be given several times. Other users of the machine can read a flag: the variable or a file is better." env:"OPENSANDBOX_API_KEY" placeholder:"KEY" secret:""`
	APIKeyFile []string `name:"api-key-file" sep:"none" help:"File with further keys, one a line; # begins a comment. May be given several times." env:"OPENSANDBOX_API_KEY_FILE" placeholder:"FILE"`
	NoAPIKey   bool     `name:"insecure-no-api-key" help:"Serve anyone who can connect, without a key." env:"OPENSANDBOX_INSECURE_NO_API_KEY"`

	stateFlag
	runtimeFlags

	Pool []string `sep:"none" help:"Image of which N containers are kept ready, for sandboxes that are there at once; may be given for several." env:"OPENSANDBOX_POOL" placeholder:"IMAGE=N"`

	ManualCleanup bool          `help:"Allow sandboxes without a timeout, which live until they are deleted." env:"OPENSANDBOX_MANUAL_CLEANUP"`
	MaxTimeout    time.Duration `help:"Longest life of a sandbox from now (${default})." default:"24h" env:"OPENSANDBOX_MAX_TIMEOUT"`
	Retention     time.Duration `help:"How long Terminated and Failed sandboxes stay readable (${default})." default:"10m" env:"OPENSANDBOX_RETENTION"`

	ServiceTimeout time.Duration `help:"How long a service in a sandbox may take to begin an answer, or to take none of an upload; then the answer is 504 (${default})." default:"2m" env:"OPENSANDBOX_SERVICE_TIMEOUT"`
	DrainTimeout   time.Duration `help:"How long requests in progress may go on after SIGTERM or SIGINT (${default})." default:"10s" env:"OPENSANDBOX_DRAIN_TIMEOUT"`
	MaxBodyBytes   int64         `help:"Longest body of an operation of the API (${default}); what goes to sandboxes has no limit." default:"1048576" env:"OPENSANDBOX_MAX_BODY_BYTES" placeholder:"BYTES"`
	MaxHeaderBytes int           `help:"Longest head of a request (${default})." default:"1048576" env:"OPENSANDBOX_MAX_HEADER_BYTES" placeholder:"BYTES"`
	Rate           float64       `help:"Operations a second that each key may ask for on the long run; more are answered 429. 0: any number." default:"0" env:"OPENSANDBOX_RATE" placeholder:"N"`
	Burst          int           `help:"Operations that each key may ask for at once, where there is a rate (${default})." default:"100" env:"OPENSANDBOX_BURST" placeholder:"N"`

	LogFormat string     `help:"Form of the log on standard error: text or json." enum:"text,json" default:"text" env:"OPENSANDBOX_LOG_FORMAT"`
	LogLevel  slog.Level `help:"Least level that is logged: debug, info, warn or error." default:"info" env:"OPENSANDBOX_LOG_LEVEL"`
}

type stateFlag struct {
	State string `help:"Directory for what survives a restart (${default})." default:"${state}" env:"OPENSANDBOX_STATE" placeholder:"DIR"`
}

type runtimeFlags struct {
	Runtime string `help:"What runs sandboxes: docker; process, which needs no engine and has this machine's files as its one image, host; auto takes docker where an engine answers (${default})." enum:"auto,docker,process" default:"auto" env:"OPENSANDBOX_RUNTIME" placeholder:"NAME"`
	Execd   string `help:"Binary of the daemon that goes into every sandbox (${default})." default:"${execd}" env:"OPENSANDBOX_EXECD" placeholder:"PATH"`

	DockerNetwork string        `help:"Docker network of the sandboxes, made beforehand; without it the server makes one in which they can't reach each other." env:"OPENSANDBOX_DOCKER_NETWORK" placeholder:"NAME"`
	PidsLimit     int64         `help:"How many processes and threads a sandbox may have (${default})." default:"2048" env:"OPENSANDBOX_PIDS_LIMIT" placeholder:"N"`
	PullTimeout   time.Duration `help:"How long the pull of an image may take (${default})." default:"10m" env:"OPENSANDBOX_PULL_TIMEOUT"`

	ProcessTier    string   `help:"How the runtime process keeps sandboxes apart: ${tiers}. Without it the best that works here." enum:",${tiers}" default:"" env:"OPENSANDBOX_PROCESS_TIER" placeholder:"TIER"`
	ProcessShow    []string `sep:"none" help:"Directory in a home directory that sandboxes of the runtime process may read: home directories are empty for them. May be given several times." env:"OPENSANDBOX_PROCESS_SHOW" placeholder:"DIR"`
	ProcessExposed bool     `name:"insecure-process-exposed" help:"Let the runtime process serve at an address that is not a loopback address." env:"OPENSANDBOX_INSECURE_PROCESS_EXPOSED"`
}

// pool is how many containers of an image are to be kept ready.
func (s *settings) pool() (map[string]int, error) {
	const most = 1000
	pool := map[string]int{}
	for _, text := range s.Pool {
		at := strings.LastIndexByte(text, '=')
		n, err := strconv.Atoi(text[at+1:])
		if at < 1 || err != nil || n < 0 || n > most {
			return nil, fmt.Errorf("pool: %q must be an image, =, and a number up to %d, such as python:3.12-slim=4", text, most)
		}
		if _, twice := pool[text[:at]]; twice {
			return nil, fmt.Errorf("pool: %s stands there twice", text[:at])
		}
		pool[text[:at]] = n
	}
	return pool, nil
}

// check refuses settings that a server can't be run with.
func (s *settings) check() error {
	for name, value := range map[string]time.Duration{
		"max-timeout": s.MaxTimeout, "retention": s.Retention, "service-timeout": s.ServiceTimeout, "drain-timeout": s.DrainTimeout,
		"pull-timeout": s.PullTimeout,
	} {
		if value <= 0 {
			return fmt.Errorf("%s is %s; give a time that is longer than none", name, value)
		}
	}
	if s.MaxTimeout < time.Minute {
		return fmt.Errorf("max-timeout is %s; the shortest timeout of a sandbox is 1m", s.MaxTimeout)
	}
	if s.MaxBodyBytes < 1024 || s.MaxHeaderBytes < 1024 {
		return errors.New("max-body-bytes and max-header-bytes must be 1024 or more")
	}
	if s.PidsLimit < 1 {
		return errors.New("pids-limit must be 1 or more")
	}
	if _, err := s.pool(); err != nil {
		return err
	}
	if s.Rate < 0 || s.Burst < 1 {
		return errors.New("rate must not be negative, and burst must be 1 or more")
	}
	for name, address := range map[string]string{"listen": s.Listen, "manage-listen": s.ManageListen} {
		if address == "" && name == "manage-listen" {
			continue
		}
		if _, _, err := net.SplitHostPort(address); err != nil {
			return fmt.Errorf("%s: %w; give HOST:PORT", name, err)
		}
	}
	return nil
}

// defaultState is where the XDG Base Directory Specification keeps state, and for root the Filesystem Hierarchy Standard;
// a state of root's that is where it used to be stays there.
func defaultState() string {
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "opensandbox-state"
		}
		base = filepath.Join(home, ".local", "state")
		// Root's home is closed to the users that the runtime process may give to sandboxes.
		if _, err := os.Stat(filepath.Join(base, "opensandbox-reference")); err != nil && os.Getuid() == 0 {
			base = "/var/lib"
		}
	}
	return filepath.Join(base, "opensandbox-reference")
}

// defaultExecd is the binary beside this one.
func defaultExecd() string {
	own, err := os.Executable()
	if err != nil {
		return "execd"
	}
	return filepath.Join(filepath.Dir(own), "execd")
}
