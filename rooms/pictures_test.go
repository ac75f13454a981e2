package rooms

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestPicturesAreKept(t *testing.T) {
	p := newPictures(16)
	drawn := 0
	draw := func(name string, side int) []byte {
		drawn++
		return []byte(fmt.Sprint(name, side))
	}
	for range 3 {
		for _, name := range []string{"a", "b", "a"} {
			if got, want := p.get(p.round, name, draw), "data:image/png;base64,"; !strings.HasPrefix(got, want) {
				t.Errorf("the picture is %s", got)
			}
		}
	}
	if drawn != 2 {
		t.Errorf("%d were drawn, want 2", drawn)
	}
	for n := range 3 * maxPictures {
		p.get(p.round, fmt.Sprint(n), draw)
		if len(p.round) > maxPictures {
			t.Fatalf("%d are kept, want at most %d", len(p.round), maxPictures)
		}
	}
}

// TestPeopleAndRoomsDiffer also where they have the same name.
func TestPeopleAndRoomsDiffer(t *testing.T) {
	p := newPictures(16)
	seen := map[string]bool{p.ofPerson("Ada"): true, p.ofRoom("Ada"): true, p.guest: true}
	if len(seen) != 3 {
		t.Errorf("person, room and guest have %d pictures", len(seen))
	}
}

// TestPicturesConcurrently is for the race detector.
func TestPicturesConcurrently(t *testing.T) {
	p := newPictures(16)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := range 50 {
				p.ofPerson(fmt.Sprint(n % 10))
				p.ofRoom(fmt.Sprint(n % 10))
			}
		})
	}
	wg.Wait()
	if len(p.round) != 10 || len(p.square) != 10 {
		t.Errorf("%d and %d are kept, want 10 each", len(p.round), len(p.square))
	}
}
