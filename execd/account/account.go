// Package account reads the users and groups that a sandbox knows, from its passwd and group files. It asks
// no name service: what it answers depends on these two files only, in any image.
package account

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// User is a line of passwd(5).
type User struct {
	Name     string
	UID, GID uint32
	Home     string
}

// Accounts are the users and groups at one time.
type Accounts struct {
	users   map[uint32]User
	userIDs map[string]uint32
	groups  map[uint32]string
	groupID map[string]uint32
	member  map[string][]uint32 // user name to the groups that list it
}

// Load reads the files in dir, usually "/etc". Files that are not there, and lines that can't be read, hold
// no one. Of several lines for one name or id the first counts.
func Load(dir string) *Accounts {
	a := &Accounts{map[uint32]User{}, map[string]uint32{}, map[uint32]string{}, map[string]uint32{}, map[string][]uint32{}}
	eachLine(filepath.Join(dir, "passwd"), 6, func(f []string) {
		uid, ok1 := id(f[2])
		gid, ok2 := id(f[3])
		if !ok1 || !ok2 {
			return
		}
		if _, ok := a.userIDs[f[0]]; !ok {
			a.userIDs[f[0]] = uid
		}
		if _, ok := a.users[uid]; !ok {
			a.users[uid] = User{Name: f[0], UID: uid, GID: gid, Home: f[5]}
		}
	})
	eachLine(filepath.Join(dir, "group"), 4, func(f []string) {
		gid, ok := id(f[2])
		if !ok {
			return
		}
		if _, ok := a.groupID[f[0]]; !ok {
			a.groupID[f[0]] = gid
		}
		if _, ok := a.groups[gid]; !ok {
			a.groups[gid] = f[0]
		}
		for name := range strings.SplitSeq(f[3], ",") {
			if name = strings.TrimSpace(name); name != "" {
				a.member[name] = append(a.member[name], gid)
			}
		}
	})
	return a
}

// User finds a user by id.
func (a *Accounts) User(uid uint32) (User, bool) {
	u, ok := a.users[uid]
	return u, ok
}

// UID finds a user's id by name.
func (a *Accounts) UID(name string) (uint32, bool) {
	uid, ok := a.userIDs[name]
	return uid, ok
}

// GID finds a group's id by name.
func (a *Accounts) GID(name string) (uint32, bool) {
	gid, ok := a.groupID[name]
	return gid, ok
}

// UserName is the name of a user, or the number of one that has none.
func (a *Accounts) UserName(uid uint32) string {
	if u, ok := a.users[uid]; ok {
		return u.Name
	}
	return strconv.FormatUint(uint64(uid), 10)
}

// GroupName is the name of a group, or the number of one that has none.
func (a *Accounts) GroupName(gid uint32) string {
	if name, ok := a.groups[gid]; ok {
		return name
	}
	return strconv.FormatUint(uint64(gid), 10)
}

// Supplementary are the groups that list the user as a member, beside its own.
func (a *Accounts) Supplementary(user string) []uint32 { return a.member[user] }

// eachLine calls f with the fields of each line that has at least n of them.
func eachLine(file string, n int, f func(fields []string)) {
	r, err := os.Open(file)
	if err != nil {
		return
	}
	defer r.Close()
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20) // groups with very many members
	for s.Scan() {
		line := strings.TrimSpace(s.Text())
		if fields := strings.Split(line, ":"); len(fields) >= n && !strings.HasPrefix(line, "#") && fields[0] != "" {
			f(fields)
		}
	}
}

func id(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil
}
