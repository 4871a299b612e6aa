package files

import (
	"strconv"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/fault"
)

// ModeDigits writes permission bits (with setuid, setgid and sticky) as the API has them: the octal digits
// read as a decimal number, 0o755 as 755.
func ModeDigits(bits uint32) int {
	n, _ := strconv.Atoi(strconv.FormatUint(uint64(bits&0o7777), 8)) // at most 7777
	return n
}

// ParseMode reads a mode of the API, 1 to 7777 with no digit above 7.
func ParseMode(digits int) (uint32, error) {
	bits, err := strconv.ParseUint(strconv.Itoa(digits), 8, 32)
	if err != nil || bits > 0o7777 {
		return 0, fault.Errorf(fault.Invalid, "mode %d is none: write the octal digits as a decimal number, like 755", digits)
	}
	return uint32(bits), nil
}
