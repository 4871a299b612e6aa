package jupyter

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// delimiter ends the routing frames of a message
// (https://jupyter-client.readthedocs.io/en/stable/messaging.html#the-wire-protocol).
var delimiter = []byte("<IDS|MSG>")

// message is what counts of one that a kernel sent.
type message struct {
	Type    string
	Parent  string // id of the request that it belongs to, "" without one
	Content json.RawMessage
}

// session signs and verifies the messages of one kernel.
type session struct {
	id  string
	key []byte
}

func newSession() session {
	return session{id: rand.Text(), key: []byte(rand.Text() + rand.Text())}
}

// header is what the protocol wants of every message.
type header struct {
	ID       string `json:"msg_id"`
	Session  string `json:"session"`
	Username string `json:"username"`
	Date     string `json:"date"`
	Type     string `json:"msg_type"`
	Version  string `json:"version"`
}

// encode makes the frames of a request, and tells its id.
func (s session) encode(kind string, content any) (id string, frames [][]byte, err error) {
	id = rand.Text()
	head, err := json.Marshal(header{
		ID: id, Session: s.id, Username: "opensandbox", Date: time.Now().UTC().Format(time.RFC3339Nano), Type: kind, Version: "5.3",
	})
	if err != nil {
		return "", nil, err
	}
	body, err := json.Marshal(content)
	if err != nil {
		return "", nil, fmt.Errorf("encode %s: %w", kind, err)
	}
	signed := [][]byte{head, []byte("{}"), []byte("{}"), body}
	signature := []byte(hex.EncodeToString(s.sign(signed)))
	return id, append([][]byte{delimiter, signature}, signed...), nil
}

func (s session) sign(frames [][]byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	for _, frame := range frames {
		mac.Write(frame)
	}
	return mac.Sum(nil)
}

// decode reads a message of the kernel; one that is malformed or not signed with this session's key is an error.
func (s session) decode(frames [][]byte) (message, error) {
	const signature, head, parent, metadata, content = 0, 1, 2, 3, 4
	var m message
	for i, frame := range frames {
		if bytes.Equal(frame, delimiter) {
			frames = frames[i+1:]
			break
		}
		if i == len(frames)-1 {
			return m, errors.New("message has no delimiter")
		}
	}
	if len(frames) <= content {
		return m, errors.New("message lacks frames")
	}
	given, err := hex.DecodeString(string(frames[signature]))
	if err != nil || !hmac.Equal(given, s.sign(frames[head:content+1])) {
		return m, errors.New("message is not signed with the kernel's key")
	}
	var heads [2]struct {
		ID   string `json:"msg_id"`
		Type string `json:"msg_type"`
	}
	for i, frame := range frames[head : parent+1] {
		if err := json.Unmarshal(frame, &heads[i]); err != nil {
			return m, fmt.Errorf("message header: %w", err)
		}
	}
	if heads[0].Type == "" {
		return m, errors.New("message has no type")
	}
	return message{Type: heads[0].Type, Parent: heads[1].ID, Content: frames[content]}, nil
}
