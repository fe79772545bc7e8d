package text

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// ParseSize parses a number of bytes: digits with an optional fraction and an optional unit. The units k, M, G, T
// and P (in either case; also KiB and so on) are powers of 1024. A fraction of a byte is dropped. kB and
// MB are refused, because they can also mean powers of 1000.
func ParseSize(s string) (int64, error) {
	end := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if end < 0 {
		end = len(s)
	}
	number, unit := s[:end], s[end:]
	if len(number) > 32 {
		return 0, errors.New("too large")
	}
	whole, fraction, dotted := strings.Cut(number, ".")
	if whole == "" || dotted && (fraction == "" || strings.Contains(fraction, ".")) {
		return 0, errors.New("not a number of bytes")
	}
	shift, ok := unitShift(unit)
	if !ok {
		if strings.HasSuffix(strings.ToLower(unit), "b") {
			if _, known := unitShift(unit[:len(unit)-1]); known {
				return 0, fmt.Errorf("%s can mean steps of 1000 or of 1024; write %s for steps of 1024", unit, unit[:len(unit)-1])
			}
		}
		return 0, fmt.Errorf("%q is not a unit", unit)
	}
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, errors.New("not a number of bytes")
	}
	r.Mul(r, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), shift)))
	n := new(big.Int).Quo(r.Num(), r.Denom())
	if !n.IsInt64() {
		return 0, errors.New("too large")
	}
	return n.Int64(), nil
}

// unitShift is the power of two that a unit stands for.
func unitShift(unit string) (uint, bool) {
	switch u := strings.TrimSuffix(strings.ToLower(unit), "ib"); {
	case unit == "" || unit == "B":
		return 0, true
	case len(u) == 1:
		i := strings.Index("kmgtp", u)
		return uint(i+1) * 10, i >= 0
	}
	return 0, false
}

// ParseRate parses bytes per second: a size, optionally followed by /s. Zero is refused.
func ParseRate(s string) (int64, error) {
	n, err := ParseSize(strings.TrimSuffix(s, "/s"))
	if err == nil && n == 0 {
		err = errors.New("a rate must be at least 1 byte per second")
	}
	return n, err
}

// Size writes a number of bytes for people: 0 B, 1023 B, 1.5 KiB, 12.0 MiB, 348 GiB.
func Size(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, unit := float64(n), 0
	for v >= 1023.5 && unit < 6 {
		v /= 1024
		unit++
	}
	prefix := " " + "KMGTPE"[unit-1:unit] + "iB"
	if v < 99.95 {
		return strconv.FormatFloat(v, 'f', 1, 64) + prefix
	}
	return strconv.FormatFloat(v, 'f', 0, 64) + prefix
}

// Rate writes bytes per second for people.
func Rate(perSecond float64) string {
	if !(perSecond > 0) {
		return "0 B/s"
	}
	return Size(int64(min(perSecond, math.MaxInt64/2))) + "/s"
}
