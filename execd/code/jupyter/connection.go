package jupyter

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

const (
	connectionFile = "{connection_file}" // what argv has in its place
	maxSocketPath  = 107                 // bytes; the size of sun_path less its NUL
)

// connection is a connection file
// (https://jupyter-client.readthedocs.io/en/stable/kernels.html#connection-files).
type connection struct {
	Transport string `json:"transport"`
	IP        string `json:"ip"` // with ipc: what the paths of the sockets begin with
	Shell     int    `json:"shell_port"`
	IOPub     int    `json:"iopub_port"`
	Stdin     int    `json:"stdin_port"`
	Control   int    `json:"control_port"`
	Heartbeat int    `json:"hb_port"`
	Scheme    string `json:"signature_scheme"`
	Key       string `json:"key"`
	Kernel    string `json:"kernel_name"`
}

// overTCP are the languages of the Java virtual machine, whose ZeroMQ (JeroMQ) has no sockets of the file
// system; all others get those, which need no port and which file modes protect.
var overTCP = []string{"java", "kotlin", "scala", "groovy", "clojure"}

// newConnection chooses the sockets of a kernel, whose private folder is dir.
func newConnection(dir string, s spec, key []byte) (connection, error) {
	c := connection{Scheme: "hmac-sha256", Key: string(key), Kernel: filepath.Base(s.dir)}
	ports := []*int{&c.Shell, &c.IOPub, &c.Stdin, &c.Control, &c.Heartbeat}
	c.Transport, c.IP = "ipc", filepath.Join(dir, "s")
	if !slices.Contains(overTCP, s.Language) && len(c.IP)+len("-5") <= maxSocketPath {
		for i, port := range ports {
			*port = i + 1
		}
		return c, nil
	}
	c.Transport, c.IP = "tcp", "127.0.0.1"
	for _, port := range ports {
		l, err := net.Listen("tcp", net.JoinHostPort(c.IP, "0"))
		if err != nil {
			return c, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close() // when all are found, so that all differ
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return c, nil
}

// addresses are the places where the kernel may have bound the socket of a port: some kernels write a colon
// where ipykernel has a hyphen.
func (c connection) addresses(port int) (network string, addresses []string) {
	if c.Transport == "tcp" {
		return "tcp", []string{net.JoinHostPort(c.IP, strconv.Itoa(port))}
	}
	return "unix", []string{fmt.Sprintf("%s-%d", c.IP, port), fmt.Sprintf("%s:%d", c.IP, port)}
}

// write writes the connection file into dir, for nobody else to read: it holds the key.
func (c connection) write(dir string) (file string, err error) {
	content, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	file = filepath.Join(dir, "kernel.json")
	return file, os.WriteFile(file, content, 0o600)
}
