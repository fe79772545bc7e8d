package main

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const canFetch = true

// digest fetches the file once and looks at every byte.
func (r *running) digest() (sum [sha256.Size]byte, err error) {
	resp, err := http.Get("http://" + r.addr + "/file.bin")
	if err != nil {
		return sum, err
	}
	defer resp.Body.Close()
	return digestOf(resp.Body)
}

// fetch fetches the file, which has n bytes, so many times.
func (r *running) fetch(times int, n int64) (s spent, err error) {
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		return s, err
	}
	defer conn.Close()
	before, err := r.cpu()
	if err != nil {
		return s, err
	}
	head, room := bufio.NewReader(conn), make([]byte, 1<<20)
	began := time.Now()
	for range times {
		if _, err := fmt.Fprintf(conn, "GET /file.bin HTTP/1.1\r\nHost: %s\r\n\r\n", r.addr); err != nil {
			return s, err
		}
		resp, err := http.ReadResponse(head, nil)
		if err != nil {
			return s, err
		}
		if resp.StatusCode != http.StatusOK || resp.ContentLength != n {
			return s, fmt.Errorf("%s with %d bytes, want %d", resp.Status, resp.ContentLength, n)
		}
		got, err := head.Discard(int(min(n, int64(head.Buffered()))))
		if err != nil {
			return s, err
		}
		if err := drop(conn.(*net.TCPConn), n-int64(got), room); err != nil {
			return s, err
		}
	}
	s.wall = time.Since(began)
	after, err := r.cpu()
	if err != nil {
		return s, err
	}
	s.cpu = after - before
	s.peak, err = r.peak()
	return s, err
}

// drop takes n bytes off a connection without copying them, so that the client takes as little as possible from the server.
// As many as room has at a time: with MSG_TRUNC nothing is written to it (tcp(7)).
func drop(conn *net.TCPConn, n int64, room []byte) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	for n > 0 && failed == nil {
		err := raw.Read(func(fd uintptr) bool {
			got, _, err := syscall.Recvfrom(int(fd), room[:min(n, int64(len(room)))], syscall.MSG_TRUNC)
			switch {
			case err == syscall.EAGAIN:
				return false
			case err == syscall.EINTR:
			case err != nil:
				failed = err
			case got == 0:
				failed = fmt.Errorf("the response lacks %d bytes", n)
			default:
				n -= int64(got)
			}
			return true
		})
		if err != nil {
			return err
		}
	}
	return failed
}

// cpu returns what the server's threads have spent so far. /proc/PID/stat has the same, but in hundredths of a second.
func (r *running) cpu() (sum time.Duration, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", r.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for _, name := range threads {
		b, err := os.ReadFile(name)
		if err != nil {
			return 0, err
		}
		first, _, _ := strings.Cut(string(b), " ")
		n, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n)
	}
	return sum, nil
}

// peak returns the most memory that the server had at a time, in bytes.
func (r *running) peak() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if field := strings.Fields(line); field[0] == "VmHWM:" {
			n, err := strconv.ParseInt(field[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, nil
}
