package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/weirflow/weir/httpflow"
)

// requestLog is the log of a server on standard error: text, or with --json events like those of
// the other commands.
func (a *app) requestLog() *slog.Logger {
	opts := &slog.HandlerOptions{Level: slog.LevelInfo}
	if a.flags.quiet {
		opts.Level = slog.LevelError
	}
	if !a.flags.json {
		return slog.New(slog.NewTextHandler(a.err, opts))
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
	return slog.New(slog.NewJSONHandler(a.err, opts)).With("schema", 1)
}

const requestMessage = "request"

// request writes the line of a request. A client that left is no error: every seek of a media
// player does that. The query is not told, for it may have secrets in it.
func (s *server) request(r *http.Request, o httpflow.Outcome, more ...slog.Attr) {
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", o.Status), slog.Int64("bytes", o.Bytes),
	}
	if s.app.flags.json {
		attrs = append(attrs, slog.Float64("duration_seconds", o.Elapsed.Seconds()))
	} else {
		attrs = append(attrs, slog.Duration("duration", o.Elapsed.Round(time.Microsecond)))
	}
	attrs = append(attrs, slog.String("remote", r.RemoteAddr))
	if s.app.flags.verbose {
		attrs = append(attrs, slog.String("protocol", r.Proto), slog.String("range", r.Header.Get("Range")),
			slog.String("user_agent", r.UserAgent()))
	}
	attrs = append(attrs, more...)
	level := slog.LevelInfo
	switch {
	case o.ClientGone && s.isOver():
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("error", "broken off at the end of the grace period"))
	case o.ClientGone:
		attrs = append(attrs, slog.Bool("client_left", true))
	case o.Err != nil:
		level = slog.LevelError
		attrs = append(attrs, slog.String("error", message(o.Err)))
	}
	s.log.LogAttrs(context.WithoutCancel(r.Context()), level, requestMessage, attrs...)
}
