package rootfs_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/tools/images/rootfs"
)

func dir(name string, mode int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode}
}

func file(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(name))}
}

func link(kind byte, name, target string) tar.Header {
	return tar.Header{Typeflag: kind, Name: name, Linkname: target, Mode: 0o777}
}

// tree is an archive in which each file holds its own name.
func tree(t *testing.T, headers ...tar.Header) io.Reader {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, header := range headers {
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if header.Size > 0 {
			if _, err := io.WriteString(w, header.Name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &archive
}

func list(t *testing.T, archive io.Reader) []string {
	t.Helper()
	var entries []string
	r := tar.NewReader(archive)
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return entries
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		entry := fmt.Sprintf("%c %o %s", header.Typeflag, header.Mode, header.Name)
		if text := header.Linkname + string(content); text != "" {
			entry += " = " + text
		}
		entries = append(entries, entry)
	}
}

func TestMerge(t *testing.T) {
	for _, test := range []struct {
		name   string
		config rootfs.Config
		trees  [][]tar.Header
		want   []string
	}{
		{
			name:  "folders of an unmerged system move into usr and leave links",
			trees: [][]tar.Header{{dir("./", 0o755), dir("./bin/", 0o755), file("./bin/ps"), dir("./usr/", 0o755)}},
			want:  []string{"5 755 usr/bin/", "0 644 usr/bin/ps = ./bin/ps", "5 755 usr/", "2 777 bin = usr/bin"},
		},
		{
			name:  "links that a package brings are kept",
			trees: [][]tar.Header{{link(tar.TypeSymlink, "./lib", "usr/lib"), dir("./usr/lib/", 0o755)}},
			want:  []string{"2 777 lib = usr/lib", "5 755 usr/lib/"},
		},
		{
			name:  "hard links follow their target",
			trees: [][]tar.Header{{file("./bin/a"), link(tar.TypeLink, "./bin/b", "./bin/a")}},
			want:  []string{"0 644 usr/bin/a = ./bin/a", "1 777 usr/bin/b = usr/bin/a"},
		},
		{
			name:  "names that only begin like a merged folder stay",
			trees: [][]tar.Header{{file("./library/x"), file("./bin2")}},
			want:  []string{"0 644 library/x = ./library/x", "0 644 bin2 = ./bin2"},
		},
		{
			name:  "the first package decides a folder's mode",
			trees: [][]tar.Header{{dir("./tmp/", 0o1777)}, {dir("./tmp/", 0o755), file("./tmp/x")}},
			want:  []string{"5 1777 tmp/", "0 644 tmp/x = ./tmp/x"},
		},
		{
			name:   "skipped files leave their folder",
			config: rootfs.Config{Skip: func(name string) bool { return strings.HasPrefix(name, "doc/") }},
			trees:  [][]tar.Header{{dir("./doc/", 0o755), file("./doc/x"), file("./kept")}},
			want:   []string{"5 755 doc/", "0 644 kept = ./kept"},
		},
		{
			name: "copies and links are added",
			config: rootfs.Config{
				Copies: map[string]string{"share/passwd": "etc/passwd"},
				Links:  map[string]string{"bin/awk": "mawk", "a": "b"},
			},
			trees: [][]tar.Header{{file("./share/passwd")}},
			want: []string{
				"0 644 etc/passwd = ./share/passwd", "0 644 share/passwd = ./share/passwd",
				"2 777 a = b", "2 777 bin/awk = mawk",
			},
		},
		{
			name:  "long names survive",
			trees: [][]tar.Header{{file(strings.Repeat("long/", 60) + "ż")}},
			want:  []string{"0 644 " + strings.Repeat("long/", 60) + "ż = " + strings.Repeat("long/", 60) + "ż"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var merged bytes.Buffer
			w := rootfs.NewWriter(&merged, test.config)
			for _, headers := range test.trees {
				if err := w.Add(tree(t, headers...)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, list(t, &merged)); diff != "" {
				t.Errorf("merged tree (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMissingOriginIsAnError(t *testing.T) {
	w := rootfs.NewWriter(io.Discard, rootfs.Config{Copies: map[string]string{"a": "b"}})
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("Close() = %v, want an error that names the missing file", err)
	}
}

func TestBrokenTreeIsAnError(t *testing.T) {
	w := rootfs.NewWriter(io.Discard, rootfs.Config{})
	if err := w.Add(strings.NewReader(strings.Repeat("no archive ", 100))); err == nil {
		t.Error("Add accepted what is no archive")
	}
}
