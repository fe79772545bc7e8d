package hostile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/test/internal/command"
)

const (
	attackers = 300 // connections of one attack
	honest    = 1 << 20
)

// An attack is many connections that keep a server waiting, and what it must do about them.
type attack struct {
	name   string
	upload bool // at a receiver
	begin  string
	drip   string        // sent again and again
	every  time.Duration // a drip, or a byte read
	ends   bool          // by the server, in seconds: it has a limit that is as short
	files  int           // that the server has open for a connection, with its socket

	slowhttptest string // arguments
}

var attacks = []attack{
	{
		name:  "headers",
		begin: "GET /big HTTP/1.1\r\nHost: weir.test\r\n", drip: "X-A: b\r\n", every: time.Second, ends: true, files: 1,
		slowhttptest: "-H -i 1",
	},
	{
		name: "body", upload: true,
		begin: "PUT /slow HTTP/1.1\r\nHost: weir.test\r\nContent-Length: 1000000\r\n\r\n", drip: "b", every: 200 * time.Millisecond, ends: true, files: 4, // the directory, the temporary file and its lock, too
		slowhttptest: "-B -t PUT -s 1000000 -i 1 -x 10",
	},
	{
		name:  "read",
		begin: "GET /big HTTP/1.1\r\nHost: weir.test\r\n\r\n", every: 200 * time.Millisecond, files: 2,
		slowhttptest: "-X -w 512 -y 1024 -n 1 -z 32",
	},
}

// While hundreds of connections are slow on purpose, another client gets what it asks for, the
// server grows by what a connection may cost and no more, and afterwards it has nothing left of
// them.
func TestSlow(t *testing.T) {
	receiver := command.BuildPackage(t, "github.com/weirflow/weir/test/hostile/receiver")
	for _, a := range attacks {
		for by, run := range map[string]func(*testing.T, attack, *command.Server){"sockets": sockets, "slowhttptest": slowhttptest} {
			t.Run(a.name+"/by="+by, func(t *testing.T) {
				t.Parallel()
				if by == "slowhttptest" {
					testenv.Program(t, "slowhttptest", "slowhttptest")
				}
				dir := t.TempDir()
				s := a.server(t, dir, receiver)
				before := usage(t, s)
				watch, stop := context.WithCancel(t.Context())
				defer stop()
				var wait sync.WaitGroup
				var peak use
				served := 0
				wait.Go(func() { peak = watchUse(watch, t, s) })
				wait.Go(func() { served = a.honest(watch, t, s) })
				run(t, a, s)
				stop()
				wait.Wait()

				t.Logf("before %v, at most %v; %d honest requests", before, peak, served)
				if served == 0 {
					t.Error("no honest request was served")
				}
				// The honest client, the probes of slowhttptest, and what the runtime opens once.
				if grown := peak.files - before.files; grown < attackers/2 || grown > a.files*attackers+50 {
					t.Errorf("the server has opened %d files, want %d to %d", grown, attackers/2, a.files*attackers+50)
				}
				if grown, most := peak.memory-before.memory, attackers*100<<10+32<<20; grown > most {
					t.Errorf("the server has grown by %d bytes, want %d at most", grown, most)
				}
				var after use
				for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
					if after = usage(t, s); after.files <= before.files+4 { // epoll, eventfd, and the like
						break
					}
					if time.Now().After(deadline) {
						t.Fatalf("%v after %v, before %v: it keeps connections, or files", after, time.Since(deadline), before)
					}
				}
				if names, _ := os.ReadDir(dir); a.upload && len(names) != 1 {
					t.Errorf("%d files in the directory, want the honest one: %v", len(names), names)
				}
			})
		}
	}
}

// server starts the server that the attack is for.
func (a attack) server(t *testing.T, dir, receiver string) *command.Server {
	t.Helper()
	if a.upload {
		return command.Start(t, exec.Command(receiver, dir))
	}
	for name, size := range map[string]int64{"big": 64 << 20, "honest": honest} {
		f, err := os.Create(filepath.Join(dir, name))
		if err == nil {
			err = errors.Join(f.Truncate(size), f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return command.Serve(t, dir, "--quiet", ".")
}

// honest sends or gets a MiB every 100 ms, on a new connection each time, and returns how often.
func (a attack) honest(ctx context.Context, t *testing.T, s *command.Server) (served int) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	for ctx.Err() == nil {
		req, err := http.NewRequest(http.MethodGet, s.URL+"honest", nil)
		if a.upload {
			req, err = http.NewRequest(http.MethodPut, s.URL+"honest", bytes.NewReader(make([]byte, honest)))
		}
		if err != nil {
			t.Error(err)
			return served
		}
		res, err := client.Do(req)
		if err != nil {
			t.Errorf("the honest client's request %d: %v", served, err)
			return served
		}
		n, err := io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode/100 != 2 || !a.upload && n != honest {
			t.Errorf("the honest client's request %d: %s, %d bytes, %v", served, res.Status, n, err)
			return served
		}
		served++
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return served
}

// sockets is the attack in our own words. Where the server has a short limit, it must end all
// connections although the attack goes on; otherwise they are closed after a while.
func sockets(t *testing.T, a attack, s *command.Server) {
	t.Helper()
	small := net.Dialer{Timeout: patience, Control: func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10) })
		return errors.Join(failed, err)
	}}
	deadline := time.Now().Add(time.Minute)
	if !a.ends {
		deadline = time.Now().Add(5 * time.Second)
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	ended := 0
	for range attackers {
		conn, err := small.Dial("tcp", s.Address())
		if err != nil {
			t.Error(err)
			break
		}
		wait.Go(func() {
			defer conn.Close()
			err := a.hold(conn, deadline)
			mu.Lock()
			defer mu.Unlock()
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				ended++
			}
		})
	}
	wait.Wait()
	if want := map[bool]int{true: attackers}[a.ends]; ended != want {
		t.Errorf("the server has ended %d connections, want %d", ended, want)
	}
}

// hold drips into the connection, or reads from it, until it fails or the time is up.
func (a attack) hold(conn net.Conn, until time.Time) error {
	if err := conn.SetDeadline(until); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, a.begin); err != nil {
		return err
	}
	b := make([]byte, 1)
	if a.drip == "" {
		for {
			if _, err := conn.Read(b); err != nil {
				return err
			}
			time.Sleep(a.every)
			if time.Now().After(until) {
				return os.ErrDeadlineExceeded
			}
		}
	}
	answered := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, conn) // until the server closes it
		answered <- err
	}()
	tick := time.NewTicker(a.every)
	defer tick.Stop()
	for {
		select {
		case err := <-answered:
			return err
		case <-tick.C:
			_, _ = io.WriteString(conn, a.drip) // a failure shows when reading
		}
	}
}

// slowhttptest is the attack as others have it.
func slowhttptest(t *testing.T, a attack, s *command.Server) {
	t.Helper()
	args := append(strings.Fields(a.slowhttptest), "-c", strconv.Itoa(attackers), "-r", "200", "-l", "10", "-p", "20", "-u", s.URL+"big")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "slowhttptest", args...)
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("slowhttptest: %v (%v)\n%s", err, ctx.Err(), out)
	}
	if bytes.Contains(out, []byte("service available: NO")) {
		t.Errorf("slowhttptest finds that the service is not available:\n%s", out)
	}
}

// use is what a server has of the machine.
type use struct{ files, memory int } // descriptors; bytes resident

func (u use) String() string { return fmt.Sprintf("%d files and %d KiB", u.files, u.memory>>10) }

func usage(t *testing.T, s *command.Server) (u use) {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.Process.Pid))
	if err != nil {
		t.Error(err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Process.Pid))
	if err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			u.memory, _ = strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	return use{len(open), u.memory << 10}
}

// watchUse returns the most that the server had until ctx ends.
func watchUse(ctx context.Context, t *testing.T, s *command.Server) (peak use) {
	for ctx.Err() == nil {
		now := usage(t, s)
		peak = use{max(peak.files, now.files), max(peak.memory, now.memory)}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	return peak
}
