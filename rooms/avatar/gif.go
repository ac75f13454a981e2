package avatar

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"io"
)

// screen is a GIF as it is seen first: its first frame may cover only a part.
type screen struct {
	*image.Paletted
	bounds image.Rectangle
}

// decodeGIF decodes the first frame only.
func decodeGIF(r io.Reader) (image.Image, error) {
	var head bytes.Buffer
	c, err := gif.DecodeConfig(io.TeeReader(r, &head))
	if err != nil {
		return nil, err
	}
	frame, err := gif.Decode(io.MultiReader(&head, r))
	if err != nil {
		return nil, err
	}
	paletted, ok := frame.(*image.Paletted)
	bounds := image.Rect(0, 0, c.Width, c.Height)
	if !ok || frame.Bounds() == bounds {
		return frame, nil
	}
	return screen{paletted, bounds}, nil
}

func (s screen) Bounds() image.Rectangle { return s.bounds }

func (s screen) ColorModel() color.Model { return color.RGBA64Model }

func (s screen) Opaque() bool { return false }

func (s screen) At(x, y int) color.Color { return s.RGBA64At(x, y) }

func (s screen) RGBA64At(x, y int) color.RGBA64 {
	if !(image.Point{X: x, Y: y}).In(s.Rect) {
		return color.RGBA64{}
	}
	return s.Paletted.RGBA64At(x, y)
}
