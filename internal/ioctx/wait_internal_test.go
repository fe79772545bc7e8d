//go:build unix && !aix

package ioctx

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Only one of the two is in use on any system; both are tested on all.
func TestWaiting(t *testing.T) {
	for _, wait := range []struct {
		name string
		f    func(fd, wake int, events int16) (bool, error)
	}{{"poll", waitPoll}, {"select", waitSelect}} {
		t.Run(wait.name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			wakeR, wakeW, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { r.Close(); w.Close(); wakeR.Close() }()
			rfd, wfd, wakefd := int(r.Fd()), int(w.Fd()), int(wakeR.Fd())

			if woken, err := wait.f(wfd, wakefd, unix.POLLOUT); woken || err != nil {
				t.Errorf("a pipe with room: woken %v, %v", woken, err)
			}
			w.Write([]byte("x"))
			if woken, err := wait.f(rfd, wakefd, unix.POLLIN); woken || err != nil {
				t.Errorf("a pipe with data: woken %v, %v", woken, err)
			}
			r.Read(make([]byte, 1))
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					woken, err := wait.f(rfd, wakefd, unix.POLLIN)
					if err == unix.EINTR {
						continue
					}
					if !woken || err != nil {
						t.Errorf("an empty pipe: woken %v, %v", woken, err)
					}
					return
				}
			}()
			wakeW.Close()
			<-done
			w.Close()
			wakeR2, wakeW2, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer wakeR2.Close()
			defer wakeW2.Close()
			if woken, err := wait.f(rfd, int(wakeR2.Fd()), unix.POLLIN); woken || err != nil {
				t.Errorf("a pipe at its end: woken %v, %v", woken, err)
			}
		})
	}
}
