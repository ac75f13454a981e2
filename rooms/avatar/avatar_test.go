package avatar

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

// kinds are the pictures by what they are made of.
var kinds = map[string]func(name string, side int) []byte{
	"round":  Round,
	"square": Square,
	"guest":  func(_ string, side int) []byte { return Guest(side) },
}

// awkward are names that nobody has, but somebody may send.
var awkward = map[string]string{
	"empty":         "",
	"huge":          strings.Repeat("name ", 1<<20),
	"invalid UTF-8": "a\xff\xfe\x80",
	"zero byte":     "\x00",
	"emoji":         "👩‍🚀",
}

func decode(t *testing.T, data []byte) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// drawn is the hash of a picture's pixels: what png makes of them may change with
// the version of Go.
func drawn(t *testing.T, data []byte) string {
	t.Helper()
	img := decode(t, data)
	sum := sha256.New()
	bounds := img.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, g, b, a := img.At(x, y).RGBA()
			sum.Write([]byte{byte(r), byte(g), byte(b), byte(a)})
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// TestPicturesStay: a name keeps its picture from one version to the next.
func TestPicturesStay(t *testing.T) {
	for _, tc := range []struct {
		kind, name string
		side       int
		want       string
	}{
		{"round", "Ada Lovelace", 128, "b5810060af2682d1"},
		{"round", "Ada Lovelace", 16, "b7c672a237292379"},
		{"round", "Ada Lovelace", 512, "1632fe6db800fc1e"},
		{"round", "Bo", 128, "5873e2269e636a4d"},
		{"round", "", 128, "dbbd0fde96aa4e82"},
		{"square", "Road map", 128, "ffa06bdaaf4fa487"},
		{"square", "Road map", 16, "b75154d77dc929cb"},
		{"square", "Road map", 511, "5a86bbef9f05e800"},
		{"square", "", 128, "8b4c622c73bee417"},
		{"guest", "", 128, "61b934fb36fce546"},
	} {
		if got := drawn(t, kinds[tc.kind](tc.name, tc.side)); got != tc.want {
			t.Errorf("%s %q of %d pixels is %s, want %s", tc.kind, tc.name, tc.side, got, tc.want)
		}
	}
}

func TestSameNameSamePicture(t *testing.T) {
	for kind, draw := range kinds {
		if !bytes.Equal(draw("Ada", 128), draw("Ada", 128)) {
			t.Errorf("%s: two pictures of one name differ", kind)
		}
	}
}

func TestDifferentNamesDiffer(t *testing.T) {
	for _, kind := range []string{"round", "square"} {
		seen := map[string]string{}
		for n := range 200 {
			name := fmt.Sprint("Name ", n)
			url := DataURL(kinds[kind](name, 16))
			if other, there := seen[url]; there {
				t.Errorf("%s: %q and %q have the same picture", kind, name, other)
			}
			seen[url] = name
		}
	}
}

func TestSizes(t *testing.T) {
	for kind, draw := range kinds {
		for side, want := range map[int]int{
			16: 16, 17: 17, 128: 128, // as asked for
			-1: 16, 15: 16, 1 << 40: 512, // the nearest that is drawn
		} {
			if got := decode(t, draw("Ada", side)).Bounds().Size(); got != (image.Point{want, want}) {
				t.Errorf("%s: asked for %d got %v, want %d", kind, side, got, want)
			}
		}
	}
}

func TestAwkwardNames(t *testing.T) {
	for kind, draw := range kinds {
		for what, name := range awkward {
			if got := decode(t, draw(name, 32)).Bounds().Dx(); got != 32 {
				t.Errorf("%s, %s: the side is %d, want 32", kind, what, got)
			}
		}
	}
}

// TestDataURLs: the text is one that clients take for a picture, and fits the
// column of the original's database by far.
func TestDataURLs(t *testing.T) {
	const column = 65535
	for kind, draw := range kinds {
		for side, tc := range map[int]struct{ names, most int }{
			16: {50, 400}, 128: {20, 2200}, 512: {1, column / 8},
		} {
			for n := range tc.names {
				url := DataURL(draw(fmt.Sprint("Name ", n), side))
				if len(url) > tc.most {
					t.Errorf("%s of %d pixels has %d bytes as text, want at most %d", kind, side, len(url), tc.most)
				}
			}
		}
	}
	picture := Guest(128)
	text, ok := strings.CutPrefix(DataURL(picture), "data:image/png;base64,")
	if !ok {
		t.Fatal("not a data URL of a PNG")
	}
	if back, err := base64.StdEncoding.DecodeString(text); err != nil || !bytes.Equal(back, picture) {
		t.Errorf("the data URL does not hold the picture: %v", err)
	}
}

// TestColors: an opaque picture of the background and one bright color.
func TestColors(t *testing.T) {
	for kind, draw := range kinds {
		for n := range 30 {
			img := decode(t, draw(fmt.Sprint("Name ", n), 64))
			seen := map[color.RGBA]int{}
			for y := range 64 {
				for x := range 64 {
					seen[color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)]++
				}
			}
			if len(seen) != 2 || seen[background] == 0 {
				t.Fatalf("%s %d has the colors %v, want the background and one other", kind, n, seen)
			}
			for c, pixels := range seen {
				if c.A != 0xff {
					t.Errorf("%s %d: %v is not opaque", kind, n, c)
				}
				if c != background && pixels < 64*64/20 {
					t.Errorf("%s %d: only %d pixels are drawn", kind, n, pixels)
				}
				if c != background && max(c.R, c.G, c.B) < 0xcc {
					t.Errorf("%s %d: %v is not bright", kind, n, c)
				}
			}
		}
	}
}

func TestSquareIsSymmetric(t *testing.T) {
	for _, side := range []int{16, 31, 64, 127} {
		for n := range 10 {
			img := decode(t, Square(fmt.Sprint("Room ", n), side))
			for y := range side {
				for x := range side / 2 {
					if img.At(x, y) != img.At(side-1-x, y) {
						t.Fatalf("room %d of %d pixels: %d,%d differs from its mirror image", n, side, x, y)
					}
				}
			}
		}
	}
}

// TestSquareMeasures: cells of 24 pixels within a border of 4.
func TestSquareMeasures(t *testing.T) {
	var g grid
	for row := range cells {
		for col := range cells {
			g[row][col] = (row+col)%2 == 0
		}
	}
	for y := range scale {
		for x := range scale {
			within := x >= 4 && x < 124 && y >= 4 && y < 124
			want := within && ((x-4)/24+(y-4)/24)%2 == 0
			if got := g.pattern(scale)(2*x+1-scale, 2*y+1-scale, scale); got != want {
				t.Fatalf("pixel %d,%d is %v, want %v", x, y, got, want)
			}
		}
	}
}

// TestRoundMeasures: points on the way up and to the left, counted against the clock.
func TestRoundMeasures(t *testing.T) {
	all := ringsFrom([]bool{
		true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true,
	})
	for radius, want := range map[int]bool{3: true, 13: true, 16: false, 20: true, 34: true, 38: false, 42: true, 58: true, 62: false} {
		if got := all.covers(1, -2*radius, scale); got != want {
			t.Errorf("%d pixels up: %v, want %v", radius, got, want)
		}
	}
	for n, want := range map[[2]int]int{
		{-1, -50}: 0, {1, -50}: 9, {1, 50}: 5, {-1, 50}: 4, {-50, -1}: 2, {50, -1}: 7,
	} {
		if got := segment(n[0], n[1], 10); got != want {
			t.Errorf("segment at %v is %d, want %d", n, got, want)
		}
	}
}

// TestFillMovesTheLimit: patterns are neither empty nor full where that can be had.
func TestFillMovesTheLimit(t *testing.T) {
	count := func(filled []bool) (n int) {
		for _, f := range filled {
			if f {
				n++
			}
		}
		return n
	}
	for what, tc := range map[string]struct {
		values []byte
		want   int
	}{
		"at once":      {[]byte{200, 127, 126, 0}, 2},
		"after higher": {[]byte{200, 150, 136, 135, 0}, 2},
		"after lower":  {[]byte{120, 110, 10, 10}, 2},
		"never":        {[]byte{0, 0, 0, 0}, 0},
	} {
		if got := count(fill(tc.values, 2, 2, 5)); got != tc.want {
			t.Errorf("%s: %d are filled, want %d", what, got, tc.want)
		}
	}
}

func BenchmarkRound(b *testing.B) {
	for b.Loop() {
		Round("Ada Lovelace", 128)
	}
}
