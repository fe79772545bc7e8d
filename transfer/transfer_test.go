package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/transfer"
)

// Zero is the default, negative is no limit: in every limit.
func TestWithDefaults(t *testing.T) {
	const s = time.Second
	for _, tt := range []struct{ give, want any }{
		{transfer.Limits{}.WithDefaults(), transfer.Limits{Idle: 60 * s, Answer: 600 * s, MinRate: -1, MinRateWindow: 30 * s, Total: -1}},
		{transfer.Limits{-1, -1, -1, -1, -1}.WithDefaults(), transfer.Limits{-1, -1, -1, -1, -1}},
		{transfer.Limits{1, 2, 3, 4, 5}.WithDefaults(), transfer.Limits{1, 2, 3, 4, 5}},
		{transfer.Retry{}.WithDefaults(), transfer.Retry{Attempts: 6, MaxWait: 120 * s}},
		{transfer.Retry{Attempts: -1, MaxWait: -1}.WithDefaults(), transfer.Retry{Attempts: -1, MaxWait: -1}},
		{transfer.Retry{Attempts: 1, MaxWait: 2}.WithDefaults(), transfer.Retry{Attempts: 1, MaxWait: 2}},
	} {
		if diff := cmp.Diff(tt.want, tt.give); diff != "" {
			t.Error(diff)
		}
	}
}

func TestErrors(t *testing.T) {
	status := &transfer.StatusError{Method: "GET", Status: 503, Body: []byte("\n a \x1b[0m\nb")}
	for want, err := range map[string]error{
		`the server answered 503 Service Unavailable: "a \x1b[0m"`:                  status,
		`the server answered 404 Not Found`:                                         &transfer.StatusError{Status: 404, Body: []byte("Not found.\r\n")},
		`the server answered 405 Method Not Allowed`:                                &transfer.StatusError{Status: 405, Body: []byte("405 method not allowed\n")},
		`the server answered 403 Forbidden`:                                         &transfer.StatusError{Status: 403, Body: []byte("\n<!DOCTYPE html>\n<p>Forbidden")},
		`the server answered 404 Not Found: "no such bucket"`:                       &transfer.StatusError{Status: 404, Body: []byte("no such bucket")},
		`the server answered 302 Found, a redirect to /login`:                       &transfer.StatusError{Status: 302, Header: http.Header{"Location": {"/login?next=secret#x"}}, Body: []byte("Moved")},
		`the server answered 308 Permanent Redirect, a redirect to https://h/a%20b`: &transfer.StatusError{Status: 308, Header: http.Header{"Location": {"https://u:secret@h/a b"}}},
		`the server answered 307 Temporary Redirect: "x"`:                           &transfer.StatusError{Status: 307, Body: []byte("x")},
		`the server answered 307 Temporary Redirect`:                                &transfer.StatusError{Status: 307, Header: http.Header{"Location": {"%zz"}}},
		`the server answered 201 Created`:                                           &transfer.StatusError{Status: 201, Header: http.Header{"Location": {"/x"}}},
		`the server answered 599`:                                                   &transfer.StatusError{Status: 599},
		`the server answered 404 Not Found (1 retry)`:                               &transfer.NetworkError{Retries: 1, Err: &transfer.StatusError{Status: 404}},
		`at byte 7: x (2 retries)`:                                                  &transfer.NetworkError{Offset: 7, Retries: 2, Err: errors.New("x")},
		`at byte 7: x`:                                                              &transfer.NetworkError{Offset: 7, Resumable: true, Err: errors.New("x")},
		`no progress for 1m0s`:                                                      &transfer.TimeoutError{Limit: "idle", After: time.Minute},
		`no answer for 10m0s`:                                                       &transfer.TimeoutError{Limit: "answer", After: 10 * time.Minute},
		`30s behind the minimum rate`:                                               &transfer.TimeoutError{Limit: "rate", After: 30 * time.Second},
		`not done after 1h0m0s`:                                                     &transfer.TimeoutError{Limit: "total", After: time.Hour},
		`the digest does not match: got 01, want 02`:                                &transfer.DigestError{Got: []byte{1}, Want: []byte{2}},
		`the sha-256 does not match: got 01, want 02`:                               &transfer.DigestError{Algorithm: "sha-256", Got: []byte{1}, Want: []byte{2}},
		`the sha-256 of Repr-Digest does not match: got 01, want `:                  &transfer.DigestError{Field: "Repr-Digest", Algorithm: "sha-256", Got: []byte{1}},
		`truncated: got 3 of 10 bytes`:                                              &transfer.TruncatedError{Want: 10, Got: 3},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
	var got *transfer.StatusError
	if err := fmt.Errorf("x: %w", &transfer.NetworkError{Err: status}); !errors.As(err, &got) || got != status {
		t.Errorf("the cause of a NetworkError: %v", got)
	}
}

func TestErrorsIs(t *testing.T) {
	answer := func(method string, status int) error { return &transfer.StatusError{Method: method, Status: status} }
	for _, tt := range []struct {
		err, target error
		want        bool
	}{
		{answer("GET", 404), fs.ErrNotExist, true},
		{answer("HEAD", 410), fs.ErrNotExist, true},
		{answer("GET", 403), fs.ErrNotExist, false},
		{answer("GET", 404), fs.ErrExist, false},
		{answer("PUT", 404), fs.ErrNotExist, false},
		{answer("POST", 410), fs.ErrNotExist, false},
		{&transfer.TimeoutError{}, context.DeadlineExceeded, true},
		{&transfer.TimeoutError{}, context.Canceled, false},
		{&transfer.TruncatedError{}, io.ErrUnexpectedEOF, true},
		{&transfer.TruncatedError{}, io.EOF, false},
		{&transfer.NetworkError{Err: &transfer.TruncatedError{}}, io.ErrUnexpectedEOF, true},
		{&transfer.NetworkError{Err: http.ErrAbortHandler}, io.ErrUnexpectedEOF, false},
	} {
		if got := errors.Is(tt.err, tt.target); got != tt.want {
			t.Errorf("%v is %v: %v", tt.err, tt.target, got)
		}
	}
	if !(&transfer.TimeoutError{}).Timeout() {
		t.Error("a TimeoutError is no timeout")
	}
}
