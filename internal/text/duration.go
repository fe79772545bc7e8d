package text

import (
	"fmt"
	"time"
)

// Duration writes 0.4ms, 40ms, 4.0s, and from ten seconds on 0:42, 12:05, 1:02:03.
func Duration(d time.Duration) string {
	if d > 0 && d < 10*time.Millisecond {
		return fmt.Sprintf("%.1fms", d.Seconds()*1e3)
	}
	if d > 0 && d < time.Second {
		return fmt.Sprintf("%.0fms", d.Seconds()*1e3)
	}
	if d < 10*time.Second && d%time.Second != 0 {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	s := int64(d.Round(time.Second) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
