// Package rootfs merges the file trees of Debian packages into one tar archive,
// the root file system of an image. It writes no file to disk and needs no root:
// owners and modes go from archive to archive. It runs no package's scripts.
package rootfs

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
)

// merged are the folders that a merged-/usr system keeps as links into /usr.
var merged = []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32"}

// Config says what is done besides merging; the zero value does nothing else.
// Paths are relative to the root, without a leading slash.
type Config struct {
	// Skip tells which files to leave out; folders are always kept.
	Skip func(name string) bool
	// Copies are regular files to be written once more under another name,
	// as package scripts would do: copy by original.
	Copies map[string]string
	// Links are symbolic links to add: target by name.
	Links map[string]string
}

// A Writer merges trees into one archive.
type Writer struct {
	config Config
	out    *tar.Writer
	seen   map[string]bool
	copied map[string]bool
}

// NewWriter returns a Writer whose archive goes to w.
func NewWriter(w io.Writer, c Config) *Writer {
	return &Writer{config: c, out: tar.NewWriter(w), seen: map[string]bool{}, copied: map[string]bool{}}
}

// Add merges the tree that the tar archive r holds. Folders that are there
// already are left as they are, files are replaced.
func (w *Writer) Add(r io.Reader) error {
	in := tar.NewReader(r)
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read tree: %w", err)
		}
		if err := w.entry(header, in); err != nil {
			return fmt.Errorf("merge %q: %w", header.Name, err)
		}
	}
}

func (w *Writer) entry(header *tar.Header, content io.Reader) error {
	isDir := header.Typeflag == tar.TypeDir
	name := inUsr(header.Name, isDir)
	if name == "." || isDir && w.seen[name] || !isDir && w.config.Skip != nil && w.config.Skip(name) {
		return nil
	}
	header.Name = name
	if isDir {
		header.Name += "/"
	}
	if header.Typeflag == tar.TypeLink {
		header.Linkname = inUsr(header.Linkname, false)
	}
	w.seen[name] = true
	if copyName, ok := w.config.Copies[name]; ok {
		data, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		w.copied[name] = true
		twin := *header
		twin.Name = copyName
		if err := w.write(&twin, bytes.NewReader(data)); err != nil {
			return err
		}
		content = bytes.NewReader(data)
	}
	return w.write(header, content)
}

func (w *Writer) write(header *tar.Header, content io.Reader) error {
	header.Format = tar.FormatUnknown
	if err := w.out.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.Copy(w.out, content)
	return err
}

// Close adds the links and completes the archive. It is an error when no tree
// held the original of a copy.
func (w *Writer) Close() error {
	for name := range w.config.Copies {
		if !w.copied[name] {
			return fmt.Errorf("no package holds %q", name)
		}
	}
	links := maps.Clone(w.config.Links)
	if links == nil {
		links = map[string]string{}
	}
	for _, dir := range merged {
		if w.seen["usr/"+dir] && !w.seen[dir] {
			links[dir] = "usr/" + dir
		}
	}
	for _, name := range slices.Sorted(maps.Keys(links)) {
		link := &tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: links[name], Mode: 0o777}
		if err := w.out.WriteHeader(link); err != nil {
			return fmt.Errorf("link %q: %w", name, err)
		}
	}
	return w.out.Close()
}

// inUsr gives the place of a packaged path on a merged-/usr system. A link that
// is itself called bin or lib stays: it is the link into /usr.
func inUsr(name string, isDir bool) string {
	name = path.Clean(strings.TrimLeft(name, "/"))
	top, _, below := strings.Cut(name, "/")
	if (below || isDir) && slices.Contains(merged, top) {
		return "usr/" + name
	}
	return name
}
