package avatar

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"sync"
)

// column is how many bytes the database's column takes (docs/protocol.md 5.6), and
// maxPNG what fits there as a data URL: base64 makes four bytes of three.
const (
	column    = 65_535
	urlPrefix = "data:image/png;base64,"
	maxPNG    = (column - len(urlPrefix)) / 4 * 3
)

// fit encodes a square picture so that it fits the column. It tries all colors, then
// a palette, then smaller sides.
func fit(img *image.NRGBA) []byte {
	const (
		colors = 256
		gain   = 5 // a palette makes a picture hardly smaller than this part
	)
	full := img
	for side := full.Rect.Dx(); ; side = max(side*3/4, 1) {
		if side < full.Rect.Dx() {
			img = resize(full, full.Rect, side)
		}
		all := encode(img)
		if len(all) <= maxPNG {
			return all
		}
		if len(all) > maxPNG*gain {
			continue
		}
		if few := encode(quantize(img, colors)); len(few) <= maxPNG {
			return few
		}
	}
}

// encoders keeps what an encoder works with: making that anew takes as long as
// drawing a picture.
type encoders struct{ pool sync.Pool }

func (e *encoders) Get() *png.EncoderBuffer {
	b, _ := e.pool.Get().(*png.EncoderBuffer)
	return b
}

func (e *encoders) Put(b *png.EncoderBuffer) { e.pool.Put(b) }

var encoder = png.Encoder{CompressionLevel: png.BestCompression, BufferPool: new(encoders)}

func encode(img image.Image) []byte {
	var b bytes.Buffer
	if err := encoder.Encode(&b, img); err != nil {
		// A buffer takes everything, and the size is within bounds.
		panic("avatar: encode png: " + err.Error())
	}
	return b.Bytes()
}

// Valid says whether a picture that another program has stored may be handed out as
// it is: a data URL of a PNG that fits the column, of a side that is no burden, and
// not cut off. It does not decode the pixels: it is quick enough for every login.
func Valid(dataURL string) bool {
	const maxStored = 2 * MaxSide
	text, found := strings.CutPrefix(dataURL, urlPrefix)
	if !found || len(dataURL) > column {
		return false
	}
	raw, err := unwrap(text)
	if err != nil || !bytes.HasSuffix(raw, []byte("\x00\x00\x00\x00IEND\xaeB`\x82")) {
		return false
	}
	c, err := png.DecodeConfig(bytes.NewReader(raw))
	return err == nil && c.Width > 0 && c.Height > 0 && c.Width <= maxStored && c.Height <= maxStored
}
