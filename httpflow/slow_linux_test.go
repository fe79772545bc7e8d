package httpflow_test

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/httpflow"
)

var slowReaders = flag.Int("slowreaders", 0, "how many clients TestMemoryOfSlowReaders has; 2000 is the promise")

// The promise is 200 MiB for 2 000 readers of 100 MiB, all of the process included. It is measured
// in a process of its own, because the readers take memory too.
func TestMemoryOfSlowReaders(t *testing.T) {
	if os.Getenv("WEIR_SLOW_SERVER") != "" {
		serveUntilEOF(t, os.Getenv("WEIR_SLOW_SERVER"))
		return
	}
	if *slowReaders == 0 {
		t.Skip("SKIPPED: run with -slowreaders=2000")
	}
	dir := t.TempDir()
	if err := os.Truncate(write(t, dir, "f", nil), 100<<20); err != nil {
		t.Fatal(err)
	}
	for _, server := range []string{"weir"} {
		t.Run("server="+server, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMemoryOfSlowReaders$")
			cmd.Env = append(os.Environ(), "WEIR_SLOW_SERVER="+dir, "WEIR_SLOW_KIND="+server)
			cmd.Stderr = os.Stderr
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			addr, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			before, _ := resident(t, cmd.Process.Pid)
			for range *slowReaders {
				conn, err := net.Dial("tcp", strings.TrimSpace(addr))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
				fmt.Fprint(conn, "GET /f HTTP/1.1\r\nHost: weir.test\r\n\r\n")
				if _, err := io.ReadFull(conn, make([]byte, 1000)); err != nil {
					t.Fatal(err)
				}
			}
			quiet(t, cmd.Process.Pid) // all buffers are full by then
			now, peak := resident(t, cmd.Process.Pid)
			each := (now - before) << 10 / *slowReaders
			t.Logf("%d MiB before, %d now, %d at most; %d bytes a client", before>>10, now>>10, peak>>10, each)
			if server == "weir" && (now > 200<<10 || each > 100<<10) {
				t.Errorf("%d KiB resident, %d bytes a client", now, each)
			}
			in.Close()
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// serveUntilEOF serves dir until the standard input ends.
func serveUntilEOF(t *testing.T, dir string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{})
	if os.Getenv("WEIR_SLOW_KIND") == "std" {
		h = http.FileServer(http.Dir(dir))
	}
	srv := &http.Server{Handler: h}
	go srv.Serve(httpflow.LimitListener(l, 0))
	fmt.Println(l.Addr())
	io.Copy(io.Discard, os.Stdin)
	srv.Close()
}

// quiet waits until a process does nothing for some time.
func quiet(t *testing.T, pid int) {
	t.Helper()
	for last, same := "", 0; same < 5; time.Sleep(100 * time.Millisecond) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		spent := strings.Join(strings.Fields(rest)[11:13], " ") // user and system time
		if same++; spent != last {
			last, same = spent, 0
		}
	}
}

// resident returns the memory of a process, now and at most, in KiB.
func resident(t *testing.T, pid int) (now, peak int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		field := strings.Fields(line)
		switch field[0] {
		case "VmRSS:":
			now, _ = strconv.Atoi(field[1])
		case "VmHWM:":
			peak, _ = strconv.Atoi(field[1])
		}
	}
	return now, peak
}
