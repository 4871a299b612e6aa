// Command wait is all there is in the image opensandbox/scratch:local: it waits
// until it is told to end (SIGTERM or SIGINT), and ends with status 0.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	// Said only now: PID 1 loses a signal that comes before its handler.
	_, _ = os.Stdout.WriteString("waiting\n")
	<-end
}
