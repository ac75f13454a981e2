package avatar

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
)

// What Go has no encoder for: quarters in 24 × 16 pixels. The last one's lower right
// quarter is transparent.
const (
	losslessWebP    = `UklGRkAAAABXRUJQVlA4TDMAAAAvF8ADAB8gECCUyBKpWCCbnCT/RSkQSKKceaz5D/vCBBBmG01ykpO8/xFE9D+2qU+gegIA`
	lossyWebP       = `UklGRlwAAABXRUJQVlA4IFAAAABwAwCdASoYABAAPm0skkWkIqGYBABABsS1AE6I//AeTW5qYMgA/vC6713z9fL/+Lf8UVML//qKf//lgeebL/+0sHf+SCx5su/PehMQisswAA==`
	alphaWebP       = `UklGRpYAAABXRUJQVlA4WAoAAAAQAAAAFwAADwAAQUxQSBUAAAABDzD/ERFCSEB44P9a1YSI/k9Av0wAVlA4IFoAAACwAwCdASoYABAALiUYjEYREREBABIlqALsR//uAAJvNsWx/vADEAD+/QEi0/W29//ppH/94H1K2f//3Od//94fk5///ugThX/uAAnX/3Z/7PAV9/1ECq+4AAA=`
	progressiveJPEG = `/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAUDBAQEAwUEBAQFBQUGBwwIBwcHBw8LCwkMEQ8SEhEPERETFhwXExQaFRERGCEYGh0dHx8fExciJCIeJBweHx7/2wBDAQUFBQcGBw4ICA4eFBEUHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh7/wgARCAAQABgDASIAAhEBAxEB/8QAFwABAQEBAAAAAAAAAAAAAAAABgAEBf/EABYBAQEBAAAAAAAAAAAAAAAAAAYCBP/aAAwDAQACEAMQAAABM9Qk0rfslMEM/wD/xAAXEAADAQAAAAAAAAAAAAAAAAAABBAG/9oACAEBAAEFAhG5ef/EACARAAAFAwUAAAAAAAAAAAAAAAAEBRESAQIVMUFjoeH/2gAIAQMBAT8BUFPJF7i0Yy3d9KuMBydej//EAB8RAAAFBAMAAAAAAAAAAAAAAAABBREUAgMEYRJBUf/aAAgBAgEBPwFZQ4OFXf5uzdbIvRK0P//EABkQAAEFAAAAAAAAAAAAAAAAABAAAgSCwf/aAAgBAQAGPwJPMiuj/8QAFhABAQEAAAAAAAAAAAAAAAAAwQAg/9oACAEBAAE/IYnKf//aAAwDAQACAAMAAAAQn+//xAAZEQEAAgMAAAAAAAAAAAAAAAARMVEBEGH/2gAIAQMBAT8QqWUAgYUJ7oP/xAAbEQACAQUAAAAAAAAAAAAAAAAAETEhUXHh8P/aAAgBAgEBPxDGPUNzGu4O3o//xAAUEAEAAAAAAAAAAAAAAAAAAAAg/9oACAEBAAE/EFR//9k=`
)

// corners are the colors of the quarters: upper left, upper right, lower left, lower
// right.
var corners = [4]color.NRGBA{{200, 30, 30, 255}, {30, 200, 30, 255}, {30, 30, 200, 255}, {200, 200, 30, 255}}

// quarters is a picture in which left and right, top and bottom differ.
func quarters(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, corners[2*(2*y/h)+2*x/w])
		}
	}
	return img
}

// flat is the same with a palette.
func flat(w, h int) *image.Paletted {
	colors := color.Palette{}
	for _, c := range corners {
		colors = append(colors, c)
	}
	img := image.NewPaletted(image.Rect(0, 0, w, h), colors)
	draw.Draw(img, img.Rect, quarters(w, h), image.Point{}, draw.Src)
	return img
}

func toPNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	quick := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := quick.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func toJPEG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 85}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func toGIF(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gif.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func toBMP(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := bmp.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func fromBase64(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func bare(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

// withEXIF puts an EXIF segment with the contents into a JPEG.
func withEXIF(jpeg []byte, tiff []byte) []byte {
	body := append([]byte("Exif\x00\x00"), tiff...)
	out := append([]byte{}, jpeg[:2]...)
	out = append(out, 0xff, markEXIF)
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)+2))
	out = append(out, body...)
	return append(out, jpeg[2:]...)
}

// byteOrder is both halves of a byte order.
type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// exif is the contents of an EXIF segment with three tags, one of them the
// orientation.
func exif(order byteOrder, turn orientation) []byte {
	tiff := []byte("II*\x00")
	if order == byteOrder(binary.BigEndian) {
		tiff = []byte("MM\x00*")
	}
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 3)
	for _, entry := range [][2]uint16{{0x0100, 9}, {0x0112, uint16(turn)}, {0x0128, 2}} {
		tiff = order.AppendUint16(tiff, entry[0])
		tiff = order.AppendUint16(tiff, 3)
		tiff = order.AppendUint32(tiff, 1)
		tiff = order.AppendUint16(tiff, entry[1])
		tiff = order.AppendUint16(tiff, 0)
	}
	return order.AppendUint32(tiff, 0)
}

// hugePNG claims a size and has no pixels.
func hugePNG(t testing.TB, w, h uint32) []byte {
	raw := toPNG(t, image.NewGray(image.Rect(0, 0, 1, 1)))
	binary.BigEndian.PutUint32(raw[16:], w)
	binary.BigEndian.PutUint32(raw[20:], h)
	return withChecksum(raw)
}

// noise has pixels of any color.
func noise(w, h int, alpha bool) *image.NRGBA {
	random := rand.New(rand.NewPCG(1, 2))
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := 0; i < len(img.Pix); i += 4 {
		binary.LittleEndian.PutUint32(img.Pix[i:], random.Uint32())
		if !alpha {
			img.Pix[i+3] = 0xff
		}
	}
	return img
}

// largeNoise is a photo's size of noise that is still there when it is scaled: its
// blocks are a pixel of the result each.
func largeNoise(w, h, block int) *image.Paletted {
	random := rand.New(rand.NewPCG(3, 4))
	img := image.NewPaletted(image.Rect(0, 0, w, h), palette.Plan9)
	for y := range h {
		row := img.Pix[y*w : (y+1)*w]
		if y%block != 0 {
			copy(row, img.Pix[(y-1)*w:])
			continue
		}
		for x := 0; x < w; x += block {
			copy(row[x:], bytes.Repeat([]byte{byte(random.Uint32())}, block))
		}
	}
	return img
}

// own is what Own makes of the bytes, decoded.
func own(t testing.TB, raw []byte, side int) image.Image {
	t.Helper()
	url, err := Own(bare(raw), side)
	if err != nil {
		t.Fatal(err)
	}
	return decodeOwn(t, url)
}

// decodeOwn also checks what is true of every result.
func decodeOwn(t testing.TB, url string) image.Image {
	t.Helper()
	if len(url) > column {
		t.Errorf("the result has %d bytes, want at most %d", len(url), column)
	}
	if !Valid(url) {
		t.Error("the result is not valid")
	}
	text, _ := strings.CutPrefix(url, "data:image/png;base64,")
	img, err := png.Decode(bytes.NewReader(fromBase64(t, text)))
	if err != nil {
		t.Fatal(err)
	}
	if size := img.Bounds().Size(); size.X != size.Y || size.X < 1 {
		t.Errorf("the result is %v, want a square", size)
	}
	return img
}
