package docker

import (
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/docker/cli/cli/connhelper"
	"github.com/docker/docker/client"
)

// connect makes a client from DOCKER_HOST and the other variables of the docker
// command, with the version negotiated. For ssh://USER@HOST it runs ssh, which
// must get in without a question, as that command does.
func connect() (*client.Client, error) {
	options := []client.Opt{client.FromEnv, client.WithAPIVersionNegotiation()}
	host := os.Getenv(client.EnvOverrideHost)
	if strings.HasPrefix(host, "ssh://") {
		helper, err := connhelper.GetConnectionHelper(host)
		if err != nil {
			return nil, fmt.Errorf("understand %s: %w", client.EnvOverrideHost, err)
		}
		options = []client.Opt{
			client.WithHTTPClient(&http.Client{Transport: &http.Transport{DialContext: helper.Dialer}}),
			client.WithHost(helper.Host), client.WithDialContext(helper.Dialer),
			client.WithVersionFromEnv(), client.WithAPIVersionNegotiation(),
		}
	}
	engine, err := client.NewClientWithOpts(options...)
	if err != nil {
		return nil, fmt.Errorf("make a Docker client: %w", err)
	}
	return engine, nil
}
