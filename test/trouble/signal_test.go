//go:build unix

package trouble_test

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/weirflow/weir/test/internal/command"
)

var signals = []struct {
	syscall.Signal
	exit int
}{
	{syscall.SIGINT, 130},
	{syscall.SIGTERM, 143},
	{syscall.SIGHUP, 129},
}

// A signal that comes twice within some hundred milliseconds, as timeout(1) and runners that forward signals send them, is one: the
// run is undone, and says so.
func TestDoubledSignal(t *testing.T) {
	each(t, func(t *testing.T, s *stage, tr transfer, pipeDemo string, random *rand.Rand, moment time.Duration) {
		sig := signals[random.IntN(len(signals))]
		gap := time.Duration(random.IntN(1000)) * time.Microsecond
		if random.IntN(4) == 0 {
			gap = time.Duration(random.IntN(300)) * time.Millisecond
		}
		// With its first event the command says that it catches signals. One that comes earlier ends it, as it ends any other program.
		args := strings.Fields(tr.args)
		cmd, said := exec.Command(pipeDemo, append([]string{args[0], "--json"}, s.expand(args[1:])...)...), newEvents()
		cmd.Dir, cmd.Stderr = s.root, said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-said.begun
		time.Sleep(moment / 2)
		twice(cmd, sig.Signal, gap)
		exit, err := wait(cmd)
		if exit != 0 && exit != sig.exit || err != nil {
			t.Errorf("%v after %v and again after %v: exit %d, %v: %s", sig, moment/2, gap, exit, err, said)
		}
		if !strings.Contains(said.String(), `"event":"end"`) {
			t.Errorf("%v after %v and again after %v: exit %d, and the end is not said: %s", sig, moment/2, gap, exit, said)
		}
		for _, p := range s.look("out", tr, exit == 0) {
			t.Errorf("%v after %v and again after %v: exit %d: %s\n%s", sig, moment/2, gap, exit, p, said)
		}
	})
}

// events keep what a command says, and tell when it begins.
type events struct {
	said  bytes.Buffer
	begun chan struct{}
	once  sync.Once
}

func newEvents() *events { return &events{begun: make(chan struct{})} }

func (e *events) Write(p []byte) (int, error) {
	defer e.once.Do(func() { close(e.begun) })
	return e.said.Write(p)
}

func (e *events) String() string { return e.said.String() }

// startUp is the time that a server and an upload get to begin.
const startUp = 50 * time.Millisecond

// twice sends the signal, and after the gap again. The process may have ended.
func twice(cmd *exec.Cmd, sig syscall.Signal, gap time.Duration) {
	_ = cmd.Process.Signal(sig)
	time.Sleep(gap)
	_ = cmd.Process.Signal(sig)
}

// Servers end with 0, and leave nothing of an upload that was under way.
func TestDoubledSignalOfServer(t *testing.T) {
	pipeDemo := command.Build(t)
	s := newStage(t)
	random := rand.New(rand.NewPCG(*seed, 0))
	for range *runs {
		s.fill(t, "out", s.old)
		cmd := exec.Command(pipeDemo, "receive", "--addr", "127.0.0.1:0", "--grace", "100ms", "out")
		cmd.Dir = s.root
		server := command.Start(t, cmd)
		upload, said := s.start(t, pipeDemo, "put", "--retries", "0", "--limit-rate", "40M", "new/file", server.URL+"tree/b/1")
		time.Sleep(startUp + time.Duration(random.IntN(150))*time.Millisecond)
		twice(server.Cmd, syscall.SIGTERM, time.Duration(random.IntN(2000))*time.Microsecond)
		if exit, err := wait(server.Cmd); exit != 0 || err != nil {
			t.Fatalf("seed %d: receive: exit %d, %v: %s", *seed, exit, err, server.Log())
		}
		exit, err := wait(upload)
		if err != nil {
			t.Fatal(err)
		}
		found, err := readAll(s.root + "/out")
		if err != nil {
			t.Fatal(err)
		}
		switch got := string(found["tree/b/1"]); {
		case got == string(s.new["file"]):
		case exit == 0:
			t.Fatalf("seed %d: put: exit 0, but the file is not there: %s", *seed, said)
		case got != string(s.old["tree/b/1"]):
			t.Fatalf("seed %d: the upload is neither the old file nor the new one: %d bytes", *seed, len(got))
		}
		for name := range found {
			if _, ok := s.old[name]; !ok && !strings.Contains(name, "/.tus-") {
				t.Errorf("seed %d: %s is left", *seed, name)
			}
		}
	}
}
