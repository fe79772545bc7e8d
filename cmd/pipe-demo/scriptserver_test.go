package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// servers are the running servers of the scripts, by the scripts' directories: the commands of those
// that run at once.
var servers sync.Map

// cmdServer starts pipe-demo serve on a free port, and waits for its one line. $URL is where it is;
// its log goes to the file serve.log.
func cmdServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: server [<FILE] ARG...")
	}
	startScriptServer(ts, "serve", args)
}

// cmdReceiver starts pipe-demo receive in the same way.
func cmdReceiver(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: receiver ARG...")
	}
	startScriptServer(ts, "receive", args)
}

func startScriptServer(ts *testscript.TestScript, command string, args []string) {
	cmd := exec.Command("pipe-demo")
	cmd.Dir = ts.MkAbs(".")
	if len(args) > 0 && strings.HasPrefix(args[0], "<") {
		in, err := os.Open(ts.MkAbs(args[0][1:]))
		ts.Check(err)
		defer in.Close()
		cmd.Stdin, args = in, args[1:]
	}
	cmd.Args = append([]string{"pipe-demo", command, "--addr", "127.0.0.1:0"}, args...)
	log, err := os.Create(ts.MkAbs("serve.log"))
	ts.Check(err)
	defer log.Close()
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		ts.Fatalf("%s said %q, %v: %s", command, line, err, ts.ReadFile("serve.log"))
	}
	ts.Setenv("URL", strings.TrimSuffix(url, "/"))
	servers.Store(ts.MkAbs("."), cmd)
}

// cmdEndServer ends the server with SIGTERM, and wants exit code 0.
func cmdEndServer(ts *testscript.TestScript, neg bool, args []string) {
	v, ok := servers.LoadAndDelete(ts.MkAbs("."))
	if neg || len(args) > 0 || !ok {
		ts.Fatalf("usage: endserver, after server")
	}
	cmd := v.(*exec.Cmd)
	ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	ts.Check(cmd.Wait())
}

// cmdEnded waits for the server to end of itself, with an exit code.
func cmdEnded(ts *testscript.TestScript, neg bool, args []string) {
	v, ok := servers.LoadAndDelete(ts.MkAbs("."))
	if neg || len(args) != 1 || !ok {
		ts.Fatalf("usage: ended N, after server")
	}
	cmd := v.(*exec.Cmd)
	_ = cmd.Wait() // for the exit code
	if got := fmt.Sprint(cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("exit code %s, want %s: %s", got, args[0], ts.ReadFile("serve.log"))
	}
}

// cmdFaulty starts a server that is not well; $FAULTY is where it is, $SUM the SHA-256 of its file,
// $OTHER one of something else.
func cmdFaulty(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: faulty")
	}
	f := newFaultyServer()
	ts.Defer(func() {
		f.CloseClientConnections()
		f.Close()
	})
	ts.Setenv("FAULTY", f.URL)
	ts.Setenv("WEIR", fmt.Sprintf("%x", sha256.Sum256([]byte("weir"))))
	ts.Setenv("SUM", fmt.Sprintf("%x", sha256.Sum256(letters(faultySize))))
	ts.Setenv("OTHER", strings.Repeat("0", 2*sha256.Size))
}

// cmdCertificate makes a certificate for 127.0.0.1, and its key.
func cmdCertificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: certificate CERT KEY")
	}
	ts.Check(writeCertificate(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
}

func writeCertificate(cert, key string) error {
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, secret.Public(), secret)
	if err != nil {
		return err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		return err
	}
	if err := os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), 0o600)
}
