package avatar

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Markers of JPEG that matter here, without the 0xff before them.
const (
	markProgressive = 0xc2
	markScan        = 0xda
	markEnd         = 0xd9
	markRestart     = 0xd0 // and the seven after it
	markEXIF        = 0xe1
)

// maxScanned bounds the scans of a progressive picture times its pixels: a scan
// needs a few bytes of the input, and decoding goes over all pixels for it.
const maxScanned = 600_000_000

// checkScans refuses what would take too long to decode. It counts what may be a
// scan's marker anywhere; the usual picture has about ten.
func checkScans(raw []byte, pixels int) error {
	if !isJPEG(raw) {
		return nil
	}
	scans := bytes.Count(raw, []byte{0xff, markScan})
	if scans*pixels > maxScanned {
		return fmt.Errorf("%w: a JPEG of %d pixels with %d scans", ErrTooLarge, pixels, scans)
	}
	return nil
}

func isJPEG(raw []byte) bool { return startsWith("\xff\xd8\xff")(raw) }

// head is what the segments before a picture's first scan say.
type head struct {
	progressive bool
	turn        orientation
}

// headOf reads the segments as the decoder does, which passes over what is not a
// segment: nothing that it finds may be hidden from here.
func headOf(raw []byte) head {
	h := head{turn: upright}
	for rest := raw[2:]; ; {
		marker, after := nextMarker(rest)
		if after == nil || marker == markEnd || marker == markScan {
			return h
		}
		if marker == 0 || markRestart <= marker && marker < markRestart+8 {
			rest = after // these have no length
			continue
		}
		body, next := splitSegment(after)
		if next == nil {
			return h
		}
		switch {
		case marker == markProgressive:
			h.progressive = true
		case marker == markEXIF && h.turn == upright:
			h.turn = orientationIn(body)
		}
		rest = next
	}
}

// nextMarker returns the next marker and what follows it; nil if there is none.
func nextMarker(raw []byte) (byte, []byte) {
	at := bytes.IndexByte(raw, 0xff)
	if at < 0 || at+1 == len(raw) {
		return 0, nil
	}
	if raw[at+1] == 0 {
		return 0, raw[at+2:]
	}
	for i, c := range raw[at+1:] {
		if c != 0xff {
			return c, raw[at+1+i+1:]
		}
	}
	return 0, nil
}

// splitSegment splits off a segment that starts with its length, which counts itself.
func splitSegment(raw []byte) (body, rest []byte) {
	if len(raw) < 2 {
		return nil, nil
	}
	n := int(binary.BigEndian.Uint16(raw))
	if n < 2 || n > len(raw) {
		return nil, nil
	}
	return raw[2:n], raw[n:]
}
