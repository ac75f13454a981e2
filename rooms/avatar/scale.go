package avatar

import (
	"image"
	"image/color"

	"golang.org/x/image/draw"
)

// square returns the centered square of the picture, as a rectangle of an image. If
// it is much larger than wanted, it is reduced to a few times the side: scaling well
// takes long, and needs much memory, for each pixel that it starts from.
func (p picture) square(side int) (image.Image, image.Rectangle) {
	const enough = 2 // times the side
	b := p.pixels.Bounds()
	edge := min(b.Dx(), b.Dy())
	factor := edge / (enough * side)
	if factor > 1 {
		edge -= edge % factor // less than half a pixel of the result
	}
	corner := b.Min.Add(image.Pt((b.Dx()-edge)/2, (b.Dy()-edge)/2))
	r := image.Rectangle{Min: corner, Max: corner.Add(image.Pt(edge, edge))}
	if factor <= 1 {
		return p.pixels, r
	}
	small := reduce(p.pixels, r, factor)
	return small, small.Bounds()
}

// reduce averages blocks of factor × factor pixels. The colors are premultiplied, so
// that what is transparent does not count.
func reduce(src image.Image, r image.Rectangle, factor int) image.Image {
	size := r.Dx() / factor
	dst := image.NewRGBA64(image.Rect(0, 0, size, size))
	strip := image.NewRGBA(image.Rect(0, 0, r.Dx(), factor)) // the blocks of a row
	sums := make([][4]int, size)
	n := factor * factor
	mean := func(sum int) uint16 { return uint16((sum*0x101 + n/2) / n) }
	for y := range size {
		draw.Draw(strip, strip.Rect, src, image.Pt(r.Min.X, r.Min.Y+y*factor), draw.Src)
		clear(sums)
		for row := range factor {
			addRow(sums, strip.Pix[row*strip.Stride:], factor)
		}
		for x, s := range sums {
			dst.SetRGBA64(x, y, color.RGBA64{R: mean(s[0]), G: mean(s[1]), B: mean(s[2]), A: mean(s[3])})
		}
	}
	return dst
}

// addRow adds a row of RGBA to the sums of the blocks that it crosses.
func addRow(sums [][4]int, row []byte, factor int) {
	for i := range sums {
		s := &sums[i]
		for pixels := row[4*i*factor : 4*(i+1)*factor]; len(pixels) >= 4; pixels = pixels[4:] {
			s[0] += int(pixels[0])
			s[1] += int(pixels[1])
			s[2] += int(pixels[2])
			s[3] += int(pixels[3])
		}
	}
}

// resize scales a square of an image to side × side pixels. What has this size keeps
// its colors exactly, so that a picture that is sent back is still the same.
func resize(src image.Image, square image.Rectangle, side int) *image.NRGBA {
	dst := image.NewNRGBA(image.Rect(0, 0, side, side))
	if square.Dx() != side {
		draw.CatmullRom.Scale(dst, dst.Rect, src, square, draw.Src, nil)
		return dst
	}
	for y := range side {
		for x := range side {
			dst.Set(x, y, src.At(square.Min.X+x, square.Min.Y+y))
		}
	}
	return dst
}
