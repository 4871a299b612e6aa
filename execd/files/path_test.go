package files_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/files"
)

// TestPathsLeadWhereTheKernelLeads is about ".." behind links, which must not be taken away as text.
func TestPathsLeadWhereTheKernelLeads(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "real/home/u/f", "real/home/common/cfg", "home/common/cfg", "home/f")
	must(t, os.Symlink(dir+"/real/home/u", dir+"/home/u"))
	must(t, os.Symlink("../common/cfg", dir+"/real/home/u/cfg"))
	must(t, os.Symlink("../common/new", dir+"/real/home/u/dangling"))
	t.Chdir(dir + "/home")
	for asked, want := range map[string]string{
		"/home/u/cfg":          "/real/home/common/cfg",
		"/home/u/dangling":     "/real/home/common/new",
		"/home/u/../up":        "/real/home/up",
		"/home/u/../a/../b/up": "/real/home/b/up",
		"/home/./u//f":         "/real/home/u/f",
	} {
		must(t, files.Upload(contentType, bytes.NewReader(body(t, "metadata", meta(dir+asked, ``), "file", "uploaded"))))
		if got, err := os.ReadFile(dir + want); err != nil || string(got) != "uploaded" {
			t.Errorf("upload to %s: %q %v", asked, got, err)
		}
		if _, err := files.Replace(t.Context(), replacements(dir+asked, "uploaded", "replaced")); err != nil {
			t.Error(err)
		}
		if got, err := os.ReadFile(dir + want); err != nil || string(got) != "replaced" {
			t.Errorf("replace in %s: %q %v", asked, got, err)
		}
	}
	must(t, files.Upload(contentType, bytes.NewReader(body(t, "metadata", meta("u/../relative", ``), "file", "uploaded"))))
	if _, err := os.Stat(dir + "/real/home/relative"); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(dir + "/home/common/cfg"); string(got) != "x" {
		t.Errorf("another file became %q", got)
	}
}
