package stage

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// loopback brings up the only device of the network namespace.
func loopback(c *Config) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("bring up the loopback device: %w", err)
	}
	if c.Shift == nil {
		return nil
	}
	// Root inside has no say over this namespace, and would be refused ports below 1024.
	return os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte("0"), 0)
}
