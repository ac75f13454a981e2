package avatar

import (
	"crypto/sha256"
	"math"
)

// Radii of the round pattern, for a side of 128 pixels.
const (
	discOuter   = 14
	middleInner = 18
	middleOuter = 36
	outerInner  = 40
	outerOuter  = 60
)

// rings is the round pattern: a disc and two rings of segments, which are counted
// from straight up against the clock.
type rings struct {
	outer  [10]bool
	middle [5]bool
	disc   bool
}

var guestRings = ringsFrom([]bool{
	true, false, true, false, true,
	false, true, false,
	true,
	true, false,
	false, true, false, true, false,
})

func ringsOf(sum [sha256.Size]byte) rings {
	return ringsFrom(fill(sum[4:20], 10, 11, 5))
}

// ringsFrom spreads 16 values: five for the outer ring, three for the middle one,
// the disc, two for the middle ring and five for the outer one.
func ringsFrom(v []bool) rings {
	var r rings
	copy(r.outer[:5], v[0:5])
	copy(r.outer[5:], v[11:16])
	copy(r.middle[:3], v[5:8])
	copy(r.middle[3:], v[9:11])
	r.disc = v[8]
	return r
}

func (r rings) covers(dx, dy, side int) bool {
	distance := dx*dx + dy*dy
	within := func(radius int) bool {
		// Both sides are squares of half pixels of a picture of the scale's side.
		return distance*scale*scale <= 4*radius*radius*side*side
	}
	switch {
	case within(discOuter):
		return r.disc
	case within(middleOuter):
		return !within(middleInner) && r.middle[segment(dx, dy, len(r.middle))]
	case within(outerOuter):
		return !within(outerInner) && r.outer[segment(dx, dy, len(r.outer))]
	}
	return false
}

// segment says in which of n equal segments a point lies.
func segment(dx, dy, n int) int {
	turn := math.Atan2(float64(-dx), float64(-dy)) / (2 * math.Pi)
	if turn < 0 {
		turn++
	}
	return int(turn*float64(n)) % n
}
