package sandbox

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// Kubernetes' grammar of quantities, without signs: only positive ones make
// sense as a limit.
var quantity = regexp.MustCompile(`^([0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?[0-9]{1,2})?$`)

var multipliers = map[string]*big.Rat{
	"":   big.NewRat(1, 1),
	"m":  big.NewRat(1, 1000),
	"k":  power(10, 3),
	"M":  power(10, 6),
	"G":  power(10, 9),
	"T":  power(10, 12),
	"P":  power(10, 15),
	"E":  power(10, 18),
	"Ki": power(2, 10),
	"Mi": power(2, 20),
	"Gi": power(2, 30),
	"Ti": power(2, 40),
	"Pi": power(2, 50),
	"Ei": power(2, 60),
}

func power(base, exponent int64) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(base), big.NewInt(exponent), nil))
}

var (
	errQuantitySyntax   = errors.New("is not a quantity")
	errQuantityPositive = errors.New("is not positive")
	errQuantityTooLarge = errors.New("is too large")
)

// ParseQuantity reads a positive Kubernetes quantity ("500m", "1.5", "512Mi",
// "1e3") and returns it in units of 1/scale, rounded up.
func ParseQuantity(text string, scale int64) (int64, error) {
	parts := quantity.FindStringSubmatch(text)
	if parts == nil {
		return 0, errQuantitySyntax
	}
	value, ok := new(big.Rat).SetString(parts[1])
	if !ok {
		return 0, errQuantitySyntax
	}
	multiplier, ok := multipliers[parts[2]]
	if !ok {
		exponent, err := strconv.ParseInt(parts[2][1:], 10, 8)
		if err != nil {
			return 0, errQuantitySyntax
		}
		multiplier = power(10, max(exponent, -exponent))
		if exponent < 0 {
			multiplier.Inv(multiplier)
		}
	}
	value.Mul(value, multiplier)
	if value.Sign() <= 0 {
		return 0, errQuantityPositive
	}
	value.Mul(value, big.NewRat(scale, 1))
	// Round up: a limit asked for is never undercut, and never becomes 0.
	rounded := new(big.Int).Add(value.Num(), new(big.Int).Sub(value.Denom(), big.NewInt(1)))
	rounded.Quo(rounded, value.Denom())
	if !rounded.IsInt64() {
		return 0, errQuantityTooLarge
	}
	return rounded.Int64(), nil
}

// parseLimits reads resourceLimits (rule 7). Names it does not know are
// accepted and mean nothing.
func parseLimits(limits map[string]string) (runtime.Limits, error) {
	var l runtime.Limits
	for _, known := range []struct {
		name  string
		into  *int64
		scale int64
		forms string
	}{
		{"cpu", &l.NanoCPUs, 1e9, `cores or millicores, such as "1.5" or "500m"`},
		{"memory", &l.MemoryBytes, 1, `bytes or a Kubernetes quantity, such as "536870912" or "512Mi"`},
		{"gpu", &l.GPUs, 1, `a whole number of GPUs, such as "1"`},
	} {
		text, ok := limits[known.name]
		if !ok {
			continue
		}
		value, err := parseLimit(known.name, text, known.scale)
		if err != nil {
			return runtime.Limits{}, invalid("INVALID_RESOURCE_LIMIT",
				"resourceLimits.%s: %.64q %v; give %s", known.name, text, err, known.forms)
		}
		*known.into = value
	}
	return l, nil
}

func parseLimit(name, text string, scale int64) (int64, error) {
	if name != "gpu" {
		return ParseQuantity(text, scale)
	}
	n, err := strconv.ParseUint(text, 10, 63)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errQuantityTooLarge
	case err != nil:
		return 0, errQuantitySyntax
	case n == 0:
		return 0, errQuantityPositive
	case n > math.MaxInt32:
		return 0, errQuantityTooLarge
	}
	return int64(n), nil
}

// FormatBytes writes a number of bytes for a person, in binary units.
func FormatBytes(n int64) string {
	for _, unit := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= unit.size {
			return fmt.Sprintf("%.4g %s", float64(n)/float64(unit.size), unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
