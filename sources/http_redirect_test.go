package sources_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/transfer"
)

// RFC 9110 section 15.4: redirects are followed, and cyclic ones noticed.
func TestHTTPRedirects(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, protocol := range protocols {
		var requests atomic.Int32
		srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			if r.Header.Get("Referer") != "" {
				t.Errorf("Referer: %s", r.Header.Get("Referer"))
			}
			var n, status int
			fmt.Sscanf(r.URL.Path, "/%d/%d", &status, &n)
			switch {
			case status == 0 || n == 0:
				io.WriteString(w, "there")
			default:
				w.Header().Set("Location", fmt.Sprintf("/%d/%d?secret", status, n-1))
				w.WriteHeader(status)
			}
		})
		for _, status := range []int{301, 302, 303, 307, 308} {
			var told sources.Remote
			g := fetch(t.Context(), sources.HTTPWith(srv.URL+fmt.Sprintf("/%d/10?secret", status), sources.HTTPOptions{
				Client: client, OnAnswer: func(r sources.Remote) { told = r },
			}))
			if g.err != nil || g.data != "there" || told.URL != srv.URL+fmt.Sprintf("/%d/0?secret", status) {
				t.Errorf("%s, %d: %+v, %s", protocol, status, g, told.URL)
			}
			requests.Store(0)
			g = fetch(t.Context(), sources.HTTPWith(srv.URL+fmt.Sprintf("/%d/1000?secret", status), sources.HTTPOptions{Client: client}))
			if !errors.Is(g.err, sources.ErrRedirect) || requests.Load() != 11 || strings.Contains(g.err.Error(), "secret") {
				t.Errorf("%s, %d: %d requests, %v", protocol, status, requests.Load(), g.err)
			}
		}
		// The caller's policy counts too.
		enough := errors.New("enough")
		strict := *client
		strict.CheckRedirect = func(*http.Request, []*http.Request) error { return enough }
		g := fetch(t.Context(), sources.HTTPWith(srv.URL+"/302/1", quick(sources.HTTPOptions{Client: &strict})))
		if !errors.Is(g.err, enough) {
			t.Errorf("%s: %v", protocol, g.err)
		}
		strict.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		g = fetch(t.Context(), sources.HTTPWith(srv.URL+"/302/1", sources.HTTPOptions{Client: &strict}))
		if e := as[*transfer.StatusError](t, g.err); e.Status != 302 {
			t.Errorf("%s: %v", protocol, g.err)
		}
	}
}

// RFC 9110 section 17.11 and HTTPS itself: not from https to http, nor to other schemes.
func TestHTTPRedirectsToLess(t *testing.T) {
	pipetest.NoLeaks(t)
	plain, _ := serve(t, "h1", func(http.ResponseWriter, *http.Request) { t.Error("followed") })
	for _, to := range []string{plain.URL, "file:///etc/passwd", "ftp://127.0.0.1/"} {
		srv, client := serve(t, "h1+tls", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(302)
		})
		if g := fetch(t.Context(), sources.HTTPWith(srv.URL, sources.HTTPOptions{Client: client})); !errors.Is(g.err, sources.ErrRedirect) {
			t.Errorf("%s: %v", to, g.err)
		}
	}
}

// RFC 9110 section 15.4: what is a credential does not go to another host or port; net/http knows
// only some of them.
func TestHTTPRedirectsKeepSecrets(t *testing.T) {
	pipetest.NoLeaks(t)
	secrets := []string{"Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key", "Private-Token", "Referer"}
	plain := http.Header{"Accept": {"a/b"}, "Accept-Language": {"de"}, "User-Agent": {"weir"}, "Cache-Control": {"no-cache"}}
	var home, away *httptest.Server
	var client *http.Client
	has := func(r *http.Request, want bool) {
		for _, key := range secrets {
			if key != "Referer" && (r.Header.Get(key) != "") != want {
				t.Errorf("%s %s: %s: %q", r.Host, r.URL, key, r.Header.Get(key))
			}
		}
		for key := range plain {
			if r.Header.Get(key) != plain.Get(key) {
				t.Errorf("%s %s: %s: %q", r.Host, r.URL, key, r.Header.Get(key))
			}
		}
		if (r.Header.Get("Referer") == "secret=1") != want || r.Header.Get("Range") != "bytes=2-" || r.Header.Get("If-Range") != `"a"` || r.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("%s %s: %v", r.Host, r.URL, r.Header)
		}
	}
	answer := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"a"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader("01there"))
	}
	home, client = serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/start":
			has(r, true)
			http.Redirect(w, r, home.URL+"/same", http.StatusFound)
		case "/same":
			has(r, true)
			http.Redirect(w, r, away.URL+"/away?secret", http.StatusFound)
		case "/back":
			has(r, false)
			http.Redirect(w, r, "/end", http.StatusFound)
		default:
			has(r, false)
			answer(w, r)
		}
	})
	away, _ = serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
		has(r, false)
		http.Redirect(w, r, home.URL+"/back", http.StatusFound)
	})
	header := plain.Clone()
	for _, key := range secrets {
		header.Set(key, "secret=1")
	}
	header.Del("Authorization")
	start := strings.Replace(home.URL, "//", "//user:secret@", 1) + "/start"
	g := fetch(t.Context(), sources.HTTPWith(start, sources.HTTPOptions{Client: client, Header: header, Offset: 2, Validator: sources.Validator{ETag: `"a"`}}))
	if g.err != nil || g.data != "there" {
		t.Errorf("%+v", g)
	}

	// The https of a host may have what its http may.
	var over atomic.Int32
	secure, _ := serve(t, "h1+tls", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Api-Key") != "" {
			over.Add(1)
		}
		io.WriteString(w, "there")
	})
	first, _ := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://"+r.URL.Query().Get("to")+"/", http.StatusFound)
	})
	for to, want := range map[string]int32{"upgraded.test": 1, "upgraded.test:8443": 0, "sub.upgraded.test": 0, "other.test": 0} {
		over.Store(0)
		tr := &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
			// The names lead to the servers on this machine.
			DialContext: dialTo(map[bool]string{false: first.Listener.Addr().String(), true: secure.Listener.Addr().String()}),
		}
		g := fetch(t.Context(), sources.HTTPWith("http://upgraded.test/?to="+to, sources.HTTPOptions{Client: &http.Client{Transport: tr}, Header: http.Header{"X-Api-Key": {"k"}}}))
		tr.CloseIdleConnections()
		if g.err != nil || over.Load() != want {
			t.Errorf("%s: it got the key %d times, %v", to, over.Load(), g.err)
		}
	}
}

// Cookies of a jar stay with their hosts.
func TestHTTPUsesTheJar(t *testing.T) {
	pipetest.NoLeaks(t)
	srv, client := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("a")
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		io.WriteString(w, c.Value)
	})
	jar, _ := cookiejar.New(nil)
	u, _ := url.Parse(srv.URL)
	jar.SetCookies(u, []*http.Cookie{{Name: "a", Value: "b"}})
	client.Jar = jar
	if g := fetch(t.Context(), sources.HTTPWith(srv.URL, sources.HTTPOptions{Client: client})); g.err != nil || g.data != "b" {
		t.Errorf("%+v", g)
	}
}

// A certificate that is not trusted is not retried.
func TestHTTPHopeless(t *testing.T) {
	pipetest.NoLeaks(t)
	srv, _ := serve(t, "h1+tls", func(http.ResponseWriter, *http.Request) { t.Error("reached") })
	plain, _ := serve(t, "h1", func(http.ResponseWriter, *http.Request) { t.Error("reached") })
	for _, u := range []string{srv.URL, strings.Replace(plain.URL, "http:", "https:", 1)} {
		g := fetch(t.Context(), sources.HTTPWith(u, sources.HTTPOptions{Retry: transfer.Retry{OnRetry: func(int, time.Duration, error) { t.Error("retried") }}}))
		if e := as[*transfer.NetworkError](t, g.err); e.Retries != 0 {
			t.Errorf("%v", g.err)
		}
	}
}
