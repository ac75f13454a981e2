package transport

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// serveHTTP serves until ctx ends and then returns nil; before that it returns only
// if the listener fails. When it returns, nothing runs any more but what handlers
// have taken over.
func serveHTTP(ctx context.Context, server *http.Server, l net.Listener) error {
	var conns sync.WaitGroup
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			conns.Add(1)
		case http.StateHijacked, http.StateClosed:
			conns.Done()
		}
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		_ = server.Close() // ends requests under way
	})
	err := server.Serve(l)
	if stop() {
		_ = server.Close()
	} else {
		<-stopped
		err = nil
	}
	conns.Wait()
	return err
}
