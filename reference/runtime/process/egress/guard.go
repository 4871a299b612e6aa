package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
)

// Refused says why nothing leads to an address.
type Refused struct {
	Addr netip.Addr
	Why  string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("%s is not reachable from a sandbox: it is %s", r.Addr, r.Why)
}

// kinds are networks that lead to the machine itself, to nobody, or to what a provider tells only this machine.
var kinds = []struct {
	network netip.Prefix
	why     string
}{
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("::1/128"), "a loopback address"},
	{netip.MustParsePrefix("0.0.0.0/8"), "this machine's"}, // a connection to 0.0.0.0 goes to the loopback address
	{netip.MustParsePrefix("::/128"), "this machine's"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address"}, // that of a cloud's metadata too
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("fd00:ec2::/32"), "an address of a cloud's metadata"},
	{netip.MustParsePrefix("100.100.100.200/32"), "an address of a cloud's metadata"},
	{netip.MustParsePrefix("168.63.129.16/32"), "an address of a cloud's metadata"},
}

// embedding are networks of IPv6 whose addresses hold one of IPv4 that they lead to, and where in them it is, in bytes.
var embedding = []struct {
	network netip.Prefix
	at      int
}{
	{netip.MustParsePrefix("::/96"), 12},           // IPv4-compatible (RFC 4291 §2.5.5.1)
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12}, // translated (RFC 2765)
	{netip.MustParsePrefix("64:ff9b::/96"), 12},    // NAT64 (RFC 6052)
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12},  // NAT64 of a site (RFC 8215), as most have it
	{netip.MustParsePrefix("2002::/16"), 2},        // 6to4 (RFC 3056)
}

// dial resolves, checks, and connects to what was checked: a name that is looked up twice may change in between.
func (p *Proxy) dial(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	host, port, err := split(address)
	if err != nil {
		return nil, err
	}
	addrs, err := p.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	own, err := p.Own()
	if err != nil {
		return nil, fmt.Errorf("find this machine's own addresses: %w", err)
	}
	var errs []error
	for _, addr := range addrs {
		if refused := p.check(addr, own); refused != nil {
			errs = append(errs, refused)
			continue
		}
		conn, err := p.Dial(ctx, netip.AddrPortFrom(addr, port))
		if err == nil {
			if err = leads(conn, addr); err == nil {
				return conn, nil
			}
			conn.Close()
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func split(address string) (string, uint16, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("the target must be HOST:PORT: %w", err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || host == "" {
		return "", 0, fmt.Errorf("the target must be HOST:PORT with a port from 1 to 65535, not %q", address)
	}
	return host, uint16(n), nil
}

func (p *Proxy) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr.Unmap()}, nil
	}
	found, err := p.Resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s has no address", host)
	}
	addrs := make([]netip.Addr, 0, len(found))
	for _, addr := range found {
		addrs = append(addrs, addr.Unmap())
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() }) // IPv6 often leads nowhere
	return addrs, nil
}

// check says why an address is refused; nil: it is not.
func (p *Proxy) check(addr netip.Addr, own []netip.Addr) *Refused {
	addr = addr.WithZone("")
	for _, kind := range kinds {
		if kind.network.Contains(addr) {
			return &Refused{addr, kind.why}
		}
	}
	if slices.Contains(own, addr) {
		return &Refused{addr, "an address of this machine"}
	}
	for _, network := range p.Refuse {
		if network.Contains(addr) {
			return &Refused{addr, "in " + network.String() + ", which is closed to sandboxes"}
		}
	}
	for _, e := range embedding {
		if e.network.Contains(addr) {
			b := addr.As16()
			if refused := p.check(netip.AddrFrom4([4]byte(b[e.at:e.at+4])), own); refused != nil {
				return &Refused{addr, "another form of " + refused.Addr.String()}
			}
		}
	}
	return nil
}

// leads makes sure that a connection left the machine: one to an address of the machine itself, however it came to it,
// has the same address at both ends.
func leads(conn net.Conn, addr netip.Addr) error {
	local, ok := conn.LocalAddr().(*net.TCPAddr)
	if ok && local.AddrPort().Addr().Unmap().WithZone("") == addr.WithZone("") {
		return &Refused{addr, "an address of this machine"}
	}
	return nil
}

// ownAddresses lists those of all interfaces.
func ownAddresses() ([]netip.Addr, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var own []netip.Addr
	for _, a := range list {
		if network, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(network.IP); ok {
				own = append(own, addr.Unmap())
			}
		}
	}
	return own, nil
}
