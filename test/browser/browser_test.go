// Package browser_test lets a real browser play and seek what pipe-demo serves. It needs Chromium,
// Node.js and npm; if one is missing, the test is not run.
package browser_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/test/internal/command"
	"github.com/weirflow/weir/test/internal/npm"
)

func TestMain(m *testing.M) { os.Exit(command.Main(m)) }

// bytesPerSecond is the tune's constant bit rate, 128 kbit/s.
const bytesPerSecond = 128_000 / 8

func TestBrowserPlaysAndSeeks(t *testing.T) {
	chromium := testenv.Program(t, "chromium", "chromium")
	player := npm.Install(t, "play.mjs")
	pipeDemo := command.Build(t)

	tune := filepath.Join("..", "..", "cmd", "pipe-demo", "tune.mp3")
	long := filepath.Join(t.TempDir(), "long.mp3")
	// Eleven minutes: more than Chromium reads ahead, so that seeking needs a request of its own. The
	// tune is so short that all of it has arrived before the first seek.
	if err := os.WriteFile(long, bytes.Repeat(frames(t, tune), 30), 0o644); err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		name string
		args []string // for pipe-demo serve
		file string   // what it then serves
		how  string   // see play.mjs
	}{
		{"tune", []string{tune}, tune, ""},
		{"long recording", []string{long}, long, ""},
		{"built-in tune, opened", nil, tune, "opened"},
	} {
		t.Run(test.name, func(t *testing.T) {
			info, err := os.Stat(test.file)
			if err != nil {
				t.Fatal(err)
			}
			size := info.Size()
			saw := play(t, player, chromium, serve(t, pipeDemo, test.args...), test.how)
			duration := float64(size) / bytesPerSecond

			if len(saw.Responses) == 0 {
				t.Fatal("the browser saw no response to its player's request")
			}
			first := saw.Responses[0]
			if want := fmt.Sprintf("bytes 0-%d/%d", size-1, size); first.Status != 206 || first.ContentRange != want {
				t.Errorf("Range: %s was answered with %d, Content-Range %q; want 206, %q", first.Range, first.Status, first.ContentRange, want)
			}
			if first.ContentType != "audio/mpeg" {
				t.Errorf("Content-Type is %q, want audio/mpeg", first.ContentType)
			}

			for when, s := range map[string]snapshot{"before the seek": saw.Started, "after the seek": saw.Resumed} {
				if s.Paused || !near(s.Duration, duration, 0.01*duration) {
					t.Errorf("%s: paused %v, duration %.2f s; want playing, about %.2f s", when, s.Paused, s.Duration, duration)
				}
				if !covers(s.Seekable, 0, s.Duration) {
					t.Errorf("%s: seekable is %v, want all of 0 to %.2f", when, s.Seekable, s.Duration)
				}
				if !covers(s.Buffered, s.Time, s.Time) {
					t.Errorf("%s: buffered is %v, which lacks %.2f, the time it plays", when, s.Buffered, s.Time)
				}
			}

			middle := saw.Started.Duration / 2
			if !near(saw.SeekedTo, middle, 0.25) {
				t.Errorf("seeked to %.2f s, want about %.2f s", saw.SeekedTo, middle)
			}
			if at := saw.Resumed.Time; at < middle+0.5 || at > middle+10 {
				t.Errorf("after the seek it plays at %.2f s, want a little more than %.2f s", at, middle)
			}

			if test.file == tune {
				if !covers(saw.Resumed.Buffered, 0, saw.Resumed.Duration) {
					t.Errorf("buffered at the end is %v, want all of 0 to %.2f", saw.Resumed.Buffered, saw.Resumed.Duration)
				}
				return
			}
			last := saw.Responses[len(saw.Responses)-1]
			var from, to, of int64
			if _, err := fmt.Sscanf(last.ContentRange, "bytes %d-%d/%d", &from, &to, &of); err != nil {
				t.Errorf("Content-Range %q after the seek: %v", last.ContentRange, err)
			}
			// The browser starts a little before the place: it aligns its blocks and decodes ahead of the first sample.
			ahead := size/2 - from
			if !last.AfterSeek || last.Status != 206 || ahead < 0 || ahead > 256<<10 || to != size-1 || of != size {
				t.Errorf("the last response is %+v; want a 206 for the seek, from about byte %d to %d", last, size/2, size-1)
			}
		})
	}
}

// sighting is what play.mjs prints.
type sighting struct {
	Failure   string
	Responses []response // to the player's requests, in order
	Started   snapshot   // when it had played for half a second
	SeekedTo  float64    // the player's time at its seeked event; -1 if there was none
	Resumed   snapshot   // half a second past the middle
}

type response struct {
	Status       int
	Range        string // of the request
	ContentRange string
	ContentType  string
	AfterSeek    bool
}

// snapshot is the state of a media element; times are in seconds.
type snapshot struct {
	Time, Duration     float64
	Paused             bool
	Error              string
	Buffered, Seekable [][2]float64
}

// play plays url in the browser, with the script in dir, and fails the test unless it played to the end of the script.
func play(t *testing.T, dir, chromium, url, how string) sighting {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "play.mjs", chromium, url, how)
	cmd.Dir = dir
	// Interrupted, it still closes the browser; killed, it would leave it behind.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatalf("play.mjs: %v\n%s%s", err, stdout, &stderr)
	}
	var saw sighting
	if err := json.Unmarshal(stdout, &saw); err != nil {
		t.Fatalf("play.mjs: %v\n%s%s", err, stdout, &stderr)
	}
	t.Logf("%s", bytes.TrimSpace(stdout))
	if saw.Failure != "" || saw.Started.Error != "" || saw.Resumed.Error != "" {
		t.Fatalf("it did not play: %s%s%s", saw.Failure, saw.Started.Error, saw.Resumed.Error)
	}
	return saw
}

// serve runs pipe-demo serve until the test ends and returns the address that it prints. The process
// must end well when it is interrupted, and print nothing else.
func serve(t *testing.T, pipeDemo string, args ...string) string {
	t.Helper()
	cmd := exec.Command(pipeDemo, append(append([]string{"serve"}, args...), "--addr", "127.0.0.1:0")...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	t.Cleanup(func() {
		stop := cmd.Process.Signal
		if runtime.GOOS == "windows" { // no interrupt there
			stop = func(os.Signal) error { return cmd.Process.Kill() }
		}
		if err := stop(os.Interrupt); err != nil {
			t.Errorf("serve: %v", err)
		}
		defer time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() }).Stop()
		rest, _ := io.ReadAll(lines)
		if err := cmd.Wait(); err != nil && runtime.GOOS != "windows" {
			t.Errorf("serve, interrupted: %v; want exit 0", err)
		}
		if len(rest) > 0 {
			t.Errorf("serve printed more than its address on stdout: %q", rest)
		}
		if t.Failed() {
			t.Logf("serve %q, stderr:\n%s", args, &stderr)
		}
	})

	giveUp := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
	line, err := lines.ReadString('\n')
	giveUp.Stop()
	url, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "listening on ")
	if err != nil || !ok {
		t.Fatalf("serve printed %q (%v), want \"listening on http://HOST:PORT/\"", line, err)
	}
	return url
}

// frames returns the audio frames of an MP3 file without the tags before them. The first frame, which
// carries no sound, tells the number of frames and so would fix the duration of anything longer.
func frames(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	_, b, found := bytes.Cut(b, []byte("Info"))
	i := bytes.Index(b, []byte{0xFF, 0xFB, 0x90}) // MPEG 1 layer III, 128 kbit/s, 44.1 kHz
	if !found || i < 0 {
		t.Fatalf("%s: not the MP3 file that this test expects", name)
	}
	return b[i:]
}

func near(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance }

// covers tells whether one of the ranges holds all of from to to, give or take a tenth of a second.
func covers(ranges [][2]float64, from, to float64) bool {
	for _, r := range ranges {
		if r[0] <= from+0.1 && r[1] >= to-0.1 {
			return true
		}
	}
	return false
}
