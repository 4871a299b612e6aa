package docker

import (
	"maps"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// Where execd is in every container.
const (
	execdDir  = "/opt/opensandbox"
	execdPath = execdDir + "/execd"
)

// capabilities is all that root has in a container: what package managers,
// su, sshd, and servers on low ports need. SETFCAP is what rpm unpacks files
// with; under no-new-privileges what it sets gives nobody anything. Left out of
// the engine's default are NET_RAW, by which sandboxes of one bridge could
// take each other's addresses, and AUDIT_WRITE, MKNOD and SETPCAP.
var capabilities = []string{
	"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETUID", "SYS_CHROOT",
}

func (d *Docker) containerConfig(spec runtime.Spec) *container.Config {
	env := make([]string, 0, len(spec.Env)+1)
	for _, name := range slices.Sorted(maps.Keys(spec.Env)) {
		env = append(env, name+"="+spec.Env[name])
	}
	config := &container.Config{
		Image:      spec.Image,
		Entrypoint: []string{execdPath, "supervise", "--listen", ":44772", "--"},
		Cmd:        spec.Entrypoint,
		// execd takes the token out of what sandboxed processes can see.
		Env:    append(env, "EXECD_ACCESS_TOKEN="+spec.Token),
		Labels: map[string]string{labelSandbox: spec.ID, labelInstance: d.cfg.Instance},
		// A health check of the image would run programs without execd.
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
	if strings.HasPrefix(spec.ID, sparePrefix) { // the order brings the rest
		config.Entrypoint, config.Env = []string{execdPath, "supervise", "--listen", ":44772", "--await"}, nil
		config.OpenStdin, config.StdinOnce = true, true
		config.Labels = map[string]string{labelPrepared: "", labelInstance: d.cfg.Instance}
	}
	return config
}

func (d *Docker) hostConfig(spec runtime.Spec) *container.HostConfig {
	pids := d.cfg.Pids
	host := &container.HostConfig{
		NetworkMode: container.NetworkMode(d.cfg.Network),
		CapDrop:     []string{"ALL"},
		CapAdd:      capabilities,
		SecurityOpt: []string{"no-new-privileges"},
		Mounts:      []mount.Mount{d.execd.mount(true)},
		// What an entrypoint writes is for reading its last words only.
		LogConfig: container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1m", "max-file": "1"}},
		Resources: container.Resources{
			NanoCPUs:   spec.Limits.NanoCPUs,
			Memory:     spec.Limits.MemoryBytes,
			MemorySwap: spec.Limits.MemoryBytes, // memory and swap together: no swap
			PidsLimit:  &pids,
		},
	}
	if spec.Limits.GPUs > 0 {
		host.DeviceRequests = []container.DeviceRequest{{
			Count: int(spec.Limits.GPUs), Capabilities: [][]string{{"gpu"}},
		}}
	}
	return host
}
