package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// runtimeFile names what runs the sandboxes of the directory.
const runtimeFile = "runtime"

// Runtime names the runtime that SetRuntime was last told, "" for none.
func (s *Store) Runtime() string {
	b, err := os.ReadFile(filepath.Join(s.dir, runtimeFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// SetRuntime keeps which runtime has the sandboxes.
func (s *Store) SetRuntime(name string) error {
	if s.Runtime() == name {
		return nil
	}
	path := filepath.Join(s.dir, runtimeFile)
	if err := os.WriteFile(path+".new", []byte(name+"\n"), 0o600); err != nil {
		return fmt.Errorf("note the runtime: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("note the runtime: %w", err)
	}
	return nil
}
