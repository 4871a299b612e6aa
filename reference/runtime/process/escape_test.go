package process_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process"
)

// open are the ways out that a tier does not close, which it says in Misses.
func open(tier string) []string {
	if tier != "plain" {
		return nil
	}
	return []string{"see the machine's processes", "connect to a service of the machine"}
}

// Every known way out of a sandbox is tried from within it, in each tier that this machine and this user can have.
func TestNothingLeadsOutOfASandbox(t *testing.T) {
	program := dockertest.Build(t, "tools/escape")
	for _, tier := range process.Tiers() {
		t.Run(tier, func(t *testing.T) {
			only := func(c *process.Config) { c.Tier = tier }
			if want := os.Getenv("OPENSANDBOX_TIER"); want != "" && want != tier {
				t.Skip("SKIPPED: OPENSANDBOX_TIER is ", want)
			}
			if err := possible(t, only); err != nil {
				t.Skip("SKIPPED: ", err)
			}
			f := newFixture(t, only)
			out := outside(t, f)
			id := f.provision(out.tell)
			f.ping(id)
			home := strings.TrimSpace(f.run(id, "echo $HOME"))
			f.upload(id, home+"/escape", program)
			report := f.run(id, fmt.Sprintf("cd && ./escape; echo x >/etc/%s; echo x >>%[2]s; chmod 777 %[2]s; rm %[2]s", out.witness, f.cfg.Execd))
			checkReport(t, report, open(tier))
			out.check(t)
			f.ping(id)
		})
	}
}

// possible tells whether a tier can be had.
func possible(t *testing.T, only func(*process.Config)) error {
	cfg := process.Config{State: stateDir(t), Instance: uuid.NewString(), Execd: dockertest.Execd(t)}
	only(&cfg)
	r, err := process.New(t.Context(), cfg)
	if err != nil {
		return err
	}
	return r.Close(t.Context())
}

func checkReport(t *testing.T, report string, open []string) {
	t.Helper()
	t.Log(report)
	tried := 0
	for line := range strings.Lines(report) {
		name, verdict, ok := strings.Cut(strings.TrimSpace(line), ": ")
		for ok && !strings.HasPrefix(verdict, "refused: ") && verdict != "ALLOWED" { // a name with a colon
			var more string
			more, verdict, ok = strings.Cut(verdict, ": ")
			name += ": " + more
		}
		if !ok {
			continue
		}
		tried++
		if verdict == "ALLOWED" && !slices.Contains(open, name) {
			t.Errorf("from within the sandbox one can %s", name)
		}
	}
	if want := fmt.Sprintf("tried %d,", tried); !strings.Contains(report, want) || tried < 70 {
		t.Errorf("%d ways were tried, or not all were:\n%s", tried, report)
	}
}

// surroundings is what lies outside of a sandbox and must not be reached.
type surroundings struct {
	env     map[string]string
	witness string // name of a file in /etc
	program string // path of execd, of which a sandbox with a layer of its own may change what it sees
	before  os.FileInfo
}

func outside(t *testing.T, f *fixture) *surroundings {
	t.Helper()
	mark := "escape-mark-" + uuid.NewString()
	s := &surroundings{witness: "opensandbox-" + mark, env: map[string]string{"ESCAPE_MARK": mark}}

	secret := filepath.Join(f.cfg.State, "secret")
	err := os.WriteFile(secret, []byte("secret"), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	s.env["ESCAPE_SECRET"] = secret
	s.env["ESCAPE_EXECD"] = filepath.Join(f.cfg.State, "execd")
	s.program = f.cfg.Execd
	if s.before, err = os.Stat(s.program); err != nil {
		t.Fatal(err)
	}

	other := filepath.Join(f.cfg.State, "sandboxes", f.provision())
	s.env["ESCAPE_SOCKETS"] = filepath.Join(other, "execd.sock") + ":" + filepath.Join(other, "ports.sock")

	service := listen(t, "tcp", ":0")
	port := service.Addr().(*net.TCPAddr).Port
	addresses := []string{fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("[::1]:%d", port)}
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range own {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && !ip.IP.IsLinkLocalUnicast() {
			addresses = append(addresses, net.JoinHostPort(ip.IP.String(), fmt.Sprint(port)))
		}
	}
	s.env["ESCAPE_ADDRESSES"] = strings.Join(addresses, ",")

	listen(t, "unix", "@"+mark)
	s.env["ESCAPE_ABSTRACT"] = mark

	var root syscall.Stat_t
	if err := syscall.Stat("/", &root); err != nil {
		t.Fatal(err)
	}
	s.env["ESCAPE_DEVICE"] = fmt.Sprintf("%d:%d", unix.Major(root.Dev), unix.Minor(root.Dev))

	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	number, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(terminal.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.env["ESCAPE_TERMINAL"] = fmt.Sprintf("/dev/pts/%d", number)

	cmd := exec.Command("sh", "-c", "read nothing", mark)
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	return s
}

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// tell has the sandbox know what there is.
func (s *surroundings) tell(spec *runtime.Spec) { spec.Env = s.env }

// check finds what changed outside.
func (s *surroundings) check(t *testing.T) {
	t.Helper()
	if err := os.Remove("/etc/" + s.witness); err == nil {
		t.Error("the sandbox has written to the machine's /etc")
	}
	after, err := os.Stat(s.program)
	if err != nil {
		t.Fatal("the sandbox has removed execd's binary outside: ", err)
	}
	if after.Mode() != s.before.Mode() || after.Size() != s.before.Size() || !after.ModTime().Equal(s.before.ModTime()) {
		t.Errorf("the sandbox has changed execd's binary outside: %v, %d bytes, of %v", after.Mode(), after.Size(), after.ModTime())
	}
}

// upload puts a program into a sandbox.
func (f *fixture) upload(id, path, from string) {
	f.t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		f.t.Fatal(err)
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, part := range [][2]string{{"metadata", fmt.Sprintf(`{"path":%q,"mode":755}`, path)}, {"file", string(content)}} {
		p, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename=%q`, part[0], part[0])}})
		if err == nil {
			_, err = io.WriteString(p, part[1])
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
	w.Close()
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, "http://execd/files/upload", &body)
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("X-EXECD-ACCESS-TOKEN", "the-token")
	req.Header.Set("Content-Type", w.FormDataContentType())
	res, err := f.client(id, 44772).Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		f.t.Fatalf("upload: %d %s %v", res.StatusCode, b, err)
	}
}
