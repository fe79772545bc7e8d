package main

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// A cuttingLine passes connections on to a server, and cuts each one off when so many bytes have gone
// to the server.
type cuttingLine struct {
	addr string
	cuts atomic.Int64
}

func newCuttingLine(t *testing.T, server string, after int64) *cuttingLine {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	l := &cuttingLine{addr: ln.Addr().String()}
	go func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			go l.pass(in, server, after)
		}
	}()
	return l
}

func (l *cuttingLine) pass(in net.Conn, server string, after int64) {
	defer in.Close()
	out, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer out.Close()
	go func() {
		io.Copy(in, out)
		in.Close()
	}()
	if _, err := io.CopyN(out, in, after); err == nil {
		l.cuts.Add(1)
	}
}
