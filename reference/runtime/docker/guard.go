package docker

import (
	"net"
	"net/netip"

	dockernetwork "github.com/docker/docker/api/types/network"
)

// addresses is a range that sandboxes have their addresses from, without the
// one that is the host's.
type addresses struct {
	prefix netip.Prefix
	host   netip.Addr
}

func rangesOf(found dockernetwork.Inspect) []addresses {
	var all []addresses
	for _, config := range found.IPAM.Config {
		prefix, err := netip.ParsePrefix(config.Subnet)
		if err != nil {
			continue
		}
		host, _ := netip.ParseAddr(config.Gateway) // the zero Addr is nobody's
		all = append(all, addresses{prefix: prefix, host: host})
	}
	return all
}

// contains reports whether an address is that of a sandbox.
func (n *segment) contains(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	ranges := n.ranges.Load()
	if !ok || ranges == nil {
		return false
	}
	from := tcp.AddrPort().Addr().Unmap()
	for _, r := range *ranges {
		if r.prefix.Contains(from) && from != r.host {
			return true
		}
	}
	return false
}

// Guard keeps sandboxes away from a listener of this process, such as that of
// the management address: an engine lets containers reach whatever listens on
// all addresses of its host. Connections from sandboxes are closed at once.
//
// It helps where the engine is this machine's; sandboxes elsewhere come from
// an address that can't be told from others.
func (d *Docker) Guard(l net.Listener) net.Listener {
	if !d.local {
		return l
	}
	return &guarded{Listener: l, network: d.network}
}

type guarded struct {
	net.Listener
	network *segment
}

func (g *guarded) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil || !g.network.contains(conn.RemoteAddr()) {
			return conn, err
		}
		g.network.log.Warn("refused a connection from a sandbox", "from", conn.RemoteAddr(), "to", g.Addr())
		_ = conn.Close()
	}
}
