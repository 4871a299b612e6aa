package files

import (
	"os"

	"golang.org/x/sys/unix"
)

// creation is a new file. Once it is closed, it is closed in the children of this process too that were forked meanwhile
// and were yet to run exec: as long as one has it open for writing, no one could run it (golang.org/issue/22315).
type creation struct {
	*os.File
	inherited, held *os.File // a pipe: a child that has the file has its end for writing
}

func create(path string, perm os.FileMode) (_ *creation, err error) {
	c := &creation{}
	if c.inherited, c.held, err = os.Pipe(); err != nil {
		return nil, err
	}
	c.File, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		c.release()
		return nil, err
	}
	if err := c.raise(); err != nil {
		_ = os.Remove(path)
		return nil, err
	}
	return c, nil
}

// raise gives the file a descriptor above that of the pipe. Exec closes them in their order, and the kernel lets go of
// the last one first.
func (c *creation) raise() error {
	if c.Fd() > c.held.Fd() {
		return nil
	}
	above, err := unix.FcntlInt(c.Fd(), unix.F_DUPFD_CLOEXEC, int(c.held.Fd())+1)
	if err != nil {
		_ = c.Close()
		return err
	}
	low := c.File
	c.File = os.NewFile(uintptr(above), low.Name())
	return low.Close()
}

func (c *creation) Close() error {
	err := c.File.Close()
	c.release()
	return err
}

func (c *creation) release() {
	_ = c.held.Close()
	_, _ = c.inherited.Read(make([]byte, 1)) // ends once no child has the other end
	_ = c.inherited.Close()
}
