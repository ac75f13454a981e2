package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"
)

// The bare loop is what the fan-out of the server is compared with: a process that
// accepts TLS connections and, for each line on its standard input, writes the same
// bytes to each of them, one after another. It is this test program, started anew
// with these variables set.
const (
	bareFolder = "PRESENCE_E2E_BARE_FOLDER" // has key.pem and cert.pem
	bareConns  = "PRESENCE_E2E_BARE_CONNS"
	bareBytes  = "PRESENCE_E2E_BARE_BYTES"
)

// runBareLoop is the process; false if this is not the one.
func runBareLoop() bool {
	folder := os.Getenv(bareFolder)
	if folder == "" {
		return false
	}
	conns, _ := strconv.Atoi(os.Getenv(bareConns))
	size, _ := strconv.Atoi(os.Getenv(bareBytes))
	if err := bareWrites(folder, conns, make([]byte, size)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// bareListen listens with the certificate of a folder, and prints where.
func bareListen(folder string) (net.Listener, error) {
	pair, err := tls.LoadX509KeyPair(folder+"/cert.pem", folder+"/key.pem")
	if err != nil {
		return nil, err
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err == nil {
		fmt.Println(l.Addr())
	}
	return l, err
}

func bareWrites(folder string, count int, frame []byte) error {
	l, err := bareListen(folder)
	if err != nil {
		return err
	}
	defer l.Close()
	conns := make([]net.Conn, count)
	for n := range conns {
		if conns[n], err = l.Accept(); err != nil {
			return err
		}
		if _, err := conns[n].Write(frame); err != nil { // the handshake belongs to no message
			return err
		}
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		for _, conn := range conns {
			if _, err := conn.Write(frame); err != nil {
				return err
			}
		}
	}
	return nil
}

// bareLoop is the running process, with its clients.
type bareLoop struct {
	b       *testing.B
	cmd     *exec.Cmd
	orders  io.WriteCloser
	conns   []net.Conn
	arrived chan struct{}
	readers sync.WaitGroup
}

// newBareLoop starts the process and connects clients that read frames of a size.
func newBareLoop(b *testing.B, s *server, frameSize, conns int) *bareLoop {
	b.Helper()
	size := frameSize + 4 // the header of an unmasked frame of this length
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	l := &bareLoop{b: b, cmd: exec.CommandContext(b.Context(), self), arrived: make(chan struct{}, conns)}
	l.cmd.Env = append(os.Environ(), bareFolder+"="+s.folder, fmt.Sprintf("%s=%d", bareConns, conns), fmt.Sprintf("%s=%d", bareBytes, size))
	l.cmd.Stderr = os.Stderr
	if l.orders, err = l.cmd.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	words, err := l.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := l.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	addr, err := bufio.NewReader(words).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	for range conns {
		conn, err := tls.Dial("tcp", addr[:len(addr)-1], s.clientTLS())
		if err != nil {
			b.Fatal(err)
		}
		l.conns = append(l.conns, conn)
		l.readers.Go(func() { l.read(conn, size) })
	}
	l.await()
	return l
}

func (l *bareLoop) read(conn net.Conn, size int) {
	for frame := make([]byte, size); ; {
		if _, err := io.ReadFull(conn, frame); err != nil {
			return
		}
		l.arrived <- struct{}{}
	}
}

func (l *bareLoop) await() {
	for range l.conns {
		<-l.arrived
	}
}

// say has messages sent, one after another, and returns the CPU time of the process.
func (l *bareLoop) say(messages int) time.Duration {
	l.b.Helper()
	began := cpuTime(l.b, l.cmd.Process.Pid)
	for range messages {
		fmt.Fprintln(l.orders)
		l.await()
	}
	return cpuTime(l.b, l.cmd.Process.Pid) - began
}

// close ends the process and waits for its clients.
func (l *bareLoop) close() {
	l.b.Helper()
	l.orders.Close()
	if err := l.cmd.Wait(); err != nil {
		l.b.Fatal(err)
	}
	for _, conn := range l.conns {
		conn.Close()
	}
	l.readers.Wait()
}
