package httpfield

import (
	"math"
	"net/http"
	"time"
)

// RetryAfter returns how long a Retry-After asks to wait (RFC 9110 section 10.2.3), or 0. A date
// counts from the server's own Date, because the clocks may differ. More than fits into a Duration is
// the longest one.
func RetryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if at, err := http.ParseTime(value); err == nil {
		now, err := http.ParseTime(h.Get("Date"))
		if err != nil {
			now = time.Now()
		}
		return max(0, at.Sub(now))
	}
	if value == "" || !digits(value) {
		return 0
	}
	seconds, ok := number(value)
	if !ok || seconds > int64(math.MaxInt64/time.Second) {
		return math.MaxInt64
	}
	return time.Duration(seconds) * time.Second
}
