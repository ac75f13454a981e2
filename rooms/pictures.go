package rooms

import (
	"sync"

	"presence/rooms/avatar"
)

// pictures keeps generated avatars, as data URLs, so that each is drawn once.
type pictures struct {
	side  int
	guest string

	mu     sync.Mutex // guards the maps
	round  map[string]string
	square map[string]string
}

// maxPictures bounds each kind: about 1.5 KiB a picture.
const maxPictures = 2048

func newPictures(side int) *pictures {
	return &pictures{
		side:  side,
		guest: avatar.DataURL(avatar.Guest(side)),
		round: map[string]string{}, square: map[string]string{},
	}
}

// ofPerson is the picture of an account without an own one (docs/protocol.md 5.5).
func (p *pictures) ofPerson(name string) string {
	return p.get(p.round, name, avatar.Round)
}

// ofRoom is the picture of a room.
func (p *pictures) ofRoom(name string) string {
	return p.get(p.square, name, avatar.Square)
}

func (p *pictures) get(kept map[string]string, name string, draw func(string, int) []byte) string {
	p.mu.Lock()
	url, ok := kept[name]
	p.mu.Unlock()
	if ok {
		return url
	}
	url = avatar.DataURL(draw(name, p.side))
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(kept) >= maxPictures {
		clear(kept)
	}
	kept[name] = url
	return url
}
