package account_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/account"
)

func TestAccountsOfOrdinaryAndOddFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("passwd", "# a comment:x:1:1:::\nroot:x:0:0:root:/root:/bin/bash\n\nann:x:1000:100:Ann,,,:/home/ann:/bin/sh\ntwin:x:1000:7::/t:\nann:x:5:5::/x:\nbad:x:-1:0:::\nbig:x:99999999999:0:::\nshort:x:1\nlast:x:2:3::/l")
	write("group", "root:x:0:\nusers:x:100:\nwheel:x:10:root, ann\ndocker:x:11:ann,bob\nagain:x:11:\nshort:x\n")
	a := account.Load(dir)
	u, ok := a.User(1000)
	if want := (account.User{Name: "ann", UID: 1000, GID: 100, Home: "/home/ann"}); !ok || u != want {
		t.Errorf("user 1000: %+v %v", u, ok)
	}
	if got := a.Supplementary("ann"); !slices.Equal(got, []uint32{10, 11}) {
		t.Errorf("groups of ann: %v", got)
	}
	for id, want := range map[uint32]string{0: "root", 1000: "ann", 2: "last", 77: "77", 1: "1"} {
		if got := a.UserName(id); got != want {
			t.Errorf("user %d: %q, want %q", id, got, want)
		}
	}
	for id, want := range map[uint32]string{0: "root", 11: "docker", 77: "77"} {
		if got := a.GroupName(id); got != want {
			t.Errorf("group %d: %q, want %q", id, got, want)
		}
	}
	if id, ok := a.UID("ann"); id != 1000 || !ok {
		t.Errorf("ann: %d %v", id, ok)
	}
	if id, ok := a.UID("twin"); id != 1000 || !ok {
		t.Errorf("twin: %d %v", id, ok)
	}
	if id, ok := a.GID("again"); id != 11 || !ok {
		t.Errorf("again: %d %v", id, ok)
	}
	for _, name := range []string{"bad", "big", "short", "nobody", "", "# a comment"} {
		if id, ok := a.UID(name); ok {
			t.Errorf("%q is %d", name, id)
		}
	}
}

func TestNoFilesIsNoAccounts(t *testing.T) {
	a := account.Load(t.TempDir())
	if _, ok := a.UID("root"); ok || a.UserName(0) != "0" || a.GroupName(5) != "5" {
		t.Error("accounts out of nowhere")
	}
}
