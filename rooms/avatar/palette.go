package avatar

import (
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"slices"
)

// channels are R, G, B and A, not premultiplied.
const (
	channels = 4
	alpha    = 3
)

// shade is a color with the number of pixels that have it.
type shade struct {
	value [channels]uint8
	count int
}

// quantize reduces a picture to so many colors, and mixes the others from them by
// dithering. One that has no more is the same afterwards.
func quantize(img *image.NRGBA, colors int) *image.Paletted {
	chosen := paletteOf(shadesOf(img), colors)
	slices.SortFunc(chosen, func(a, b shade) int { return slices.Compare(a.value[:], b.value[:]) })
	palette := make(color.Palette, len(chosen))
	for i, s := range chosen {
		palette[i] = color.NRGBA{R: s.value[0], G: s.value[1], B: s.value[2], A: s.value[3]}
	}
	dst := image.NewPaletted(img.Rect, palette)
	draw.FloydSteinberg.Draw(dst, dst.Rect, img, img.Rect.Min)
	return dst
}

// shadesOf counts the colors of a picture, in an order that depends on nothing else.
func shadesOf(img *image.NRGBA) []shade {
	counts := map[[channels]uint8]int{}
	for y := img.Rect.Min.Y; y < img.Rect.Max.Y; y++ {
		for x := img.Rect.Min.X; x < img.Rect.Max.X; x++ {
			c := img.NRGBAAt(x, y)
			if c.A == 0 {
				c = color.NRGBA{}
			}
			counts[[channels]uint8{c.R, c.G, c.B, c.A}]++
		}
	}
	shades := make([]shade, 0, len(counts))
	for value, count := range counts {
		shades = append(shades, shade{value, count})
	}
	slices.SortFunc(shades, func(a, b shade) int { return slices.Compare(a.value[:], b.value[:]) })
	return shades
}

// box is a part of the colors.
type box struct {
	shades []shade
	axis   int // the channel in which they differ most
	weight int // how much it is worth to split them; 0 if they are one color
}

// paletteOf chooses colors by median cut: the box that is worth most is split in two
// halves of as many pixels, until there are enough boxes.
func paletteOf(shades []shade, colors int) []shade {
	boxes := []box{boxOf(shades)}
	for len(boxes) < colors {
		widest := 0
		for i, b := range boxes {
			if b.weight > boxes[widest].weight {
				widest = i
			}
		}
		if boxes[widest].weight == 0 {
			break
		}
		low, high := boxes[widest].split()
		boxes[widest] = low
		boxes = append(boxes, high)
	}
	chosen := make([]shade, len(boxes))
	for i, b := range boxes {
		chosen[i] = b.mean()
	}
	return chosen
}

func boxOf(shades []shade) box {
	b := box{shades: shades}
	pixels, extent := 0, 0
	for _, s := range shades {
		pixels += s.count
	}
	for axis := range channels {
		low, high := shades[0].value[axis], shades[0].value[axis]
		for _, s := range shades {
			low, high = min(low, s.value[axis]), max(high, s.value[axis])
		}
		if d := int(high) - int(low); d > extent {
			b.axis, extent = axis, d
		}
	}
	b.weight = pixels * extent
	return b
}

// split needs a box of two colors at least; it leaves none of the halves empty.
func (b box) split() (low, high box) {
	slices.SortFunc(b.shades, func(x, y shade) int {
		return cmp.Or(cmp.Compare(x.value[b.axis], y.value[b.axis]), slices.Compare(x.value[:], y.value[:]))
	})
	pixels := 0
	for _, s := range b.shades {
		pixels += s.count
	}
	at, below := 1, b.shades[0].count
	for at < len(b.shades)-1 && below+b.shades[at].count <= pixels/2 {
		below += b.shades[at].count
		at++
	}
	return boxOf(b.shades[:at]), boxOf(b.shades[at:])
}

// mean is the color that stands for those of the box. What is transparent counts
// less.
func (b box) mean() shade {
	var sums [alpha]int
	pixels, opacity := 0, 0
	for _, s := range b.shades {
		weight := s.count * int(s.value[alpha])
		for axis := range sums {
			sums[axis] += int(s.value[axis]) * weight
		}
		pixels += s.count
		opacity += weight
	}
	m := shade{count: pixels}
	if opacity == 0 {
		return m
	}
	for axis, sum := range sums {
		m.value[axis] = uint8((sum + opacity/2) / opacity)
	}
	m.value[alpha] = uint8((opacity + pixels/2) / pixels)
	return m
}
