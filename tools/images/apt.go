package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const hostLists = "/var/lib/apt/lists"

// fetch downloads packages and all that they depend on, and returns the paths of
// their files. apt takes sources, keys and proxies from the machine and keeps
// everything else in the folder dir, so neither root nor an installation is needed.
func fetch(ctx context.Context, dir string, packages []string) ([]string, error) {
	for _, tool := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%s is missing: this image can be built on Debian or Ubuntu only", tool)
		}
	}
	a := apt{dir}
	if err := a.prepare(); err != nil {
		return nil, fmt.Errorf("prepare package cache: %w", err)
	}
	// The index is built by the next call, which needs it; DEP-11 is for software shops.
	if _, err := a.get(ctx, "-o", "pkgCacheFile::Generate=false", "-o", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false", "update"); err != nil {
		return nil, err
	}
	if _, err := a.get(ctx, append([]string{"--download-only", "install"}, packages...)...); err != nil {
		return nil, err
	}
	// Asked with an empty cache, apt names every file.
	uris, err := a.get(ctx, append([]string{"-o", "Dir::Cache::archives=" + filepath.Join(dir, "none"), "--print-uris", "install"}, packages...)...)
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(string(uris)) {
		if fields := strings.Fields(line); len(fields) >= 3 && strings.HasPrefix(line, "'") {
			names = append(names, fields[1])
		}
	}
	return a.keep(names)
}

// apt is an apt whose state is in a folder of its own.
type apt struct{ dir string }

func (a apt) get(ctx context.Context, args ...string) ([]byte, error) {
	options := []string{"--quiet", "--yes"}
	for _, option := range []string{
		"Dir::State=" + a.dir,
		"Dir::State::status=" + filepath.Join(a.dir, "status"),
		"Dir::Cache=" + a.dir,
		"Dir::Cache::pkgcache=pkgcache.bin",
		"Dir::Cache::srcpkgcache=srcpkgcache.bin",
		"APT::Install-Recommends=false",
		"APT::Get::AllowUnauthenticated=false",
		"Acquire::AllowInsecureRepositories=false",
		"Acquire::Languages=none",
		"Acquire::Retries=3",
	} {
		options = append(options, "-o", option)
	}
	cmd := exec.CommandContext(ctx, "apt-get", append(options, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	return output(cmd)
}

func (a apt) prepare() error {
	for _, folder := range []string{"lists/partial", "archives/partial", "none/partial"} {
		if err := os.MkdirAll(filepath.Join(a.dir, folder), 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(a.dir, "status"), []byte(aptStatus), 0o644); err != nil {
		return err
	}
	return a.seed()
}

// seed copies the machine's package lists where there are none yet: an update
// then loads only what has changed.
func (a apt) seed() error {
	lists := filepath.Join(a.dir, "lists")
	if own, err := filepath.Glob(filepath.Join(lists, "*Release")); err != nil || len(own) > 0 {
		return err
	}
	theirs, err := os.ReadDir(hostLists)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, list := range theirs {
		if name := list.Name(); strings.Contains(name, "Release") || strings.Contains(name, "_Packages") {
			if err := copyFile(filepath.Join(lists, name), filepath.Join(hostLists, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep returns the paths of the named package files and removes other versions of them.
func (a apt) keep(names []string) ([]string, error) {
	archives := filepath.Join(a.dir, "archives")
	present, err := filepath.Glob(filepath.Join(archives, "*.deb"))
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[packageOf(name)] = true
	}
	for _, path := range present {
		if name := filepath.Base(path); wanted[packageOf(name)] && !slices.Contains(names, name) {
			if err := os.Remove(path); err != nil {
				return nil, err
			}
		}
	}
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = filepath.Join(archives, name)
	}
	return paths, nil
}

// packageOf gives the package of a file that is called name_version_architecture.deb.
func packageOf(file string) string {
	name, _, _ := strings.Cut(file, "_")
	return name
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	// apt asks for what is newer than the file.
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}

// output runs a command and returns what it wrote; its complaints go into the error.
func output(cmd *exec.Cmd) ([]byte, error) {
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, bytes.TrimSpace(complaints.Bytes()))
	}
	return out, nil
}
