package avatar

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
)

// What is decoded at most. Pixels bound the time, the memory is reckoned from the
// pixels and from what a format's decoder takes for one.
const (
	maxEdge   = 8192
	maxPixels = 24_000_000
	maxMemory = 192 << 20
)

// errDecoder marks a decoder's panic.
var errDecoder = errors.New("the decoder failed")

// format is a kind of picture that can be read.
type format struct {
	name   string
	is     func(raw []byte) bool
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	// perPixel is how many bytes the decoder takes for a pixel at most.
	perPixel func(raw []byte, model color.Model) int
}

var formats = []format{
	{"PNG", startsWith("\x89PNG\r\n\x1a\n"), png.DecodeConfig, png.Decode, perPixelPNG},
	{"JPEG", startsWith("\xff\xd8\xff"), jpeg.DecodeConfig, jpeg.Decode, perPixelJPEG},
	{"GIF", startsWith("GIF8"), gif.DecodeConfig, decodeGIF, perPixelGIF},
	{"WebP", isWebP, webp.DecodeConfig, webp.Decode, perPixelWebP},
	{"BMP", startsWith("BM"), bmp.DecodeConfig, bmp.Decode, perPixelBMP},
}

// picture is what was sent, decoded.
type picture struct {
	pixels image.Image
	turn   orientation
}

// open decodes the bytes, if they are a picture within the bounds.
func open(raw []byte) (picture, error) {
	for _, f := range formats {
		if !f.is(raw) {
			continue
		}
		if err := f.check(raw); err != nil {
			return picture{}, err
		}
		pixels, err := f.read(raw)
		if err != nil {
			return picture{}, err
		}
		return picture{pixels, orientationOf(raw)}, nil
	}
	return picture{}, ErrNotAPicture
}

// check looks at a picture's head only.
func (f format) check(raw []byte) error {
	c, err := f.config(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrUnreadable, f.name, err)
	}
	if c.Width <= 0 || c.Height <= 0 {
		return fmt.Errorf("%w: a %s of %d × %d pixels", ErrUnreadable, f.name, c.Width, c.Height)
	}
	if c.Width > maxEdge || c.Height > maxEdge || c.Width*c.Height > maxPixels {
		return fmt.Errorf("%w: %d × %d pixels, want at most %d in all and %d a side",
			ErrTooLarge, c.Width, c.Height, maxPixels, maxEdge)
	}
	if need := c.Width * c.Height * f.perPixel(raw, c.ColorModel); need > maxMemory {
		return fmt.Errorf("%w: a %s of %d × %d pixels and this kind takes %d MiB to decode, want at most %d",
			ErrTooLarge, f.name, c.Width, c.Height, need>>20, maxMemory>>20)
	}
	return checkScans(raw, c.Width*c.Height)
}

// read decodes all. A decoder that panics must not end the process: the bytes come
// from anybody.
func (f format) read(raw []byte) (img image.Image, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %s: %w: %v", ErrUnreadable, f.name, errDecoder, p)
		}
	}()
	img, err = f.decode(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreadable, f.name, err)
	}
	return img, nil
}

func startsWith(magic string) func([]byte) bool {
	return func(raw []byte) bool { return bytes.HasPrefix(raw, []byte(magic)) }
}

func isWebP(raw []byte) bool {
	return len(raw) >= 12 && string(raw[:4]) == "RIFF" && string(raw[8:12]) == "WEBP"
}
