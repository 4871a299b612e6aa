package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/reach"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/relay"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
)

// stopTime is how long requests have to end after SIGTERM; commands have ended by then.
const stopTime = 5 * time.Second

type serveCmd struct{}

func (*serveCmd) Run(flags daemonFlags, given secret) error {
	log := flags.log()
	token, err := flags.token(given)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	listener, err := listen(flags.Listen)
	if err != nil {
		return err
	}
	listeners := []net.Listener{listener}
	if flags.Also != "" {
		if also, err := listen(flags.Also); err == nil {
			listeners = append(listeners, also)
		} else {
			log.Info("what runs here does not find the daemon at the usual address", "error", err)
		}
	}
	api, err := execd.New(execd.Config{Log: log, Token: token, Root: flags.Root, Keep: flags.keep(), CodePort: flags.CodePort, PreferKernels: flags.PreferKernels})
	if err != nil {
		return err
	}
	defer api.Close()
	if flags.Ports != "" {
		ports, err := listen(flags.Ports)
		if err != nil {
			return err
		}
		defer reach.Serve(ports).Close()
	}
	if flags.Egress != "" {
		if out, err := net.Listen("tcp", relay.Address); err != nil { // a program of the sandbox was quicker
			log.Error("programs can't use the egress proxy", "error", err)
		} else {
			defer relay.Serve(out, flags.Egress, log).Close()
		}
	}
	if token == "" {
		log.Warn("open to anyone: there is no token; give one with --token-file or EXECD_ACCESS_TOKEN")
	}
	log.Info("listening", "address", listener.Addr().String())

	server := &http.Server{
		Handler:           api,
		ConnContext:       stream.ConnContext,
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       2 * time.Minute, // clients keep connections for 90 s
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	var g errgroup.Group
	for _, l := range listeners {
		g.Go(func() error {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				stop()
				return err
			}
			return nil
		})
	}
	g.Go(func() error {
		<-ctx.Done()
		log.Info("stopping")
		limit, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		g.Go(func() error { api.Close(); return nil }) // streams end with their commands
		if err := server.Shutdown(limit); err != nil {
			return server.Close()
		}
		return nil
	})
	return g.Wait()
}
