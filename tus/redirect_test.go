package tus_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/weirflow/weir/tus"
)

// RFC 9110 sections 15.4.8 and 15.4.9: 307 and 308 have the same request again, elsewhere, without what only the first host may see.
func TestTusRedirects(t *testing.T) {
	for _, status := range []int{307, 308} {
		for _, protocol := range []string{"h1", "h2"} {
			t.Run(fmt.Sprint(status, protocol), func(t *testing.T) {
				store := &tusStore{}
				var mu sync.Mutex
				var heads []string
				away, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					mu.Lock()
					heads = append(heads, r.Method+" "+r.URL.RawQuery+r.Header.Get("Authorization")+r.Header.Get("Cookie")+r.Header.Get("X-Api-Key"))
					mu.Unlock()
					if r.Header.Get("User-Agent") != "x" {
						t.Errorf("User-Agent: %q", r.Header.Get("User-Agent"))
					}
					store.ServeHTTP(w, r)
				})
				home, _ := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Authorization") == "" || r.Header.Get("X-Api-Key") != "secret" {
						t.Errorf("%s: %v", r.Method, r.Header)
					}
					io.Copy(io.Discard, r.Body)
					w.Header().Set("Location", away.URL+"/files?a=b c")
					w.WriteHeader(status)
				})
				opts := tus.Options{Client: client, Header: http.Header{"X-Api-Key": {"secret"}, "Cookie": {"secret"}, "User-Agent": {"x"}}}
				opts.OnCreate = func(at string) {
					if !strings.HasPrefix(at, away.URL+"/files/") {
						t.Errorf("created %s", at)
					}
				}
				data := pattern(9 << 20)
				url := strings.Replace(home.URL, "//", "//user:secret@", 1)
				if _, err := stream(data, int64(len(data)), 50_000, nil).To(tus.UploadWith(url, opts)).Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				got, _ := store.published()
				same(t, "upload", data, got)
				mu.Lock()
				defer mu.Unlock()
				want := "OPTIONS a=b%20c, POST a=b%20c, PATCH , PATCH , PATCH "
				if got := strings.Join(heads, ", "); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			})
		}
	}
}

// Also the bytes of an upload are sent again, and a host that is reached by way of another one gets no secrets.
func TestTusRedirectsOfBytes(t *testing.T) {
	store := &tusStore{}
	back := make(chan http.Header, 10)
	var home string
	away, _ := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, home+"/back"+r.URL.Path, http.StatusTemporaryRedirect)
	})
	srv, client := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
		path, isBack := strings.CutPrefix(r.URL.Path, "/back")
		if r.URL.Path = path; isBack {
			back <- r.Header.Clone()
		} else if r.Method == http.MethodPatch {
			io.Copy(io.Discard, r.Body)
			http.Redirect(w, r, away.URL+r.URL.Path, http.StatusPermanentRedirect)
			return
		}
		store.ServeHTTP(w, r)
	})
	home = srv.URL
	data := pattern(100_000)
	opts := tus.Options{Client: client, Header: http.Header{"X-Api-Key": {"secret"}}}
	url := strings.Replace(home, "//", "//user:secret@", 1)
	if _, err := stream(data, -1, 5000, nil).To(tus.UploadWith(url, opts)).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, _ := store.published()
	same(t, "upload", data, got)
	if len(back) == 0 {
		t.Fatal("no request came back")
	}
	for len(back) > 0 {
		if h := <-back; h.Get("X-Api-Key") != "" || h.Get("Authorization") != "" {
			t.Errorf("%v", h)
		}
	}
}
