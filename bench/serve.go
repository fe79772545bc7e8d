package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A service is a comparison of pipe-demo serve with another server. Both run all the time, and a turn is a number of GET requests
// over one connection, by a client that throws the bodies away unread. The CPU time and the memory are the servers' alone.
type service struct {
	file   int64 // bytes
	beside server
}

// A server serves the files of a directory.
type server struct {
	name  string
	needs string // a program that must be there; empty: none

	// command makes the command line. What else it needs it writes into dir, which is not the directory that is served.
	command func(ctx context.Context, dir, addr, directory string) ([]string, error)
}

var (
	nginx = server{"nginx, sendfile on", "nginx", func(_ context.Context, dir, addr, directory string) ([]string, error) {
		config := filepath.Join(dir, "nginx.conf")
		text := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/nginx.pid; events {}
http {
	access_log off; sendfile on; keepalive_requests 100000000; default_type application/octet-stream;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	server { listen %[2]s; root %[3]s; }
}
`, dir, addr, directory)
		return []string{"nginx", "-c", config, "-e", "stderr"}, os.WriteFile(config, []byte(text), 0o600)
	}}
	fileServer = server{"http.FileServer", "", func(ctx context.Context, dir, addr, directory string) ([]string, error) {
		program, err := build(ctx, dir, "bench/fileserver")
		return []string{program, addr, directory}, err
	}}
	node = server{"Node, pipeline(createReadStream, res)", "node", func(_ context.Context, _, addr, directory string) ([]string, error) {
		return []string{"node", "-e", nodeServer, addr, directory}, nil
	}}
)

const nodeServer = `const [addr, directory] = process.argv.slice(1), [host, port] = addr.split(':'), fs = require('fs');
require('http').createServer((req, res) => {
	const name = directory + req.url;
	fs.stat(name, (err, info) => {
		res.writeHead(200, {'Content-Length': info.size, 'Content-Type': 'application/octet-stream'});
		require('stream').pipeline(fs.createReadStream(name), res, () => {});
	});
}).listen(port, host);`

var services = func() (all []service) {
	for _, file := range []int64{256 << 20, 1 << 20, 64 << 10, 1 << 10} {
		for _, beside := range []server{nginx, fileServer, node} {
			all = append(all, service{file, beside})
		}
	}
	return all
}()

func (s service) title() string { return fmt.Sprintf("serve, files of %v", size(s.file)) }

// maxRequests is how many requests a turn has at most.
const maxRequests = 20_000

func (s service) measure(ctx context.Context, command, dir string, n int64, runs int) (r result, err error) {
	r = result{Name: s.title(), Beside: s.beside.name, Runs: runs}
	if _, err := exec.LookPath(s.beside.needs); err != nil && s.beside.needs != "" {
		r.NotRun = fmt.Sprintf("there is no %s here", s.beside.needs)
		return r, nil
	}
	if !canFetch {
		r.NotRun = "what a running server has spent is only known on Linux"
		return r, nil
	}
	directory := filepath.Join(dir, "directory")
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(directory, "file.bin")
	if _, err := noise(file, min(s.file, n)); err != nil {
		return r, err
	}
	requests := int(min(max(n/s.file, 1), maxRequests))
	r.Amount = fmt.Sprintf("%d × %v", requests, size(min(s.file, n)))

	ours, err := start(ctx, dir, directory, server{name: "pipe-demo", command: func(_ context.Context, _, addr, directory string) ([]string, error) {
		return []string{command, "serve", "--addr", addr, directory}, nil
	}})
	if err != nil {
		return r, err
	}
	defer ours.stop()
	theirs, err := start(ctx, dir, directory, s.beside)
	if err != nil {
		return r, err
	}
	defer theirs.stop()

	want, err := digest(file)
	if err != nil {
		return r, err
	}
	var a, b []spent
	for range runs {
		for _, turn := range []struct {
			*running
			spent *[]spent
		}{{ours, &a}, {theirs, &b}} {
			switch got, err := turn.digest(); {
			case err != nil:
				return r, err
			case got != want:
				return r, fmt.Errorf("%s does not serve what is in the file", turn.name)
			}
			s, err := turn.fetch(requests, min(s.file, n))
			if err != nil {
				return r, fmt.Errorf("%s: %w", turn.name, err)
			}
			*turn.spent = append(*turn.spent, s)
		}
	}
	r.summarize(a, b)
	return r, nil
}

// running is a server at work.
type running struct {
	name, addr string
	cmd        *exec.Cmd
	said       bytes.Buffer
}

// start starts a server and waits until it answers.
func start(ctx context.Context, dir, directory string, s server) (*running, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &running{name: s.name, addr: free.Addr().String()}
	free.Close()
	args, err := s.command(ctx, dir, r.addr, directory)
	if err != nil {
		return nil, err
	}
	r.cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	r.cmd.Stderr = &r.said
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	for range 1000 {
		conn, err := net.Dial("tcp", r.addr)
		if err == nil {
			return r, conn.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.stop()
	return nil, fmt.Errorf("%s does not answer: %s", r.name, bytes.TrimSpace(r.said.Bytes()))
}

func (r *running) stop() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait() // it was killed, which it says
}
