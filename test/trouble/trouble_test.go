//go:build unix

// Package trouble_test gives pipe-demo trouble that is not a crash, at random moments and often: a signal that is delivered twice,
// a destination's directory that moves, few file descriptors. After each run the destination must be the old file or the new one,
// whole, nothing else may be left, and the exit code must be the documented one.
//
//	go test ./test/trouble                                      a few runs
//	go test -v -count=1 -timeout=1h ./test/trouble -trouble.runs=200
package trouble_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/test/internal/command"
)

var (
	runs = flag.Int("trouble.runs", 4, "runs in each scenario")
	seed = flag.Uint64("trouble.seed", 0, "of everything random; 0: a new one")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	os.Exit(command.Main(m))
}

// A transfer is a run of pipe-demo that replaces files in out/ with what is in new/. ${URL} in its arguments is the address of a server
// that sends new/file.
type transfer struct {
	name  string
	args  string
	from  map[string]string // the names of its outputs, and of their sources
	parts bool              // a run that fails or is stopped may leave .NAME.part and .NAME.part.id
}

var oneFile = map[string]string{"file": "file"}

var transfers = []transfer{
	{name: "cp", args: "cp -f new/file out/file", from: oneFile},
	{name: "cp in its middle", args: "cp -f --limit-rate 40M new/file out/file", from: oneFile},
	{name: "cp --resume", args: "cp -f --resume --limit-rate 40M new/file out/file", from: oneFile, parts: true},
	{name: "cp -r", args: "cp -r -f new/. out", from: map[string]string{"file": "file",
		"tree/a/1": "tree/a/1", "tree/a/2": "tree/a/2", "tree/b/1": "tree/b/1", "tree/b/2": "tree/b/2"}},
	{name: "run", args: "run -f new/file ! gzip ! gunzip ! out/file", from: oneFile},
	{name: "run with a tee", args: "run -f new/file ! tee [ gzip ! gunzip ! out/tree/a/1 ] [ out/file ]",
		from: map[string]string{"file": "file", "tree/a/1": "file"}},
	{name: "get", args: "get -f --limit-rate 40M ${URL} out/file", from: oneFile, parts: true},
}

const fileSize = 4 << 20

// A stage is the directory that runs work in.
type stage struct {
	root     string
	url      string
	old, new map[string][]byte
}

func newStage(t *testing.T) *stage {
	s := &stage{root: t.TempDir(), old: make(map[string][]byte), new: make(map[string][]byte)}
	source := rand.NewChaCha8([32]byte{byte(*seed)})
	for name, size := range map[string]int{"file": fileSize, "tree/a/1": 1000, "tree/a/2": 0, "tree/b/1": 100_000, "tree/b/2": 1 << 20} {
		for _, in := range []map[string][]byte{s.old, s.new} {
			in[name] = make([]byte, size+len(in))
			source.Read(in[name])
		}
	}
	s.fill(t, "new", s.new)
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(s.root, "new"))))
	t.Cleanup(server.Close)
	s.url = server.URL + "/file"
	return s
}

// fill makes the directory one with these files, and nothing else.
func (s *stage) fill(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	dir = filepath.Join(s.root, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// expand puts the server's address into arguments.
func (s *stage) expand(args []string) []string {
	expanded := make([]string, len(args))
	for i, arg := range args {
		expanded[i] = strings.ReplaceAll(arg, "${URL}", s.url)
	}
	return expanded
}

// start starts the command.
func (s *stage) start(t *testing.T, name string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd, said := exec.Command(name, s.expand(args)...), new(bytes.Buffer)
	cmd.Dir, cmd.Stderr = s.root, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, said
}

// wait waits for the command's end. One that hangs is killed.
func wait(cmd *exec.Cmd) (exit int, err error) {
	hung := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer hung.Stop()
	err = cmd.Wait()
	if exited := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exited) {
		return 0, err
	}
	return cmd.ProcessState.ExitCode(), nil
}

// look finds what is wrong with the directory after a run that has ended with success or not.
func (s *stage) look(dir string, tr transfer, success bool) (problems []string) {
	found, err := readAll(filepath.Join(s.root, dir))
	if err != nil {
		return []string{err.Error()}
	}
	replaced := 0
	for name, old := range s.old {
		b, ok := found[name]
		delete(found, name)
		from, output := tr.from[name]
		switch isNew := output && ok && bytes.Equal(b, s.new[from]); {
		case !ok:
			problems = append(problems, fmt.Sprintf("%s/%s is lost", dir, name))
		case isNew:
			replaced++
		case !bytes.Equal(b, old):
			problems = append(problems, fmt.Sprintf("%s/%s is neither the old file nor the new one: it has %d bytes", dir, name, len(b)))
		}
	}
	if success && replaced < len(tr.from) {
		problems = append(problems, fmt.Sprintf("%d of %d files are replaced, and the run says that it succeeded", replaced, len(tr.from)))
	}
	for name := range found {
		base := filepath.Base(name)
		if part := strings.HasSuffix(base, ".part") || strings.HasSuffix(base, ".part.id"); part && tr.parts && !success {
			continue
		}
		problems = append(problems, fmt.Sprintf("%s/%s is left", dir, name))
	}
	return problems
}

// readAll reads the files of a directory; of one that is not there, none.
func readAll(dir string) (map[string][]byte, error) {
	files := make(map[string][]byte)
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == "." {
			return nil
		}
		if err == nil && !d.IsDir() {
			files[name], err = fs.ReadFile(root, name)
		}
		return err
	})
	return files, err
}

// each runs f for each transfer, often, with a moment within an undisturbed run.
func each(t *testing.T, f func(t *testing.T, s *stage, tr transfer, pipeDemo string, random *rand.Rand, moment time.Duration)) {
	pipeDemo := command.Build(t)
	for _, tr := range transfers {
		t.Run(tr.name, func(t *testing.T) {
			t.Logf("seed %d", *seed)
			random := rand.New(rand.NewPCG(*seed, 0))
			s := newStage(t)
			var whole time.Duration
			for i := range *runs {
				s.fill(t, "out", s.old)
				s.fill(t, "moved", nil)
				if i%20 == 0 {
					begin := time.Now()
					cmd, said := s.start(t, pipeDemo, strings.Fields(tr.args)...)
					if exit, err := wait(cmd); exit != 0 || err != nil {
						t.Fatalf("an undisturbed run: exit %d, %v: %s", exit, err, said)
					}
					whole = time.Since(begin)
					s.fill(t, "out", s.old)
				}
				f(t, s, tr, pipeDemo, random, time.Duration(1.1*random.Float64()*float64(whole)))
				if t.Failed() {
					t.FailNow()
				}
			}
		})
	}
}
