package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// keys gathers the API keys from settings and files. None is an error, unless
// that was asked for.
func (s *settings) keys() ([]string, error) {
	var all []string
	for _, key := range s.APIKey {
		// A variable that is there and empty sets nothing.
		if key != "" {
			all = append(all, key)
		}
	}
	for _, file := range s.APIKeyFile {
		if file == "" {
			continue
		}
		keys, err := readKeys(file)
		if err != nil {
			return nil, fmt.Errorf("API key file: %w", err)
		}
		all = append(all, keys...)
	}
	switch {
	case len(all) == 0 && !s.NoAPIKey:
		return nil, errors.New("an API key is needed: set --api-key, --api-key-file or OPENSANDBOX_API_KEY, or serve without one by --insecure-no-api-key")
	case len(all) > 0 && s.NoAPIKey:
		return nil, errors.New("--api-key and --insecure-no-api-key contradict each other")
	}
	for _, key := range all {
		// What can't be the value of a header would never match.
		if strings.TrimSpace(key) != key || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
			return nil, errors.New("an API key holds characters that a header can't carry: use printable ASCII, with no space at either end")
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func readKeys(file string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var keys []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
			keys = append(keys, line)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s holds no key", file)
	}
	return keys, nil
}
