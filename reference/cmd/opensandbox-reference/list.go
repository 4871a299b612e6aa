package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	lifecycleapi "github.com/opensandbox-conformance/opensandbox-conformance/gen/lifecycle"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/store"
)

type listCommand struct {
	configFile
	stateFlag

	URL    string `name:"url" help:"Base URL of a running server, such as http://127.0.0.1:8080/v1." placeholder:"URL"`
	APIKey string `name:"key" help:"Key for the running server." env:"OPEN_SANDBOX_API_KEY" placeholder:"KEY"`
	JSON   bool   `name:"json" help:"Print a JSON array."`
}

// listed is a sandbox as list prints it.
type listed struct {
	ID        string            `json:"id"`
	State     string            `json:"state"`
	Reason    string            `json:"reason,omitempty"`
	Image     string            `json:"image,omitempty"`
	CreatedAt time.Time         `json:"createdAt"`
	ExpiresAt *time.Time        `json:"expiresAt,omitempty"` // nil: lives until it is deleted
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// Run prints the sandboxes, newest first.
func (c *listCommand) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	look := c.fromState
	if c.URL != "" {
		look = c.fromServer
	}
	all, err := look(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(all)
	}
	return printTable(os.Stdout, all)
}

func (c *listCommand) fromState(ctx context.Context) ([]listed, error) {
	rows, err := store.Read(ctx, c.State)
	if err != nil {
		return nil, err
	}
	all := make([]listed, 0, len(rows))
	for _, sb := range slices.Backward(rows) {
		l := listed{
			ID: sb.ID, State: string(sb.Status.State), Reason: sb.Status.Reason, Image: sb.Image,
			CreatedAt: sb.CreatedAt, Metadata: sb.Metadata,
		}
		if !sb.ExpiresAt.IsZero() {
			l.ExpiresAt = &sb.ExpiresAt
		}
		all = append(all, l)
	}
	return all, nil
}

func (c *listCommand) fromServer(ctx context.Context) ([]listed, error) {
	client, err := lifecycleapi.NewClient(c.URL, lifecycleapi.WithClient(&http.Client{Transport: keyed{c.APIKey}, Timeout: time.Minute}))
	if err != nil {
		return nil, fmt.Errorf("--url: %w", err)
	}
	all, seen := []listed{}, map[string]bool{} // sandboxes made meanwhile push others to the next page
	for page := 1; ; page++ {
		answer, err := client.ListSandboxes(ctx, lifecycleapi.ListSandboxesParams{
			Page: lifecycleapi.NewOptInt(page), PageSize: lifecycleapi.NewOptInt(100),
		})
		if err != nil {
			return nil, fmt.Errorf("list the sandboxes of %s: %w", c.URL, err)
		}
		for i := range answer.Items {
			if sb := &answer.Items[i]; !seen[sb.ID] {
				seen[sb.ID] = true
				all = append(all, fromWire(sb))
			}
		}
		if !answer.Pagination.HasNextPage {
			return all, nil
		}
	}
}

func fromWire(sb *lifecycleapi.Sandbox) listed {
	l := listed{
		ID: sb.ID, State: sb.Status.State, Reason: sb.Status.Reason.Value, Image: sb.Image.Value.URI,
		CreatedAt: sb.CreatedAt, Metadata: sb.Metadata.Value,
	}
	if until, ok := sb.ExpiresAt.Get(); ok {
		l.ExpiresAt = &until
	}
	return l
}

// keyed sends a key with each request.
type keyed struct{ key string }

func (k keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	if k.key != "" {
		r = r.Clone(r.Context())
		r.Header.Set(reference.KeyHeader, k.key)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func printTable(w io.Writer, all []listed) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSTATE\tREASON\tIMAGE\tCREATED\tEXPIRES\tMETADATA")
	for i := range all {
		l := &all[i]
		expires := "never"
		if l.ExpiresAt != nil {
			expires = l.ExpiresAt.UTC().Format(time.RFC3339)
		}
		var pairs []string
		for _, key := range slices.Sorted(maps.Keys(l.Metadata)) {
			pairs = append(pairs, key+"="+l.Metadata[key])
		}
		metadata := cmp.Or(strings.Join(pairs, ","), "-")
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.State, l.Reason, l.Image,
			l.CreatedAt.UTC().Format(time.RFC3339), expires, metadata)
	}
	return table.Flush()
}
