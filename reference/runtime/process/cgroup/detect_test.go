package cgroup_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process/cgroup"
)

// folder makes files below a folder, which stands for a mount of cgroup v2.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLimitsAsVersion2HasThem(t *testing.T) {
	dir := folder(t, map[string]string{
		"cgroup.controllers": "cpuset cpu io memory pids\n", "cgroup.subtree_control": "",
		"opensandbox-a/cpu.max": "max", "opensandbox-a/memory.max": "max", "opensandbox-a/memory.swap.max": "max", "opensandbox-a/pids.max": "max",
	})
	tree, err := cgroup.DetectAt(dir, "/")
	if err != nil {
		t.Fatal(err)
	}
	if lacks := tree.Lacks(); lacks != nil {
		t.Errorf("lacks %v", lacks)
	}
	g, err := tree.Create("a", cgroup.Limits{NanoCPUs: 1_500_000_000, MemoryBytes: 256 << 20, Pids: 64})
	if err != nil {
		t.Fatal(err)
	}
	if fd, ok := g.FD(); !ok || fd < 0 {
		t.Error("there is nothing to clone into")
	}
	got := map[string]string{}
	for _, file := range []string{"cpu.max", "memory.max", "memory.swap.max", "pids.max"} {
		b, err := os.ReadFile(filepath.Join(dir, "opensandbox-a", file))
		if err != nil {
			t.Fatal(err)
		}
		got[file] = string(b)
	}
	want := map[string]string{"cpu.max": "150000 100000", "memory.max": "268435456", "memory.swap.max": "0ax", "pids.max": "64x"} // these files are not truncated
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]cgroup.Mount{{Source: filepath.Join(dir, "opensandbox-a"), Target: "/sys/fs/cgroup"}}, g.Mounts()); diff != "" {
		t.Error(diff)
	}
	_ = g.Remove(t.Context()) // a folder with files is not removed, but let go of
}

func TestControllersThatAreNotThereAreSaid(t *testing.T) {
	dir := folder(t, map[string]string{"cgroup.controllers": "memory pids\n", "cgroup.subtree_control": ""})
	tree, err := cgroup.DetectAt(dir, "/")
	if err != nil {
		t.Fatal(err)
	}
	if lacks := tree.Lacks(); !slices.Equal(lacks, []string{cgroup.CPU}) {
		t.Errorf("lacks %v", lacks)
	}
}

// A delegated group is found though the top can't be used, also by a server that was moved into the leaf before.
func TestADelegatedGroupIsUsed(t *testing.T) {
	for _, own := range []string{"/user/run.scope", "/user/run.scope/opensandbox-server"} {
		dir := folder(t, map[string]string{"user/run.scope/cgroup.controllers": "memory pids\n", "user/run.scope/cgroup.subtree_control": ""})
		tree, err := cgroup.DetectAt(dir, own)
		if err != nil {
			t.Fatal(err)
		}
		want := filepath.Join(dir, "user/run.scope", "opensandbox-x")
		if mounts := tree.Open("x").Mounts(); len(mounts) != 1 || mounts[0].Source != want {
			t.Errorf("groups are made in %v", mounts)
		}
	}
}

func TestNowhereToMakeGroupsIsSaid(t *testing.T) {
	if tree, err := cgroup.DetectAt(filepath.Join(t.TempDir(), "none"), "/"); err == nil {
		t.Errorf("found %v", tree)
	}
}
