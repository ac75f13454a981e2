package transport

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
)

// headConn bounds what a peer makes net/http hold before its request is handled: a
// header of very many short lines takes twenty times its length. It is what a
// request's connection looks like to net/http, on top of TLS.
type headConn struct {
	net.Conn // TLS or the socket itself
	sock     *rawConn
	complete atomic.Bool // the header has been read
	lines    int         // owned by the reader: line ends so far
}

// maxHeadLines is how many lines a header may have.
const maxHeadLines = 100

var errHead = errors.New("HTTP header has too many lines")

// Read counts lines until the header is complete.
func (h *headConn) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	if h.complete.Load() {
		return n, err
	}
	if n > 0 {
		h.sock.greeted.Store(true)
	}
	if h.lines += bytes.Count(p[:n], []byte{'\n'}); h.lines > maxHeadLines {
		return 0, errHead
	}
	return n, err
}

// headListener adds TLS, if there is a configuration, and a headConn.
type headListener struct {
	net.Listener
	config *tls.Config
}

func (l headListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	h := &headConn{Conn: c, sock: underlying(c)}
	if l.config != nil {
		h.Conn = tls.Server(c, l.config)
	}
	return h, nil
}
