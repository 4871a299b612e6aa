package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/manage"
)

// listen answers requests until ctx ends, and then those in progress. The
// management address, where there is one (metrics is not nil), answers until
// the last of them is answered; guard keeps sandboxes away from it.
func (c *serveCommand) listen(ctx context.Context, stop func(), server *reference.Server, metrics *manage.Metrics, engine engine, log *slog.Logger) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	var group errgroup.Group
	var management *http.Server
	if metrics != nil {
		second, err := new(net.ListenConfig).Listen(ctx, "tcp", c.ManageListen)
		if err != nil {
			return errors.Join(fmt.Errorf("management address: %w", err), listener.Close())
		}
		management = c.httpServer(metrics.Handler(server.Health()), log)
		group.Go(func() error { return serveOn(management, engine.Guard(second), stop) })
		log.Info("management address open", "manage_address", second.Addr().String())
		if at, ok := second.Addr().(*net.TCPAddr); ok && !at.IP.IsLoopback() {
			log.Warn("whoever can connect to the management address reads figures and profiles of this server: it takes no key")
		}
	}
	address := listener.Addr().String()
	if err := c.announce(address); err != nil {
		err = errors.Join(err, listener.Close())
		if management != nil {
			err = errors.Join(err, management.Close())
		}
		return errors.Join(err, group.Wait())
	}
	log.Info("listening", "address", address, "state", c.State, "runtime", engine.Name(), "execd", c.Execd, "manual_cleanup", c.ManualCleanup)
	if c.NoAPIKey {
		log.Warn("no API key is asked for: whoever can connect can run programs here")
	}
	public := c.httpServer(server.Handler(), log)
	group.Go(func() error { return serveOn(public, listener, stop) })
	group.Go(func() error {
		<-ctx.Done()
		stop() // a second signal ends the process at once
		err := c.drain(context.WithoutCancel(ctx), public, server, log)
		if management != nil {
			err = errors.Join(err, management.Close())
		}
		return err
	})
	return group.Wait()
}

func (c *serveCommand) httpServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       120 * time.Second, // clients keep connections for 90 s
		MaxHeaderBytes:    c.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

func serveOn(h *http.Server, l net.Listener, stop func()) error {
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return err
	}
	return nil
}

// drain takes no more connections, waits for the requests in progress and for
// upgraded connections, and breaks off what is left after the drain timeout.
func (c *serveCommand) drain(ctx context.Context, public *http.Server, server *reference.Server, log *slog.Logger) error {
	log.Info("stopping: sandboxes live on", "carried", server.Carried(), "drain_timeout", c.DrainTimeout)
	server.Stopping()
	ctx, cancel := context.WithTimeout(ctx, c.DrainTimeout)
	defer cancel()
	err := public.Shutdown(ctx)
	if err == nil {
		err = server.Drain(ctx)
	}
	if err != nil {
		log.Warn("requests were broken off", "carried", server.Carried(), "error", err)
		return public.Close()
	}
	return nil
}
