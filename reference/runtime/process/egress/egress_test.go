package egress_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/leaktest"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process/egress"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// world is what lies beyond the proxy: names, and one server that all addresses lead to.
type world struct {
	names  map[string][]string
	server string // its real address

	mu     sync.Mutex
	dialed []netip.AddrPort
}

func (w *world) resolve(_ context.Context, host string) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, a := range w.names[host] {
		addrs = append(addrs, netip.MustParseAddr(a))
	}
	if addrs == nil {
		return nil, fmt.Errorf("no such host: %s", host)
	}
	return addrs, nil
}

func (w *world) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	w.mu.Lock()
	w.dialed = append(w.dialed, to)
	w.mu.Unlock()
	if to.Addr().String() == "203.0.113.99" {
		return nil, errors.New("connection refused")
	}
	return new(net.Dialer).DialContext(ctx, "tcp", w.server)
}

func (w *world) all() []netip.AddrPort {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dialed
}

// serve starts a proxy, and gives the path of its socket.
func serve(t *testing.T, w *world) (*egress.Proxy, string) {
	t.Helper()
	p := egress.New(egress.Config{
		Resolve: w.resolve, Dial: w.dial,
		Own:    func() ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr("198.51.100.7")}, nil },
		Refuse: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	})
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		if err := p.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		p.Close()
		served.Wait()
	})
	return p, path
}

// client is one that goes through the proxy.
func client(t *testing.T, path string) *http.Client {
	t.Helper()
	transport := &http.Transport{
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "egress"}),
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// connect asks for a tunnel.
func connect(t *testing.T, path, target string) (*net.UnixConn, *http.Response) {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target)
	resp, err := http.ReadResponse(bufio.NewReaderSize(io.LimitReader(conn, 4096), 16), &http.Request{Method: http.MethodConnect})
	if err != nil {
		t.Fatal(err)
	}
	return conn.(*net.UnixConn), resp
}

func TestRequestsReachTheWorld(t *testing.T) {
	var got *http.Request
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, body = r, string(b)
		w.Header().Set("X-Answer", "yes")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "tea")
	}))
	defer server.Close()
	w := &world{names: map[string][]string{"example.com": {"2001:db8::1", "203.0.113.99", "203.0.113.1"}}, server: server.Listener.Addr().String()}
	_, path := serve(t, w)
	resp, err := client(t, path).Post("http://example.com:8080/a%2Fb?x=%zz;y", "text/plain", strings.NewReader("question"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusTeapot || string(answer) != "tea" || resp.Header.Get("X-Answer") != "yes" {
		t.Errorf("answer %d %q %v", resp.StatusCode, answer, resp.Header)
	}
	if got.Host != "example.com:8080" || got.RequestURI != "/a%2Fb?x=%zz;y" || body != "question" {
		t.Errorf("request %s %s %q", got.Host, got.RequestURI, body)
	}
	if dialed := fmt.Sprint(w.all()); dialed != "[203.0.113.99:8080 203.0.113.1:8080]" { // in turn, until one answers
		t.Errorf("dialed %s", dialed)
	}
}

func TestATunnelCarriesTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "secret") }))
	defer server.Close()
	w := &world{names: map[string][]string{"example.com": {"203.0.113.1"}}, server: server.Listener.Addr().String()}
	_, path := serve(t, w)
	c := client(t, path)
	c.Transport.(*http.Transport).TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig
	resp, err := c.Get("https://example.com/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "secret" {
		t.Errorf("answer %q", b)
	}
}

func TestWhatLeadsToTheMachineIsRefused(t *testing.T) {
	w := &world{names: map[string][]string{"rebound.example": {"127.0.0.1"}, "both.example": {"169.254.169.254", "::1"}, "own.example": {"198.51.100.7"}}}
	_, path := serve(t, w)
	for _, host := range []string{
		"127.0.0.1", "127.8.8.8", "[::1]", "0.0.0.0", "0.1.2.3", "[::]", "169.254.169.254", "[fe80::1]", "224.0.0.1", "[ff02::1]", "255.255.255.255",
		"[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[64:ff9b::c633:6407]", "[fd00:ec2::254]", "100.100.100.200",
		"198.51.100.7", "[::ffff:198.51.100.7]", "192.0.2.3",
		"rebound.example", "both.example", "own.example",
	} {
		_, resp := connect(t, path, strings.ReplaceAll(host, "%25", "%")+":80")
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("CONNECT %s: %d", host, resp.StatusCode)
		}
		plain, err := client(t, path).Get("http://" + host + "/")
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(plain.Body)
		plain.Body.Close()
		if plain.StatusCode != http.StatusForbidden || !strings.Contains(string(b), "not reachable from a sandbox") {
			t.Errorf("GET %s: %d %s", host, plain.StatusCode, b)
		}
	}
	if len(w.all()) > 0 {
		t.Errorf("dialed %v", w.all())
	}
}

// The interfaces' own addresses, and the real way to connect.
func TestThisMachineIsRefused(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := egress.New(egress.Config{})
	path := filepath.Join(t.TempDir(), "s")
	sock, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() { _ = p.Serve(sock) })
	defer served.Wait()
	defer p.Close()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	for _, a := range addrs {
		target := netip.AddrPortFrom(netip.MustParsePrefix(a.String()).Addr(), uint16(port)).String()
		if _, resp := connect(t, path, target); resp.StatusCode != http.StatusForbidden {
			t.Errorf("CONNECT %s: %d", target, resp.StatusCode)
		}
	}
}

func TestWhatIsNoProxyRequestIsRefused(t *testing.T) {
	_, path := serve(t, &world{})
	for _, head := range []string{"GET / HTTP/1.1\r\nHost: example.com", "GET https://example.com/ HTTP/1.1\r\nHost: example.com", "CONNECT example.com HTTP/1.1\r\nHost: example.com", "CONNECT example.com:0 HTTP/1.1\r\nHost: example.com"} {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, head+"\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode < 400 {
			t.Errorf("%s: %v, %v", head, resp, err)
		}
		conn.Close()
	}
}

// echo is a TCP server that says what it hears, and tells when its only connection is over.
func echo(t *testing.T) (address string, over <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(conn, conn)
	}()
	return l.Addr().String(), done
}

func TestATunnelEndsWithItsClient(t *testing.T) {
	address, over := echo(t)
	_, path := serve(t, &world{names: map[string][]string{"example.com": {"203.0.113.1"}}, server: address})
	conn, resp := connect(t, path, "example.com:7")
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	if _, err := io.WriteString(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 5)
	if _, err := io.ReadFull(conn, b); err != nil || string(b) != "hello" {
		t.Errorf("heard %q, %v", b, err)
	}
	conn.Close()
	<-over
}

func TestCloseEndsTunnels(t *testing.T) {
	address, over := echo(t)
	p, path := serve(t, &world{names: map[string][]string{"example.com": {"203.0.113.1"}}, server: address})
	conn, _ := connect(t, path, "example.com:7")
	p.Close()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the tunnel stands")
	}
	<-over
}

// What a client sends right behind its request, before it heard that the tunnel stands, is not lost.
func TestHastyClientsAreHeard(t *testing.T) {
	address, over := echo(t)
	_, path := serve(t, &world{names: map[string][]string{"example.com": {"203.0.113.1"}}, server: address})
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "CONNECT example.com:7 HTTP/1.1\r\nHost: example.com:7\r\n\r\nhasty")
	conn.(*net.UnixConn).CloseWrite()
	b, err := io.ReadAll(conn)
	if err != nil || !strings.HasSuffix(string(b), "\r\n\r\nhasty") {
		t.Errorf("heard %q, %v", b, err)
	}
	conn.Close()
	<-over
}
