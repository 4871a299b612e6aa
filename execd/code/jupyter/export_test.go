package jupyter

import "bytes"

// Decode decodes frames that were, or were not, signed with the key.
func Decode(key []byte, frames [][]byte) (kind, parent string, content []byte, err error) {
	m, err := session{key: key}.decode(frames)
	return m.Type, m.Parent, m.Content, err
}

// Encode encodes a message as a kernel would.
func Encode(key []byte, kind string, content any) (id string, frames [][]byte, err error) {
	return session{id: "session", key: key}.encode(kind, content)
}

// Plain takes the colours out.
var Plain = plain

// Join makes one input of frames, for fuzzing.
func Join(frames [][]byte) []byte { return bytes.Join(frames, []byte{0}) }
