package files

import (
	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/account"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

// SetPermissions sets mode, owner and group of files and directories; of a link, those of its target. All that is
// asked for is checked first, and what was set is set back when an entry fails.
func SetPermissions(items map[string]execdapi.Permission) (err error) {
	wanted, err := readPermissions(items)
	if err != nil {
		return err
	}
	type change struct {
		path   string
		before attributes
	}
	var changes []change
	for _, path := range inOrder(wanted) {
		if err := unix.Stat(path, &unix.Stat_t{}); err != nil {
			return refusal(path, err)
		}
	}
	for _, path := range inOrder(wanted) {
		before, err := wanted[path].setPath(path)
		changes = append(changes, change{path, before})
		if err != nil {
			for i := len(changes) - 1; i >= 0; i-- {
				changes[i].before.restore(changes[i].path)
			}
			return refusal(path, err)
		}
	}
	return nil
}

// readPermissions reads every entry, so that one that can't be read is found before anything is done.
func readPermissions(items map[string]execdapi.Permission) (map[string]attributes, error) {
	accounts := account.Load("/etc")
	wanted := make(map[string]attributes, len(items))
	for _, path := range inOrder(items) {
		if err := checkPath(path); err != nil {
			return nil, err
		}
		item := items[path]
		a, err := newAttributes(accounts, int(item.Mode.Value), item.Owner.Or(""), item.Group.Or(""))
		if err != nil {
			return nil, err
		}
		wanted[path] = a
	}
	return wanted, nil
}
