package probe_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/probe"
	"github.com/weirflow/weir/transfer"
)

func serve(t *testing.T, h http.HandlerFunc) *url.URL {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	u, err := url.Parse(strings.Replace(srv.URL, "//", "//user:secret@", 1) + "/f?sig=secret")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestExists(t *testing.T) {
	for _, tt := range []struct {
		head, get int
		want      bool
		status    int // of the error; 0: none
	}{
		{200, 0, true, 0}, {204, 0, true, 0}, {416, 0, true, 0},
		{404, 404, false, 0}, {410, 405, false, 0}, {404, 500, false, 0}, {405, 404, false, 0}, {500, 410, false, 0},
		{404, 206, true, 0}, {404, 200, true, 0}, {405, 416, true, 0}, {503, 206, true, 0}, {302, 200, true, 0},
		{405, 405, false, 405}, {403, 401, false, 403}, {501, 501, false, 501},
		{405, 503, false, 503}, {429, 403, false, 429}, {302, 302, false, 302}, {308, 404, false, 0},
	} {
		at := serve(t, func(w http.ResponseWriter, r *http.Request) {
			status := tt.head
			if r.Method == http.MethodGet {
				status = tt.get
			}
			if status == 302 {
				w.Header().Set("Location", "/login")
			}
			if r.URL.Path == "/login" {
				status = 200
			}
			w.WriteHeader(status)
		})
		got, err := probe.Exists(t.Context(), http.DefaultClient, at, nil, time.Minute)
		answer, _ := errors.AsType[*transfer.StatusError](err)
		if got != tt.want || (err != nil) != (tt.status != 0) || err != nil && (answer == nil || answer.Status != tt.status || strings.Contains(err.Error(), "secret")) {
			t.Errorf("HEAD %d, GET %d: %v, %v", tt.head, tt.get, got, err)
		}
	}
}

// What is only for the first host goes to no other one, nor to what is reached by way of one.
func TestExistsElsewhere(t *testing.T) {
	seen := make(chan http.Header, 10)
	var home *url.URL
	away := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header
		http.Redirect(w, r, "http://"+home.Host+"/end", http.StatusTemporaryRedirect)
	})
	home = serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/f":
			http.Redirect(w, r, "/same", http.StatusMovedPermanently)
		case "/same":
			if r.Header.Get("X-Api-Key") == "" || r.Header.Get("Authorization") == "" {
				t.Errorf("to the same host: %v", r.Header)
			}
			http.Redirect(w, r, "http://"+away.Host+"/x", http.StatusPermanentRedirect)
		case "/end":
			seen <- r.Header
		}
	})
	found, err := probe.Exists(t.Context(), http.DefaultClient, home, http.Header{"X-Api-Key": {"secret"}, "User-Agent": {"x"}}, time.Minute)
	if !found || err != nil || len(seen) != 2 {
		t.Fatalf("%v, %v, %d requests", found, err, len(seen))
	}
	for range 2 {
		if h := <-seen; h.Get("X-Api-Key") != "" || h.Get("Authorization") != "" || h.Get("User-Agent") != "x" {
			t.Errorf("%v", h)
		}
	}
}

func TestExistsEnds(t *testing.T) {
	at := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	_, err := probe.Exists(t.Context(), http.DefaultClient, at, nil, 10*time.Millisecond)
	limit, _ := errors.AsType[*transfer.TimeoutError](err)
	if broken, ok := errors.AsType[*transfer.NetworkError](err); !ok || limit == nil || limit.Limit != "idle" {
		t.Errorf("silent server: %v, %v", err, broken)
	}
	cause := errors.New("the run is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := probe.Exists(ctx, http.DefaultClient, at, nil, time.Minute); err != cause {
		t.Errorf("cancelled: %v", err)
	}
}
