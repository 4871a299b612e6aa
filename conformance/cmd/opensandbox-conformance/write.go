package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opensandbox-conformance/opensandbox-conformance/conformance"
	"github.com/opensandbox-conformance/opensandbox-conformance/conformance/report"
)

// writeReports writes a report in all its forms into a folder, and returns the path of the page.
func writeReports(dir string, r *report.Report) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the folder for the report: %w", err)
	}
	for _, form := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"report.json", r.WriteJSON}, {"report.html", r.WriteHTML}, {"report.md", r.WriteMarkdown}, {"junit.xml", r.WriteJUnit},
	} {
		if err := writeFile(filepath.Join(dir, form.name), form.write); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, "report.html"), nil
}

// writeFile writes a file as a whole or not at all.
func writeFile(path string, write func(io.Writer) error) error {
	var out bytes.Buffer
	if err := write(&out); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// readReport reads report.json; what is none is a wrong call.
func readReport(path string) (*report.Report, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, wrongCall(err)
	}
	defer file.Close()
	r, err := report.Read(file)
	if err != nil {
		return nil, wrongCall(fmt.Errorf("%s: %w", path, err))
	}
	return r, nil
}

// wrongCall makes an error of what the caller gave.
func wrongCall(err error) error {
	var wrong *conformance.UsageError
	if errors.As(err, &wrong) {
		return err
	}
	return &conformance.UsageError{Message: err.Error()}
}
