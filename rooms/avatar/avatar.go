package avatar

import (
	"crypto/sha256"
	"encoding/base64"
	"image"
	"image/color"
)

// Sides outside of these bounds are drawn as the nearest bound.
const (
	MinSide = 16
	MaxSide = 512
)

// scale is the side that all measures of the patterns are given for.
const scale = 128

var (
	background = color.RGBA{0x44, 0x44, 0x44, 0xff}
	guestColor = color.RGBA{0x2b, 0x97, 0xcc, 0xff}
)

// Round returns the picture of a person as PNG.
func Round(name string, side int) []byte {
	sum := sha256.Sum256([]byte(name))
	return paint(side, colorOf(sum), ringsOf(sum).covers)
}

// Square returns the picture of a room or workgroup as PNG.
func Square(name string, side int) []byte {
	sum := sha256.Sum256([]byte(name))
	side = bounded(side)
	return paint(side, colorOf(sum), cellsOf(sum).pattern(side))
}

// Guest returns the picture that all guests share as PNG.
func Guest(side int) []byte {
	return paint(side, guestColor, guestRings.covers)
}

// DataURL returns the PNG as clients expect a picture.
func DataURL(png []byte) string {
	return urlPrefix + base64.StdEncoding.EncodeToString(png)
}

// paint draws the pixels that the pattern covers. covers gets a pixel's center,
// counted in half pixels from the center of the picture, and the side.
func paint(side int, c color.Color, covers func(dx, dy, side int) bool) []byte {
	side = bounded(side)
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{background, c})
	for y := range side {
		for x := range side {
			if covers(2*x+1-side, 2*y+1-side, side) {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	return encode(img)
}

func bounded(side int) int { return min(max(side, MinSide), MaxSide) }

// colorOf is a bright color from the first bytes of the sum: one channel is full,
// the others are between a third and full.
func colorOf(sum [sha256.Size]byte) color.Color {
	first, second := bright(sum[0]), bright(sum[1])
	place := int(sum[2]) * 3 / 256
	low, high := first, uint8(0xff)
	if sum[3]&0x80 != 0 {
		low, high = high, low
	}
	var rgb [3]uint8
	rgb[place] = second
	rgb[(place+1)%3] = low
	rgb[(place+2)%3] = high
	return color.RGBA{rgb[0], rgb[1], rgb[2], 0xff}
}

// bright moves a byte into 85 to 255.
func bright(b byte) uint8 { return uint8(85 + int(b)*170/255) }

// fill decides which values count as filled: those that reach a limit, which is
// moved until the number of filled ones is between low and high, or the tries are
// used up.
func fill(values []byte, low, high, tries int) []bool {
	filled := make([]bool, len(values))
	limit := 127
	for range tries {
		n := 0
		for i, v := range values {
			filled[i] = int(v) >= limit
			if filled[i] {
				n++
			}
		}
		switch {
		case n < low:
			limit -= 10
		case n > high:
			limit += 10
		default:
			return filled
		}
	}
	return filled
}
