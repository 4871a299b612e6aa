package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// document is what a row holds beside its columns. Fields are only ever added;
// one that is absent has its zero value.
type document struct {
	Image            string            `json:"image"`
	Credentials      bool              `json:"credentials,omitempty"`
	Entrypoint       []string          `json:"entrypoint"`
	Env              map[string]string `json:"env,omitempty"`
	Metadata         map[string]string `json:"metadata,omitempty"`
	Reason           string            `json:"reason,omitempty"`
	Message          string            `json:"message,omitempty"`
	LastTransitionAt time.Time         `json:"lastTransitionAt"`
	Token            string            `json:"token"`
	NanoCPUs         int64             `json:"nanoCPUs,omitempty"`
	MemoryBytes      int64             `json:"memoryBytes,omitempty"`
	GPUs             int64             `json:"gpus,omitempty"`
}

// Load returns all sandboxes, oldest first.
func (s *Store) Load(ctx context.Context) ([]*sandbox.Sandbox, error) { return load(ctx, s.db) }

func load(ctx context.Context, db *sql.DB) ([]*sandbox.Sandbox, error) {
	rows, err := db.QueryContext(ctx, "SELECT id, state, created, expires, document FROM sandboxes ORDER BY created, id")
	if err != nil {
		return nil, fmt.Errorf("read sandboxes: %w", err)
	}
	defer rows.Close()
	var all []*sandbox.Sandbox
	for rows.Next() {
		sb, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, sb)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read sandboxes: %w", err)
	}
	return all, nil
}

func scan(rows *sql.Rows) (*sandbox.Sandbox, error) {
	var (
		id, state, text string
		created         int64
		expires         sql.NullInt64
		doc             document
	)
	if err := rows.Scan(&id, &state, &created, &expires, &text); err != nil {
		return nil, fmt.Errorf("read a sandbox: %w", err)
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return nil, fmt.Errorf("read sandbox %s: %w", id, err)
	}
	sb := &sandbox.Sandbox{
		ID: id, Image: doc.Image, Credentials: doc.Credentials,
		Entrypoint: doc.Entrypoint, Env: doc.Env, Metadata: doc.Metadata,
		Status: sandbox.Status{
			State: sandbox.State(state), Reason: doc.Reason, Message: doc.Message, LastTransitionAt: doc.LastTransitionAt,
		},
		CreatedAt: time.Unix(0, created).UTC(),
		Token:     doc.Token,
		Limits:    runtime.Limits{NanoCPUs: doc.NanoCPUs, MemoryBytes: doc.MemoryBytes, GPUs: doc.GPUs},
	}
	if expires.Valid {
		sb.ExpiresAt = time.Unix(0, expires.Int64).UTC()
	}
	return sb, nil
}

const (
	putRow    = "INSERT OR REPLACE INTO sandboxes (id, state, created, expires, document) VALUES (?, ?, ?, ?, ?)"
	deleteRow = "DELETE FROM sandboxes WHERE id = ?"
)

// Put writes a sandbox, new or changed. It is on disk when Put returns nil.
func (s *Store) Put(ctx context.Context, sb *sandbox.Sandbox) error {
	text, err := json.Marshal(document{
		Image: sb.Image, Credentials: sb.Credentials,
		Entrypoint: sb.Entrypoint, Env: sb.Env, Metadata: sb.Metadata,
		Reason: sb.Status.Reason, Message: sb.Status.Message, LastTransitionAt: sb.Status.LastTransitionAt,
		Token: sb.Token, NanoCPUs: sb.Limits.NanoCPUs, MemoryBytes: sb.Limits.MemoryBytes, GPUs: sb.Limits.GPUs,
	})
	if err != nil {
		return fmt.Errorf("write sandbox %s: %w", sb.ID, err)
	}
	var expires sql.NullInt64
	if !sb.ExpiresAt.IsZero() {
		expires = sql.NullInt64{Int64: sb.ExpiresAt.UnixNano(), Valid: true}
	}
	err = s.submit(ctx, putRow, sb.ID, string(sb.Status.State), sb.CreatedAt.UnixNano(), expires, string(text))
	if err != nil {
		return fmt.Errorf("write sandbox %s: %w", sb.ID, err)
	}
	return nil
}

// Delete forgets a sandbox. It is no error if there is none.
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := s.submit(ctx, deleteRow, id); err != nil {
		return fmt.Errorf("forget sandbox %s: %w", id, err)
	}
	return nil
}
