package stream

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// shortLines adds an event for each line at the beginning of p that has one to seven bytes, all of them plain, and its
// end; it gives the length of what it took. Such lines come by the million (yes), and the events around them are most of
// the work: here it is two copies of a fixed length a line.
func (b *Batch) shortLines(kind Kind, p []byte) (taken int) {
	b.use(kind)
	buf, prefix := b.buf, b.prefix
	for len(p)-taken >= 8 {
		x := binary.LittleEndian.Uint64(p[taken:])
		n := bits.TrailingZeros64(lineEnds(x)) / 8 // 8: no end
		if n == 0 || n == 8 || special(x)&(1<<(8*n)-1) != 0 {
			break
		}
		at := len(buf)
		text := at + len(prefix)
		if cap(buf)-text < 8+len(suffix) {
			buf = slices.Grow(buf, len(prefix)+8+len(suffix))
		}
		buf = buf[:text+8+len(suffix)]
		copy(buf[at:], prefix)
		binary.LittleEndian.PutUint64(buf[text:], x) // what is behind the line is overwritten
		copy(buf[text+n:], suffix)
		buf = buf[:text+n+len(suffix)]
		taken += n + 1
		if len(buf) >= writeSize {
			b.s.write(buf)
			buf = buf[:0]
		}
	}
	b.buf = buf
	return taken
}
