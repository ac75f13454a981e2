package avatar

import (
	"bytes"
	"encoding/binary"
	"image"
)

// orientation says how a camera was held, in EXIF's numbers: 1 is upright, 2 to 4
// are mirrored, upside down, and both; 5 to 8 are the same on their side.
type orientation uint16

const upright orientation = 1

// orientationOf reads it from a JPEG. Other formats come from programs, which turn
// the pixels themselves.
func orientationOf(raw []byte) orientation {
	if !isJPEG(raw) {
		return upright
	}
	return headOf(raw).turn
}

// orientationIn finds the one tag in an EXIF segment. What is damaged counts as
// upright.
func orientationIn(segment []byte) orientation {
	tiff, found := bytes.CutPrefix(segment, []byte("Exif\x00\x00"))
	if !found || len(tiff) < 8 {
		return upright
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return upright
	}
	start := uint64(order.Uint32(tiff[4:]))
	if start+2 > uint64(len(tiff)) {
		return upright
	}
	return orientationAmong(tiff[start:], order)
}

// orientationAmong looks through a directory: the number of its entries, then 12
// bytes for each.
func orientationAmong(directory []byte, order binary.ByteOrder) orientation {
	const (
		tagOrientation = 0x0112
		typeShort      = 3
		size           = 12
	)
	entries := directory[2:]
	for range order.Uint16(directory) {
		if len(entries) < size {
			break
		}
		if order.Uint16(entries) == tagOrientation {
			turn := orientation(order.Uint16(entries[8:]))
			if order.Uint16(entries[2:]) != typeShort || turn < 1 || turn > 8 {
				break
			}
			return turn
		}
		entries = entries[size:]
	}
	return upright
}

// apply turns a square picture upright.
func (o orientation) apply(img *image.NRGBA) *image.NRGBA {
	if o == upright {
		return img
	}
	turned := image.NewNRGBA(img.Rect)
	last := img.Rect.Dx() - 1
	for y := range last + 1 {
		for x := range last + 1 {
			turned.SetNRGBA(x, y, img.NRGBAAt(o.source(x, y, last)))
		}
	}
	return turned
}

// source is the place in the picture as stored of what belongs at x, y.
func (o orientation) source(x, y, last int) (int, int) {
	switch o {
	case 2:
		return last - x, y
	case 3:
		return last - x, last - y
	case 4:
		return x, last - y
	case 5:
		return y, x
	case 6:
		return y, last - x
	case 7:
		return last - y, last - x
	case 8:
		return last - y, x
	}
	return x, y
}
