package jupyter

import (
	"context"
	"encoding/hex"
	"net"

	"github.com/go-zeromq/zmq4"
)

// Decode decodes frames that were, or were not, signed with the key.
func Decode(key []byte, frames [][]byte) (kind, parent string, content []byte, err error) {
	m, err := session{key: key}.decode(frames)
	return m.Type, m.Parent, m.Content, err
}

// Encode encodes a message as a kernel would.
func Encode(key []byte, kind string, content any) (id string, frames [][]byte, err error) {
	return session{id: "session", key: key}.encode(kind, content)
}

// Sign puts a delimiter and a signature before frames.
func Sign(key []byte, frames [][]byte) [][]byte {
	signed := frames[:min(len(frames), 4)]
	signature := hex.EncodeToString(session{key: key}.sign(signed))
	return append([][]byte{delimiter, []byte(signature)}, frames...)
}

// Replay handles a message as a run would.
func Replay(kind string, content []byte) {
	t := transcript{out: nowhere{}}
	t.add(message{Type: kind, Content: content})
}

type nowhere struct{}

func (nowhere) Stdout([]byte)            {}
func (nowhere) Stderr([]byte)            {}
func (nowhere) Result(map[string]string) {}
func (nowhere) ExecutionCount(int)       {}

// Plain takes the colours out.
var Plain = plain

// ReceiveAll reads messages from a peer until there are no more.
func ReceiveAll(peer net.Conn) {
	c, err := greet(peer, zmq4.Sub)
	for err == nil {
		_, err = c.receive()
	}
}

// Receive connects to a Unix socket as a subscriber and gives the first message.
func Receive(ctx context.Context, path string) ([][]byte, error) {
	c, err := dial(ctx, "unix", path, zmq4.Sub)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.receive()
}
