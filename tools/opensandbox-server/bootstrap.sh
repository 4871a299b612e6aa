#!/bin/sh
# The first process of each sandbox: opensandbox-server copies it beside execd and calls it with the entrypoint.
exec /opt/opensandbox/execd supervise --listen :44772 -- "$@"
