package files

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/account"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

// Info describes each path, under the path as it was asked for; of a link, the link. It fails when one of
// them is not there.
func Info(paths []string) (map[string]execdapi.FileInfo, error) {
	accounts := account.Load("/etc")
	infos := make(map[string]execdapi.FileInfo, len(paths))
	for _, path := range paths {
		info, err := describe(path, accounts)
		if err != nil {
			return nil, err
		}
		infos[path] = info
	}
	return infos, nil
}

func describe(path string, accounts *account.Accounts) (execdapi.FileInfo, error) {
	if err := checkPath(path); err != nil {
		return execdapi.FileInfo{}, err
	}
	info, err := describeAt(unix.AT_FDCWD, path, path, accounts)
	if err != nil {
		return execdapi.FileInfo{}, refusal(path, &os.PathError{Op: "stat", Path: path, Err: err})
	}
	return info, nil
}

// describeAt describes name in the directory dir, under path. It asks for everything in one call, the time of
// birth included.
func describeAt(dir int, name, path string, accounts *account.Accounts) (execdapi.FileInfo, error) {
	var st unix.Statx_t
	err := unix.Statx(dir, name, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) { // old kernels, and filters of system calls
		err = statInto(&st, dir, name)
	}
	if err != nil {
		return execdapi.FileInfo{}, err
	}
	modified := timeOf(st.Mtime)
	created := modified
	if st.Mask&unix.STATX_BTIME != 0 && st.Btime.Sec > 0 {
		created = timeOf(st.Btime)
	}
	return execdapi.FileInfo{
		Path:       path,
		Size:       int64(st.Size),
		ModifiedAt: modified,
		CreatedAt:  created,
		Owner:      accounts.UserName(st.Uid),
		Group:      accounts.GroupName(st.Gid),
		Mode:       execdapi.FileMode(ModeDigits(uint32(st.Mode))),
		Type:       execdapi.NewOptFileInfoType(typeOf(st.Mode)),
	}, nil
}

// statInto fills st from fstatat, which knows no time of birth.
func statInto(st *unix.Statx_t, dir int, name string) error {
	var old unix.Stat_t
	if err := unix.Fstatat(dir, name, &old, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	st.Size, st.Uid, st.Gid, st.Mode = uint64(old.Size), old.Uid, old.Gid, uint16(old.Mode)
	st.Mtime = unix.StatxTimestamp{Sec: old.Mtim.Sec, Nsec: uint32(old.Mtim.Nsec)}
	return nil
}

func timeOf(t unix.StatxTimestamp) time.Time { return time.Unix(t.Sec, int64(t.Nsec)).UTC() }

func typeOf(mode uint16) execdapi.FileInfoType {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return execdapi.FileInfoTypeFile
	case unix.S_IFDIR:
		return execdapi.FileInfoTypeDirectory
	case unix.S_IFLNK:
		return execdapi.FileInfoTypeSymlink
	default:
		return execdapi.FileInfoTypeOther
	}
}
