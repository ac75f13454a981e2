package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// wire is a connection that carries JSON values (docs/protocol.md 1.3, 1.4).
type wire interface {
	send(text []byte) error
	receive() ([]byte, error)
	close() error // with a farewell, as an orderly client does
	abort() error // without one, as a lost network does
}

// transport names how a client connects.
type transport string

const (
	ws  transport = "ws"
	tcp transport = "tcp"
)

// connect opens a connection to the server.
func (s *server) connect(tr transport) (wire, error) {
	if tr == tcp {
		return dialTCP(s.tcpAddr(), s.clientTLS())
	}
	return dialWS("wss://"+s.wsAddr()+"/", s.clientTLS(), nil)
}

type wsWire struct{ conn *websocket.Conn }

func dialWS(url string, trust *tls.Config, header http.Header) (wire, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	dialer := websocket.Dialer{TLSClientConfig: trust, ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}
	conn, answer, err := dialer.DialContext(ctx, url, header)
	if err != nil {
		return nil, err
	}
	if answer.Body != nil {
		answer.Body.Close()
	}
	return &wsWire{conn}, nil
}

func (w *wsWire) send(text []byte) error {
	_ = w.conn.SetWriteDeadline(time.Now().Add(patience))
	return w.conn.WriteMessage(websocket.TextMessage, text)
}

func (w *wsWire) receive() ([]byte, error) {
	_, text, err := w.conn.ReadMessage()
	return text, err
}

func (w *wsWire) close() error {
	farewell := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = w.conn.WriteControl(websocket.CloseMessage, farewell, time.Now().Add(time.Second))
	return w.conn.Close()
}

func (w *wsWire) abort() error { return reset(w.conn.NetConn()) }

type tcpWire struct {
	conn    *tls.Conn
	decoder *json.Decoder
}

func dialTCP(addr string, trust *tls.Config) (wire, error) {
	dialer := &net.Dialer{Timeout: patience}
	conn, err := tls.DialWithDialer(dialer, "tcp", addr, trust)
	if err != nil {
		return nil, err
	}
	return &tcpWire{conn, json.NewDecoder(conn)}, nil
}

func (w *tcpWire) send(text []byte) error {
	_ = w.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := w.conn.Write(text)
	return err
}

func (w *tcpWire) receive() ([]byte, error) {
	var value json.RawMessage
	err := w.decoder.Decode(&value)
	return value, err
}

func (w *tcpWire) close() error { return w.conn.Close() }

func (w *tcpWire) abort() error { return reset(w.conn) }

// reset ends a TCP connection without TLS or websocket farewell.
func reset(conn net.Conn) error {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	return conn.Close()
}
