// Command crash shows that the reference server loses nothing. Over a Docker engine, or over processes of this machine
// (-runtime process), it creates, pauses, resumes, renews and deletes sandboxes, while it kills the server with -9 at
// random moments and starts it again. In the end every sandbox that was accepted must be in the state that was promised,
// with a container or without, and there must be no other.
//
//	go run ./tools/crash -seed 7 -rounds 5
//
// It exits with 1 when something is wrong, and says what. The seed decides what is done and when; what the kill meets
// differs from run to run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/docker/docker/client"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/outage"
)

type options struct {
	seed      uint64
	rounds    int
	sandboxes int
	binary    string
	image     string
	network   string
	runtime   string
	cut       bool
	restart   string
	keep      bool
}

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "what to decide by")
	flag.IntVar(&o.rounds, "rounds", 5, "how often the server is killed")
	flag.IntVar(&o.sandboxes, "sandboxes", 20, "how many sandboxes are created")
	flag.StringVar(&o.binary, "server", "bin/opensandbox-reference", "the server's binary; execd lies beside it")
	flag.StringVar(&o.image, "image", "opensandbox/debian:local", "image of the sandboxes, with sleep")
	flag.StringVar(&o.runtime, "runtime", "docker", "what runs the sandboxes: docker or process")
	flag.StringVar(&o.network, "network", "", "the server's --docker-network")
	flag.BoolVar(&o.cut, "cut", false, "take the engine away from the server in between, too")
	flag.StringVar(&o.restart, "restart", "", "shell command that restarts the engine in between; the engine must have live-restore, so that containers go on")
	flag.BoolVar(&o.keep, "keep", false, "keep the server's log and state, though nothing is wrong")
	flag.Parse()
	if o.runtime == "process" {
		o.image = "host"
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	begun := time.Now()
	wrong, err := run(ctx, o)
	switch {
	case err != nil:
		fmt.Fprintf(os.Stderr, "crash: seed %d: %v\n", o.seed, err)
		os.Exit(1)
	case wrong > 0:
		fmt.Fprintf(os.Stderr, "crash: seed %d: %d things are wrong, see above (%s)\n", o.seed, wrong, time.Since(begun).Round(time.Second))
		os.Exit(1)
	}
	fmt.Printf("seed %d: nothing is wrong (%s)\n", o.seed, time.Since(begun).Round(time.Second))
}

// run does all rounds and returns how many things are wrong.
func run(ctx context.Context, o options) (wrong int, err error) {
	docker, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return 0, fmt.Errorf("make a Docker client: %w", err)
	}
	defer docker.Close()
	dir, err := os.MkdirTemp("", "opensandbox-crash-")
	if err != nil {
		return 0, err
	}
	found := &findings{}
	s := &server{binary: o.binary, runtime: o.runtime, dir: dir, network: o.network, log: filepath.Join(dir, "server.log")}
	if o.cut {
		way, err := outage.Open("unix", filepath.Join(dir, "docker.sock"), docker.Dialer())
		if err != nil {
			return 0, err
		}
		defer way.Close()
		s.way = way
	}
	var e engine = &containers{docker: docker, server: s}
	if o.runtime == "process" {
		e = &processes{server: s}
	}
	defer func() {
		s.kill()
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
		defer cancel()
		e.clear(cleaning)
		if wrong > 0 || err != nil || o.keep {
			fmt.Fprintf(os.Stderr, "the server's log and state are kept in %s\n", dir)
			return
		}
		err = os.RemoveAll(dir)
	}()
	c := &crash{options: o, server: s, engine: e, found: found}
	if err := c.rounds(ctx); err != nil {
		return found.count(), err
	}
	err = c.end(ctx)
	return found.count(), err
}

// crash is one run of the program.
type crash struct {
	options options
	server  *server
	engine  engine
	found   *findings
	actors  []*actor
}

// rounds kills the server again and again while all actors act.
func (c *crash) rounds(ctx context.Context) error {
	rng := rand.New(rand.NewPCG(c.options.seed, 0))
	acting, rest := context.WithCancel(ctx)
	defer rest()
	var group sync.WaitGroup
	defer group.Wait()
	defer rest()
	if err := c.server.start(ctx); err != nil {
		return err
	}
	for i := range c.options.sandboxes {
		a := newActor(c, i)
		c.actors = append(c.actors, a)
		group.Go(func() { a.act(acting) })
	}
	for round := range c.options.rounds {
		c.announce(round)
		life := 300*time.Millisecond + time.Duration(rng.Int64N(int64(3500*time.Millisecond)))
		if err := c.live(ctx, rng, life); err != nil {
			return err
		}
		c.server.kill()
		early := 0
		for ; rng.IntN(4) == 0; early++ { // while it takes over from the one before
			if err := c.server.startAndKill(ctx, time.Duration(rng.Int64N(int64(300*time.Millisecond)))); err != nil {
				return err
			}
		}
		down := time.Now()
		if err := c.server.start(ctx); err != nil {
			return err
		}
		fmt.Printf("round %d: killed after %s, %d times while starting, back within %s; %d accepted\n", round+1,
			life.Round(time.Millisecond), early, time.Since(down).Round(time.Millisecond), c.accepted())
	}
	// Whoever has not got round to it yet creates now.
	c.announce(c.options.rounds)
	for _, a := range c.actors {
		select {
		case <-a.created:
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Minute):
			return errors.New("a sandbox could not be created within a minute after the last round")
		}
	}
	return nil
}

// live lets the server live, and takes its engine away for a part of that, or
// restarts it.
func (c *crash) live(ctx context.Context, rng *rand.Rand, life time.Duration) error {
	if c.server.way == nil && c.options.restart == "" {
		return pause(ctx, life)
	}
	before := time.Duration(rng.Int64N(int64(life)))
	if err := pause(ctx, before); err != nil {
		return err
	}
	if c.options.restart != "" {
		if out, err := exec.CommandContext(ctx, "sh", "-c", c.options.restart).CombinedOutput(); err != nil {
			return fmt.Errorf("restart the engine: %w\n%s", err, out)
		}
		return pause(ctx, life-before)
	}
	c.server.way.Cut()
	if err := pause(ctx, (life-before)/2); err != nil {
		return err
	}
	if rng.IntN(3) > 0 { // else it is killed without its engine
		if err := c.server.way.Mend(); err != nil {
			return err
		}
	}
	return pause(ctx, (life-before)/2)
}

// announce lets the actors begin whose turn it is.
func (c *crash) announce(round int) {
	for _, a := range c.actors {
		if round >= a.index*c.options.rounds/c.options.sandboxes {
			a.begin()
		}
	}
}

func (c *crash) accepted() (n int) {
	for _, a := range c.actors {
		if a.accepted() {
			n++
		}
	}
	return n
}

// pause waits, since that is what a random moment is.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// findings collects what is wrong, and says it at once.
type findings struct {
	mu sync.Mutex
	n  int
}

func (f *findings) add(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	fmt.Fprintf(os.Stderr, "WRONG: "+format+"\n", args...)
}

func (f *findings) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}
