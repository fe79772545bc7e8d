package cli

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/weirflow/weir/httpflow"
)

// A RequestLog is the log of a server on standard error: text, or with --json events like those of the other commands.
type RequestLog struct {
	*slog.Logger
	console *Console
}

const requestMessage = "request"

// NewRequestLog is a log as the flags of the console say.
func (c *Console) NewRequestLog() *RequestLog {
	opts := &slog.HandlerOptions{Level: slog.LevelInfo}
	if c.Quiet {
		opts.Level = slog.LevelError
	}
	if !c.JSON {
		return &RequestLog{slog.New(slog.NewTextHandler(c.Err, opts)), c}
	}
	opts.ReplaceAttr = func(groups []string, attr slog.Attr) slog.Attr {
		switch {
		case len(groups) > 0 || attr.Key != slog.MessageKey:
		case attr.Value.String() == requestMessage:
			attr = slog.String("event", requestMessage)
		default:
			attr = slog.Group("", slog.String("event", "warn"), slog.String("error", attr.Value.String()))
		}
		return attr
	}
	return &RequestLog{slog.New(slog.NewJSONHandler(c.Err, opts)).With("schema", 1), c}
}

// Request writes the line of a request. A client that closed the connection is no error: every seek of a media player
// does that, unless the server is being stopped and has aborted the response. The query is left out, for it may have
// secrets in it.
func (l *RequestLog) Request(r *http.Request, o httpflow.Outcome, aborted bool, more ...slog.Attr) {
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", o.Status), slog.Int64("bytes", o.Bytes),
	}
	if l.console.JSON {
		attrs = append(attrs, slog.Float64("duration_seconds", o.Elapsed.Seconds()))
	} else {
		attrs = append(attrs, slog.Duration("duration", o.Elapsed.Round(time.Microsecond)))
	}
	attrs = append(attrs, slog.String("remote", r.RemoteAddr))
	if l.console.Verbose {
		attrs = append(attrs, slog.String("protocol", r.Proto), slog.String("range", r.Header.Get("Range")),
			slog.String("user_agent", r.UserAgent()))
	}
	attrs = append(attrs, more...)
	level := slog.LevelInfo
	switch {
	case o.ClientGone && aborted:
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("error", "aborted at the end of the grace period"))
	case o.ClientGone:
		attrs = append(attrs, slog.Bool("client_left", true))
	case o.Err != nil:
		level = slog.LevelError
		attrs = append(attrs, slog.String("error", Message(o.Err)))
	}
	l.LogAttrs(context.WithoutCancel(r.Context()), level, requestMessage, attrs...)
}
