package stream

import (
	"encoding/binary"
	"unicode/utf8"
)

// plain marks the bytes that stand in a JSON string as they are.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

const hex = "0123456789abcdef"

// appendString appends s as a JSON string.
func appendString(dst []byte, s string) []byte {
	return append(appendEscaped(append(dst, '"'), []byte(s)), '"')
}

// appendEscaped appends the inside of the JSON string (RFC 8259 §7) for text. Bytes that are not UTF-8
// become U+FFFD, one each; the line separators U+0085, U+2028 and U+2029 are escaped, as some readers split
// lines there.
func appendEscaped(dst, text []byte) []byte {
	start := 0
	for i := plainWords(text); i < len(text); {
		c := text[i]
		if plain[c] {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(text[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				dst = append(append(dst, text[start:i]...), "\uFFFD"...)
			case r == 0x85 || r == 0x2028 || r == 0x2029:
				dst = append(dst, text[start:i]...)
				dst = append(dst, '\\', 'u', hex[r>>12], hex[r>>8&15], hex[r>>4&15], hex[r&15])
			default:
				i += size
				continue
			}
			i += size
			start = i
			continue
		}
		dst = append(dst, text[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(dst, text[start:]...)
}

// plainWords is the length of a beginning of text that holds plain bytes only, found eight bytes at a time; where all of
// it is plain it is most often the whole.
func plainWords(text []byte) int {
	i := 0
	for ; i+32 <= len(text); i += 32 {
		p := text[i : i+32]
		if special(binary.LittleEndian.Uint64(p))|special(binary.LittleEndian.Uint64(p[8:]))|
			special(binary.LittleEndian.Uint64(p[16:]))|special(binary.LittleEndian.Uint64(p[24:])) != 0 {
			break
		}
	}
	for ; i+8 <= len(text); i += 8 {
		if special(binary.LittleEndian.Uint64(text[i:])) != 0 {
			return i
		}
	}
	if i > 0 && special(binary.LittleEndian.Uint64(text[len(text)-8:])) == 0 { // some of them for the second time
		return len(text)
	}
	return i
}

const ones, high = 0x0101010101010101, 0x8080808080808080

// special sets the high bit of each of eight bytes that is 0x80 or more, below 0x20, a quote or a backslash. Above the
// first of them others may be marked too.
func special(x uint64) uint64 {
	return (x | (x - ones*0x20) | ((x ^ ones*'"') - ones) | ((x ^ ones*'\\') - ones)) & high
}

// lineEnds sets the high bit of the first of eight bytes that is a line end; above it others may be marked too.
func lineEnds(x uint64) uint64 {
	y := x ^ ones*'\n'
	return (y - ones) &^ y & high
}

// escapedLen is an upper bound of what appendEscaped makes of text, at most three times as long.
func escapedLen(text []byte) int {
	n := 0
	for _, c := range text {
		switch {
		case plain[c]:
			n++
		case c < 0x20:
			n += 6
		default:
			n += 3
		}
	}
	return n
}

// whole is the length of text without the beginning of a character at its end whose rest is still to come.
func whole(text []byte) int {
	for i := len(text) - 1; i >= 0 && i >= len(text)-utf8.UTFMax+1; i-- {
		if utf8.RuneStart(text[i]) {
			if !utf8.FullRune(text[i:]) {
				return i
			}
			break
		}
	}
	return len(text)
}
