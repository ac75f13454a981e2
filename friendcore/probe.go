package friendcore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"presence/rooms"
)

// Probe registers once, as a Link does, says good-bye and tells how it went. It must
// not be called while a Link with the same service is registered: two
// registrations get every reply and event twice (docs/protocol.md 12.2).
func Probe(ctx context.Context, o LinkOptions) error {
	l, err := newLink(o)
	if err != nil {
		return err
	}
	conn, err := l.open(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", l.url, err)
	}
	defer conn.Close()
	if err := l.authenticate(ctx, conn); err != nil {
		return fmt.Errorf("%s: %w", l.url, err)
	}
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
	return nil
}

// Probe makes a module call with an authid that nobody has: a FriendCore that is
// well refuses it.
func (c *Client) Probe(ctx context.Context) error {
	_, err := c.Authenticate(ctx, strings.Repeat("0", 32))
	if errors.Is(err, rooms.ErrDenied) {
		return nil
	}
	return err
}
