package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Flag before variable before file before default, for every kind of setting.
func TestPrecedenceOfSettings(t *testing.T) {
	text := func(s *settings) any { return s.Listen }
	list := func(s *settings) any { return s.APIKey }
	pool := func(s *settings) any {
		pool, err := s.pool()
		if err != nil {
			t.Error(err)
		}
		return pool
	}
	span := func(s *settings) any { return s.MaxTimeout }
	flag := func(s *settings) any { return s.ManualCleanup }
	level := func(s *settings) any { return s.LogLevel }
	rate := func(s *settings) any { return s.Rate }
	choice := func(s *settings) any { return s.LogFormat }
	for _, c := range []struct {
		name    string
		args    []string
		env     [2]string
		file    string
		setting func(*settings) any
		want    any
	}{
		{"text by default", nil, [2]string{}, "", text, "127.0.0.1:8080"},
		{"text by file", nil, [2]string{}, "listen: :1", text, ":1"},
		{"text by variable", nil, [2]string{"OPENSANDBOX_LISTEN", ":2"}, "listen: :1", text, ":2"},
		{"text by flag", []string{"--listen", ":3"}, [2]string{"OPENSANDBOX_LISTEN", ":2"}, "listen: :1", text, ":3"},
		{"flag over file", []string{"--listen", ":3"}, [2]string{}, "listen: :1", text, ":3"},
		{"a number in the file is a text where a text is asked for", nil, [2]string{}, "listen: 8080", text, "8080"},
		{"an empty variable is a value", nil, [2]string{"OPENSANDBOX_LISTEN", ""}, "listen: :1", text, ""},

		{"list by default", nil, [2]string{}, "", list, []string(nil)},
		{"list by file", nil, [2]string{}, "api-key: [a, 'b,c', 12]", list, []string{"a", "b,c", "12"}},
		{"list of one by file", nil, [2]string{}, "api-key: a", list, []string{"a"}},
		{"list by variable", nil, [2]string{"OPENSANDBOX_API_KEY", "v,w"}, "api-key: [a]", list, []string{"v,w"}},
		{"list by flags", []string{"--api-key", "f", "--api-key", "g"}, [2]string{"OPENSANDBOX_API_KEY", "v"}, "api-key: [a]", list, []string{"f", "g"}},

		{"pool by file", nil, [2]string{}, "pool: ['localhost:5000/a/b:1=2', c=1]", pool, map[string]int{"localhost:5000/a/b:1": 2, "c": 1}},
		{"pool by flags", []string{"--pool", "a=1", "--pool", "b@sha256:00=3"}, [2]string{}, "", pool, map[string]int{"a": 1, "b@sha256:00": 3}},

		{"time by default", nil, [2]string{}, "", span, 24 * time.Hour},
		{"time by file", nil, [2]string{}, "max-timeout: 1h30m", span, 90 * time.Minute},
		{"time by variable", nil, [2]string{"OPENSANDBOX_MAX_TIMEOUT", "2h"}, "max-timeout: 1h", span, 2 * time.Hour},

		{"switch by default", nil, [2]string{}, "", flag, false},
		{"switch by file", nil, [2]string{}, "manual-cleanup: true", flag, true},
		{"switch by variable", nil, [2]string{"OPENSANDBOX_MANUAL_CLEANUP", "false"}, "manual-cleanup: true", flag, false},
		{"switch by flag", []string{"--manual-cleanup"}, [2]string{"OPENSANDBOX_MANUAL_CLEANUP", "false"}, "manual-cleanup: false", flag, true},
		{"switch off by flag", []string{"--manual-cleanup=false"}, [2]string{}, "manual-cleanup: true", flag, false},

		{"level by file", nil, [2]string{}, "log-level: warn", level, slog.LevelWarn},
		{"number by file", nil, [2]string{}, "rate: 2.5", rate, 2.5},
		{"choice by file", nil, [2]string{}, "log-format: json", choice, "json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.env[0] != "" {
				t.Setenv(c.env[0], c.env[1])
			}
			args := append([]string{"serve"}, c.args...)
			if c.file != "" {
				path := filepath.Join(t.TempDir(), "config.yaml")
				if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, "--config", path)
			}
			var cli commands
			if _, err := newParser(&cli).Parse(args); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, c.setting(&cli.Serve.settings)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPoolsThatAreNone(t *testing.T) {
	for _, given := range [][]string{{"a"}, {"=1"}, {"a="}, {"a=x"}, {"a=-1"}, {"a=1001"}, {"a=1", "a=2"}} {
		if pool, err := (&settings{Pool: given}).pool(); err == nil {
			t.Errorf("%q is taken for %v", given, pool)
		}
	}
}
