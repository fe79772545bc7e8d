package transfer

import "time"

// Limits say how long a transfer waits for the other side. In each of them, zero is the default and a
// negative value means no limit. Only the time counts in which the transfer waits for the other side,
// so a slow disk or a rate limit of one's own is not held against it; except for Total, which counts
// everything.
type Limits struct {
	// Idle is how long a wait without any progress may be: for a connection, for the header of an
	// answer, for the next bytes of a body, for the other side to accept bytes. The default is one
	// minute.
	Idle time.Duration

	// Answer is how long a server may take to answer an upload whose last byte has been sent: it may
	// verify, scan or move the file first. An interim answer (1xx, as 102 Processing) restarts the time, as it
	// restarts Idle before the last byte. The default is ten minutes.
	Answer time.Duration

	// MinRate is in bytes per second. A body may be slower as long as it is not more than
	// MinRateWindow behind; faster parts earn no credit. The default is no minimum.
	MinRate int64

	// MinRateWindow is by how much a body may be behind MinRate. The default is 30 s.
	MinRateWindow time.Duration

	// Total is how long the transfer may take in all, retries included. The default is no limit.
	Total time.Duration
}

// WithDefaults returns l with the defaults in place of zeros. What has no limit is negative.
func (l Limits) WithDefaults() Limits {
	if l.Idle == 0 {
		l.Idle = time.Minute
	}
	if l.Answer == 0 {
		l.Answer = 10 * time.Minute
	}
	if l.MinRate == 0 {
		l.MinRate = -1
	}
	if l.MinRateWindow == 0 {
		l.MinRateWindow = 30 * time.Second
	}
	if l.Total == 0 {
		l.Total = -1
	}
	return l
}

// Retry says how often a transfer is tried, and how long it waits between attempts: exponential
// backoff with full jitter from half a second to 30 s, or longer where Retry-After asks for it. In
// each limit, zero is the default and a negative value means no limit.
type Retry struct {
	// Attempts is how often the same thing is tried before the transfer fails. Progress of a byte
	// resets the count. 1 means no retry. The default is 6.
	Attempts int

	// MaxWait is the longest wait before a retry, also where Retry-After asks for more. The default
	// is two minutes.
	MaxWait time.Duration

	// OnRetry is called before each wait: with the number of retries since the last progress, this
	// one included, the length of the wait, and what failed. Calls are sequential within a run; the
	// transfer continues when OnRetry returns. nil is allowed.
	OnRetry func(retry int, wait time.Duration, cause error)
}

// WithDefaults returns r with the defaults in place of zeros. What has no limit is negative.
func (r Retry) WithDefaults() Retry {
	if r.Attempts == 0 {
		r.Attempts = 6
	}
	if r.MaxWait == 0 {
		r.MaxWait = 2 * time.Minute
	}
	return r
}
