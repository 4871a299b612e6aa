package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/docker"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/store"
)

type serveCommand struct {
	Listen        string        `help:"Address to listen on (${default}); port 0 takes a free one." default:"127.0.0.1:8080" env:"OPENSANDBOX_LISTEN" placeholder:"ADDR"`
	APIKey        string        `name:"api-key" help:"Key that clients send in OPEN-SANDBOX-API-KEY." env:"OPENSANDBOX_API_KEY" placeholder:"KEY"`
	NoAPIKey      bool          `name:"insecure-no-api-key" help:"Serve anyone who can connect, without a key." env:"OPENSANDBOX_INSECURE_NO_API_KEY"`
	State         string        `help:"Directory for what survives a restart (${default})." default:"${state}" env:"OPENSANDBOX_STATE" placeholder:"DIR"`
	Runtime       string        `help:"What runs sandboxes: docker." enum:"docker" default:"docker" env:"OPENSANDBOX_RUNTIME" placeholder:"NAME"`
	Execd         string        `help:"Binary of the daemon that goes into every sandbox (${default})." default:"${execd}" env:"OPENSANDBOX_EXECD" placeholder:"PATH"`
	ManualCleanup bool          `help:"Allow sandboxes without a timeout, which live until they are deleted." env:"OPENSANDBOX_MANUAL_CLEANUP"`
	PublicAddress string        `help:"Host and port in endpoints, where clients don't reach this server by the address they ask at." env:"OPENSANDBOX_PUBLIC_ADDRESS" placeholder:"ADDR"`
	MaxTimeout    time.Duration `help:"Longest life of a sandbox from now (${default})." default:"24h" env:"OPENSANDBOX_MAX_TIMEOUT"`
	Retention     time.Duration `help:"How long Terminated and Failed sandboxes stay readable (${default})." default:"10m" env:"OPENSANDBOX_RETENTION"`
	DockerNetwork string        `help:"Docker network of the sandboxes, made beforehand; without it the server makes one in which they can't reach each other." env:"OPENSANDBOX_DOCKER_NETWORK" placeholder:"NAME"`
	PidsLimit     int64         `help:"How many processes and threads a sandbox may have (${default})." default:"2048" env:"OPENSANDBOX_PIDS_LIMIT" placeholder:"N"`
	PullTimeout   time.Duration `help:"How long the pull of an image may take (${default})." default:"10m" env:"OPENSANDBOX_PULL_TIMEOUT"`
	AddressFile   string        `help:"File to write the address to that is listened on." env:"OPENSANDBOX_ADDRESS_FILE" placeholder:"FILE"`
	LogFormat     string        `help:"Form of the log on standard error: text or json." enum:"text,json" default:"text" env:"OPENSANDBOX_LOG_FORMAT"`
	LogLevel      slog.Level    `help:"Least level that is logged: debug, info, warn or error." default:"info" env:"OPENSANDBOX_LOG_LEVEL"`
}

const (
	startTimeout = 30 * time.Second // to reach the engine and take sandboxes over
	drainTimeout = 10 * time.Second // for requests and work in progress at the end
)

// Run serves until a signal comes.
func (c *serveCommand) Run() error {
	if c.APIKey == "" && !c.NoAPIKey {
		return errors.New("an API key is needed: set --api-key or OPENSANDBOX_API_KEY, or serve without one by --insecure-no-api-key")
	}
	if c.APIKey != "" && c.NoAPIKey {
		return errors.New("--api-key and --insecure-no-api-key contradict each other")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	return c.serve(ctx, stop)
}

func (c *serveCommand) serve(ctx context.Context, stop func()) (err error) {
	log := c.logger()
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	state, err := store.Open(starting, c.State)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()

	engine, err := docker.New(starting, docker.Config{
		Instance: state.Instance(), Execd: c.Execd, Log: log,
		Network: c.DockerNetwork, Pids: c.PidsLimit, PullTimeout: c.PullTimeout,
	})
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		err = errors.Join(err, engine.Close(closing))
	}()

	server, err := reference.New(starting, reference.Config{
		Store: state, Runtime: engine, Log: log, Keys: c.keys(), PublicAddress: c.PublicAddress,
		ManualCleanup: c.ManualCleanup, MaxTimeout: c.MaxTimeout, Retention: c.Retention,
	})
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		server.Close(closing)
	}()
	if err := server.Start(starting); err != nil {
		return err
	}
	return c.listen(ctx, stop, server.Handler(), log)
}

// listen answers requests until ctx ends, and then those in progress.
func (c *serveCommand) listen(ctx context.Context, stop func(), handler http.Handler, log *slog.Logger) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	address := listener.Addr().String()
	if err := c.announce(address); err != nil {
		return errors.Join(err, listener.Close())
	}
	log.Info("listening", "address", address, "state", c.State, "runtime", c.Runtime, "execd", c.Execd, "manual_cleanup", c.ManualCleanup)
	if c.NoAPIKey {
		log.Warn("no API key is asked for: whoever can connect can run programs here")
	}
	h := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       120 * time.Second, // clients keep connections for 90 s
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	var group errgroup.Group
	group.Go(func() error {
		if err := h.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			stop()
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		stop() // a second signal ends the process at once
		log.Info("stopping: sandboxes live on")
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		if err := h.Shutdown(drain); err != nil {
			log.Warn("requests were broken off", "error", err)
			return h.Close()
		}
		return nil
	})
	return group.Wait()
}

// announce writes the address for scripts that started the server on port 0.
func (c *serveCommand) announce(address string) error {
	if c.AddressFile == "" {
		return nil
	}
	// Renamed into place: who waits for the file must not see half an address.
	draft := c.AddressFile + ".new"
	if err := os.WriteFile(draft, []byte(address+"\n"), 0o644); err != nil {
		return fmt.Errorf("write the address: %w", err)
	}
	if err := os.Rename(draft, c.AddressFile); err != nil {
		return fmt.Errorf("write the address: %w", err)
	}
	return nil
}

func (c *serveCommand) keys() []string {
	if c.APIKey == "" {
		return nil
	}
	return []string{c.APIKey}
}

func (c *serveCommand) logger() *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

// defaultState is where the XDG Base Directory Specification keeps state.
func defaultState() string {
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "opensandbox-state"
		}
		base = filepath.Join(home, ".local", "state")
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
