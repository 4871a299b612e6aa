// Package prepared is what a server and the first process of a container say to each other where the container was
// started before anyone asked for its sandbox: on its standard input comes the order that makes a sandbox of it.
package prepared

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Order is what a container has to become.
type Order struct {
	Entrypoint []string          `json:"entrypoint"` // program and arguments
	Env        map[string]string `json:"env"`        // over what the image sets
	Token      string            `json:"token"`      // what the daemon asks for
}

// How the first process ends when its input ends without an order: by this status, and with these last words on standard
// error. Its sandbox was never begun.
const (
	Status = 125
	Unused = "execd: nobody wanted this container any more"
)

// maxOrder is more than a server takes in a request, in bytes.
const maxOrder = 64 << 20

// Write sends an order.
func Write(w io.Writer, o *Order) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n')) // JSON has no line end of its own: one that is cut off is no order
	return err
}

// Read waits for an order.
func Read(r io.Reader) (*Order, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxOrder)).ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("wait for an order: %w", err)
	}
	o := new(Order)
	if err := json.Unmarshal(line, o); err != nil {
		return nil, fmt.Errorf("read an order: %w", err)
	}
	if len(o.Entrypoint) == 0 {
		return nil, errors.New("an order without an entrypoint")
	}
	return o, nil
}
