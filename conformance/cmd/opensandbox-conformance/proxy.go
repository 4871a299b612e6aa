package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/judge"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/proxy"
)

// drain is how long exchanges that are under way may go on when the proxy is told to end.
const drain = 5 * time.Second

type proxyCmd struct {
	Upstream string        `default:"http://127.0.0.1:8080/v1" help:"Base URL of the lifecycle API."`
	Listen   string        `default:"127.0.0.1:8090" help:"Address to listen on; port 0 takes a free one."`
	Public   string        `placeholder:"ADDR" help:"Host and port of the proxy in endpoints, where clients don't reach it by the address they ask at."`
	Out      string        `type:"path" default:"out" help:"Folder for report.json, report.html, report.md and junit.xml."`
	Soon     time.Duration `default:"250ms" help:"How soon the first event of a stream should come."`
}

// Help explains what is judged, and the exit status.
func (proxyCmd) Help() string {
	return `Clients take the proxy for the server: a client's own tests become evidence about it and about the server. Everything
passes, streams live; endpoints of sandboxes lead through the proxy too, so that the daemon's answers are judged with the
server's. A request that is against the documents is a finding on the client's side (client in report.json), which counts
in no verdict. Traffic can break a deployment's claim but can't prove it: without an error the verdict is inconclusive.
The report is written at SIGINT or SIGTERM; before that, GET /__conformance/report.json shows it (also report.html,
report.md, report.txt, junit.xml). Keys, tokens, environments and uploads are in none, but commands, code and answers are.
Exit status: 0 no error of the deployment, 1 an error of the deployment, 2 a wrong call, 3 nothing was judged.`
}

func (c *proxyCmd) Run() error {
	upstream, err := url.Parse(c.Upstream)
	if err != nil || upstream.Scheme != "http" && upstream.Scheme != "https" {
		return wrongCall(fmt.Errorf("--upstream %q is no http or https URL", c.Upstream))
	}
	deadlines := judge.DefaultDeadlines()
	deadlines.FirstSoon, deadlines.EndSoon = c.Soon, max(c.Soon, deadlines.EndSoon)
	p, err := proxy.New(proxy.Config{Upstream: upstream, Public: c.Public, Deadlines: deadlines, Version: version()})
	if err != nil {
		return wrongCall(err)
	}
	defer p.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := carry(ctx, p, c.Listen); err != nil {
		return err
	}
	r, err := p.Report(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	path, err := writeReports(c.Out, r)
	if err != nil {
		return err
	}
	fmt.Printf("\nreport: %s\n", path)
	if err := r.WriteText(os.Stdout); err != nil {
		return err
	}
	switch {
	case r.Summary.Errors > 0:
		return exitStatus(exitFailure)
	case r.Summary.Held+r.Summary.Broken == 0:
		return exitStatus(exitInconclusive)
	}
	return nil
}

// carry serves until it is told to end.
func carry(ctx context.Context, p http.Handler, address string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	server := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	slog.New(slog.NewTextHandler(os.Stderr, nil)).Info("listening", "address", listener.Addr().String())
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if server.Shutdown(late) != nil {
		_ = server.Close() // streams that don't end
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
