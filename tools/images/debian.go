package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/opensandbox-conformance/opensandbox-conformance/tools/images/rootfs"
)

var debian = recipe{
	ref:     "opensandbox/debian:local",
	sources: []string{"debian.go", "apt.go", "engine.go", "rootfs/rootfs.go"},
	changes: []string{`CMD ["bash"]`, "ENV LANG=C.UTF-8", "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "WORKDIR /"},
	write:   writeDebian,
	verify:  verifyDebian,
}

var debianPackages = []string{
	"base-files", "base-passwd", "libc-bin", "dash", "sed", "grep", "findutils",
	"bash", "coreutils", "procps", "python3", "nodejs",
}

// The links into /usr are made here, so the package that would make them, with
// Perl behind it, counts as installed.
const aptStatus = `Package: usr-is-merged
Status: install ok installed
Version: 999
Architecture: all
Maintainer: none
Description: links into /usr
`

var debianTree = rootfs.Config{
	Skip: func(name string) bool {
		for _, prefix := range []string{
			"usr/share/doc/", "usr/share/man/", "usr/share/info/", "usr/share/locale/", "usr/share/lintian/",
			"usr/share/bash-completion/", "usr/share/nodejs/@types/",
		} {
			if strings.HasPrefix(name, prefix) {
				return !strings.HasSuffix(name, "/copyright")
			}
		}
		return false
	},
	// What the packages' scripts would do and the image needs.
	Copies: map[string]string{
		"usr/share/base-passwd/passwd.master": "etc/passwd",
		"usr/share/base-passwd/group.master":  "etc/group",
		"usr/share/libc-bin/nsswitch.conf":    "etc/nsswitch.conf",
		"usr/share/base-files/profile":        "etc/profile",
	},
	Links: map[string]string{
		"usr/bin/awk":   "mawk",
		"usr/bin/which": "which.debianutils",
	},
}

// writeDebian writes the root file system made of the packages, unpacked and not
// configured, which takes a third of the time that installing them does.
func writeDebian(ctx context.Context, b *builder, w io.Writer) error {
	return writePackages(ctx, b, w, debianPackages)
}

func writePackages(ctx context.Context, b *builder, w io.Writer, packages []string) error {
	debs, err := fetch(ctx, filepath.Join(b.cache, "apt"), packages)
	if err != nil {
		return err
	}
	tree := rootfs.NewWriter(w, debianTree)
	ctx, stop := context.WithCancel(ctx)
	unpacked := unpack(ctx, debs)
	defer func() {
		stop()
		for abandoned := range unpacked {
			<-abandoned
		}
	}()
	for next := range unpacked {
		deb := <-next
		if deb.err != nil {
			return deb.err
		}
		if err := tree.Add(bytes.NewReader(deb.tree)); err != nil {
			return fmt.Errorf("%s: %w", deb.path, err)
		}
	}
	return tree.Close()
}

type unpackedDeb struct {
	path string
	tree []byte
	err  error
}

// unpack decompresses packages ahead of their reader, as many at once as there
// are processors, and hands them over in order. The channel must be drained.
func unpack(ctx context.Context, debs []string) <-chan chan unpackedDeb {
	queue := make(chan chan unpackedDeb, runtime.NumCPU())
	go func() {
		defer close(queue)
		for _, deb := range debs {
			if ctx.Err() != nil {
				return
			}
			done := make(chan unpackedDeb, 1)
			queue <- done
			go func() {
				tree, err := output(exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb))
				done <- unpackedDeb{deb, tree, err}
			}()
		}
	}()
	return queue
}

const debianCheck = `
[ "$(python3 -c 'import asyncio, json, sqlite3, ssl; print(6 * 7)')" = 42 ]
[ "$(node -e 'console.log(6 * 7)')" = 42 ]
[ "$(sh -c 'echo $((6 * 7))')" = 42 ]
[ "$(id -un):$(id -gn)" = root:root ]
[ "$(locale charmap)" = UTF-8 ]
[ "$(stat -c %a /tmp /root | xargs)" = "1777 700" ]
[ "$(readlink /bin /sbin /lib | xargs)" = "usr/bin usr/sbin usr/lib" ]
ps -e -o comm= | grep -qx bash
ls -l / | sed -n p | awk '{ print $1 }'
`

func verifyDebian(ctx context.Context, b *builder, id string) error {
	log, status, err := b.engine.run(ctx, id, "bash", "-euxo", "pipefail", "-c", debianCheck)
	if err == nil && status != 0 {
		err = fmt.Errorf("its check ended with status %d:\n%s", status, log)
	}
	return err
}
