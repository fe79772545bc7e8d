//go:build unix

package trouble_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/test/internal/command"
)

// fewDescriptors is what a process may have open, standard input, output and error included.
const fewDescriptors = 64

// few is a command with few descriptors.
func few(args ...string) []string {
	return append([]string{"-c", fmt.Sprintf(`ulimit -n %d; exec "$@"`, fewDescriptors), "bash"}, args...)
}

// Everything works with few file descriptors.
func TestFewDescriptors(t *testing.T) {
	pipeDemo := command.Build(t)
	for _, tr := range transfers {
		if strings.Contains(tr.args, "--limit-rate") && tr.name != "get" {
			continue
		}
		t.Run(tr.name, func(t *testing.T) {
			s := newStage(t)
			for range *runs {
				s.fill(t, "out", s.old)
				cmd, said := s.start(t, "bash", few(append([]string{pipeDemo}, strings.Fields(tr.args)...)...)...)
				if exit, err := wait(cmd); exit != 0 || err != nil {
					t.Fatalf("exit %d, %v: %s", exit, err, said)
				}
				for _, p := range s.look("out", tr, true) {
					t.Error(p)
				}
			}
		})
	}
}

// A tree that is deeper and wider than there are descriptors.
func TestFewDescriptorsForALargeTree(t *testing.T) {
	pipeDemo := command.Build(t)
	s := newStage(t)
	files := make(map[string][]byte)
	var deep strings.Builder
	for i := range 100 {
		deep.WriteString(fmt.Sprintf("%d/", i))
		files[deep.String()+"file"] = []byte(deep.String())
	}
	for i := range 2000 {
		files[fmt.Sprintf("wide/%d", i)] = fmt.Append(nil, i)
	}
	s.fill(t, "large", files)
	for _, args := range []string{"cp -r", "cp -r -p", "cp -r --verify", "cp -r --resume"} {
		t.Run(args, func(t *testing.T) {
			for range (*runs + 19) / 20 {
				s.fill(t, "copy", nil)
				cmd, said := s.start(t, "bash", few(append(append([]string{pipeDemo}, strings.Fields(args)...), "large", "copy")...)...)
				if exit, err := wait(cmd); exit != 0 || err != nil {
					t.Fatalf("exit %d, %v: %s", exit, err, said)
				}
				found, err := readAll(filepath.Join(s.root, "copy"))
				if err != nil {
					t.Fatal(err)
				}
				for name, b := range files {
					if !bytes.Equal(found[name], b) {
						t.Fatalf("%s is not the same", name)
					}
				}
				if len(found) != len(files) {
					t.Errorf("%d files, want %d", len(found), len(files))
				}
			}
		})
	}
}

// More clients than descriptors: they wait, and each gets its answer.
func TestFewDescriptorsForManyClients(t *testing.T) {
	pipeDemo := command.Build(t)
	s := newStage(t)
	const clients = 100
	serve := func(args ...string) *command.Server {
		cmd := exec.Command("bash", few(append([]string{pipeDemo}, args...)...)...)
		cmd.Dir = s.root
		return command.Start(t, cmd)
	}
	many := func(t *testing.T, f func(client *http.Client, i int) error) {
		for range (*runs + 19) / 20 {
			var g errgroup.Group
			for i := range clients {
				g.Go(func() error {
					transport := &http.Transport{DisableKeepAlives: i%2 == 0}
					defer transport.CloseIdleConnections()
					return f(&http.Client{Transport: transport}, i)
				})
			}
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
		}
	}
	t.Run("serve", func(t *testing.T) {
		server := serve("serve", "--addr", "127.0.0.1:0", "-q", "new")
		many(t, func(client *http.Client, i int) error {
			resp, err := client.Get(server.URL + "tree/b/2")
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err == nil && (resp.StatusCode != 200 || !bytes.Equal(b, s.new["tree/b/2"])) {
				err = fmt.Errorf("client %d: %s, %d bytes", i, resp.Status, len(b))
			}
			return err
		})
	})
	t.Run("receive", func(t *testing.T) {
		s.fill(t, "out", s.old)
		server := serve("receive", "--addr", "127.0.0.1:0", "-q", "out")
		many(t, func(client *http.Client, i int) error {
			req, err := http.NewRequest(http.MethodPut, fmt.Sprintf("%supload-%d", server.URL, i), bytes.NewReader(s.new["tree/b/2"]))
			if err != nil {
				return err
			}
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode/100 != 2 {
				return fmt.Errorf("client %d: %s, %v", i, resp.Status, err)
			}
			return nil
		})
		missing := 0
		for i := range clients {
			b, err := os.ReadFile(filepath.Join(s.root, "out", fmt.Sprintf("upload-%d", i)))
			if err != nil || !bytes.Equal(b, s.new["tree/b/2"]) {
				missing++
			}
		}
		if missing > 0 {
			t.Errorf("%d uploads are not there; the log: %s", missing, server.Log())
		}
	})
}
