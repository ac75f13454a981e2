package avatar

import "image/color"

// perPixelPNG: interlaced pictures are decoded in parts, the largest of them half of
// the whole.
func perPixelPNG(raw []byte, model color.Model) int {
	const interlace = 28 // where the header says so
	n := 4
	switch model {
	case color.RGBA64Model, color.NRGBA64Model:
		n = 8
	}
	if len(raw) > interlace && raw[interlace] != 0 {
		n += n / 2
	}
	return n
}

// perPixelJPEG: a progressive one is held as coefficients of four bytes until its
// last scan; some color models are converted after decoding.
func perPixelJPEG(raw []byte, model color.Model) int {
	channels, converted := 3, 0
	switch model {
	case color.GrayModel:
		channels = 1
	case color.CMYKModel:
		channels, converted = 4, 4
	case color.RGBAModel:
		converted = 4
	}
	if headOf(raw).progressive {
		channels *= 1 + 4
	}
	return channels + converted
}

func perPixelGIF([]byte, color.Model) int { return 1 }

func perPixelBMP([]byte, color.Model) int { return 4 }

// perPixelWebP: a lossless one is copied when it is decoded, and so is the alpha
// channel of the others.
func perPixelWebP([]byte, color.Model) int { return 8 }
