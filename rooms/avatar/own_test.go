package avatar

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// withChecksum mends the checksum of a PNG's header.
func withChecksum(raw []byte) []byte {
	binary.BigEndian.PutUint32(raw[29:], crc32.ChecksumIEEE(raw[12:29]))
	return raw
}

// near says whether two colors are alike, seen on black.
func near(a, b color.Color, tolerance int) bool {
	ar, ag, ab, aa := a.RGBA()
	br, bg, bb, ba := b.RGBA()
	for _, d := range []int{int(ar) - int(br), int(ag) - int(bg), int(ab) - int(bb), int(aa) - int(ba)} {
		if max(d, -d) > tolerance<<8 {
			return false
		}
	}
	return true
}

// wantCorners checks the middles of the quarters.
func wantCorners(t *testing.T, img image.Image, want [4]color.NRGBA) {
	t.Helper()
	side := img.Bounds().Dx()
	for i, c := range want {
		got := img.At(side/4+i%2*side/2, side/4+i/2*side/2)
		if !near(got, c, 24) {
			t.Errorf("the color of quarter %d is %v, want %v", i, got, c)
		}
	}
}

func TestOwnReadsAllFormats(t *testing.T) {
	clear := corners
	clear[3] = color.NRGBA{}
	for name, tc := range map[string]struct {
		raw  []byte
		want [4]color.NRGBA
	}{
		"PNG":              {toPNG(t, quarters(60, 40)), corners},
		"tall PNG":         {toPNG(t, quarters(40, 90)), corners},
		"large PNG":        {toPNG(t, quarters(703, 501)), corners},
		"JPEG":             {toJPEG(t, quarters(60, 40)), corners},
		"progressive JPEG": {fromBase64(t, progressiveJPEG), corners},
		"GIF":              {toGIF(t, flat(60, 40)), corners},
		"BMP":              {toBMP(t, quarters(60, 40)), corners},
		"lossless WebP":    {fromBase64(t, losslessWebP), corners},
		"lossy WebP":       {fromBase64(t, lossyWebP), corners},
		"WebP with alpha":  {fromBase64(t, alphaWebP), clear},
	} {
		t.Run(name, func(t *testing.T) {
			img := own(t, tc.raw, 64)
			if got := img.Bounds().Dx(); got != 64 {
				t.Errorf("the side is %d, want 64", got)
			}
			wantCorners(t, img, tc.want)
		})
	}
}

// TestOwnReadsAllWrappings: the same bytes in every way that they may be sent give
// the same picture, whatever the URL claims.
func TestOwnReadsAllWrappings(t *testing.T) {
	raw := toPNG(t, noise(20, 20, false)) // all letters of base64 occur
	text := bare(raw)
	if !strings.ContainsAny(text, "+") || !strings.ContainsAny(text, "/") {
		t.Fatal("the sample has none of the letters that differ")
	}
	want, err := Own(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"data URL":           "data:image/png;base64," + text,
		"parameters":         "data:image/png;charset=utf-8;base64," + text,
		"no type":            "data:;base64," + text,
		"capitals":           "DATA:IMAGE/PNG;BASE64," + text,
		"lie about the type": "data:image/jpeg;base64," + text,
		"lie about the kind": "data:text/html;base64," + text,
		"no padding":         strings.TrimRight(text, "="),
		"URL alphabet":       base64.RawURLEncoding.EncodeToString(raw),
		"white space":        " \r\n" + text[:10] + "\n " + text[10:20] + "\t" + text[20:] + "\n",
		"space after comma":  "data:image/png;base64, " + text,
	} {
		if got, err := Own(data, 64); err != nil || got != want {
			t.Errorf("%s: the picture differs (error %v)", name, err)
		}
	}
}

func TestOwnRefuses(t *testing.T) {
	picture := toPNG(t, quarters(30, 30))
	animated := fromBase64(t, alphaWebP)
	animated[20] |= 2
	copy(animated[30:], "ANIM")
	for name, tc := range map[string]struct {
		data string
		want error
	}{
		"nothing":              {"", ErrNotAPicture},
		"white space":          {" \n", ErrNotAPicture},
		"text":                 {"hello, world", ErrNotAPicture},
		"an address":           {"https://example.com/a.png", ErrNotAPicture},
		"script":               {"javascript:alert(1)", ErrNotAPicture},
		"data URL of nothing":  {"data:image/png;base64,", ErrNotAPicture},
		"data URL, no comma":   {"data:image/png;base64" + bare(picture), ErrNotAPicture},
		"data URL, no base64":  {"data:image/png," + bare(picture), ErrNotAPicture},
		"only the scheme":      {"data:", ErrNotAPicture},
		"padding inside":       {bare(picture)[:20] + "==" + bare(picture)[20:], ErrNotAPicture},
		"not UTF-8":            {"\xff\xfe" + bare(picture), ErrNotAPicture},
		"lie about garbage":    {"data:image/png;base64," + bare([]byte("<html>")), ErrNotAPicture},
		"SVG":                  {"data:image/svg+xml;base64," + bare([]byte("<svg/>")), ErrNotAPicture},
		"TIFF":                 {bare([]byte("II*\x00\x08\x00\x00\x00")), ErrNotAPicture},
		"PNG magic only":       {bare(picture[:8]), ErrUnreadable},
		"JPEG magic only":      {bare([]byte("\xff\xd8\xff")), ErrUnreadable},
		"GIF magic only":       {bare([]byte("GIF89a")), ErrUnreadable},
		"BMP magic only":       {bare([]byte("BM")), ErrUnreadable},
		"WebP magic only":      {bare([]byte("RIFF\x04\x00\x00\x00WEBP")), ErrUnreadable},
		"animated WebP":        {bare(animated), ErrUnreadable},
		"GIF without frames":   {bare([]byte("GIF89a\x10\x00\x10\x00\x00\x00\x00;")), ErrUnreadable},
		"PNG of no size":       {bare(hugePNG(t, 0, 10)), ErrUnreadable},
		"GIF of no size":       {bare([]byte("GIF89a\x00\x00\x10\x00\x00\x00\x00;")), ErrUnreadable},
		"too much text":        {strings.Repeat("A", maxText+1), ErrTooLarge},
		"too much white space": {strings.Repeat(" ", maxText+1), ErrTooLarge},
		"too wide":             {bare(hugePNG(t, maxEdge+1, 1)), ErrTooLarge},
		"too high":             {bare(hugePNG(t, 1, maxEdge+1)), ErrTooLarge},
		"too many pixels":      {bare(hugePNG(t, 6000, 4001)), ErrTooLarge},
		"60000 × 60000":        {bare(hugePNG(t, 60000, 60000)), ErrTooLarge},
		"2³¹-1 × 2³¹-1":        {bare(hugePNG(t, 1<<31-1, 1<<31-1)), ErrUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			url, err := Own(tc.data, 128)
			if !errors.Is(err, tc.want) || url != "" {
				t.Fatalf("the result is %.40q, %v; want %v", url, err, tc.want)
			}
			if len(err.Error()) > 250 {
				t.Errorf("the text has %d bytes: does it hold the data?", len(err.Error()))
			}
		})
	}
}

// TestOwnRefusesDamage: a picture that is cut off is refused wherever it is cut.
func TestOwnRefusesDamage(t *testing.T) {
	for name, raw := range map[string][]byte{
		"PNG":  toPNG(t, quarters(30, 30)),
		"JPEG": toJPEG(t, quarters(30, 30)),
		"GIF":  toGIF(t, quarters(30, 30)),
		"BMP":  toBMP(t, quarters(30, 30)),
		"WebP": fromBase64(t, lossyWebP),
	} {
		for cut := 1; cut < len(raw); cut += 1 + len(raw)/50 {
			_, err := Own(bare(raw[:cut]), 32)
			switch last := len(raw) - cut; {
			case err == nil && last > 12: // the marks of the end need not be there
				t.Errorf("%s: %d of %d bytes are taken for a picture", name, cut, len(raw))
			case err != nil && !errors.Is(err, ErrUnreadable) && !errors.Is(err, ErrNotAPicture):
				t.Errorf("%s: %d bytes: %v", name, cut, err)
			}
		}
	}
}

func TestOwnSizes(t *testing.T) {
	check := func(size image.Point, side, want int) {
		t.Helper()
		img := image.NewNRGBA(image.Rect(0, 0, size.X, size.Y))
		for i := range img.Pix {
			img.Pix[i] = []byte{90, 120, 200, 255}[i%4]
		}
		got := own(t, toPNG(t, img), side)
		if dx := got.Bounds().Dx(); dx != want {
			t.Errorf("%v for a side of %d has %d pixels, want %d", size, side, dx, want)
		}
		if c := got.At(want/2, want/2); !near(c, color.NRGBA{90, 120, 200, 255}, 1) {
			t.Errorf("%v has become %v", size, c)
		}
	}
	for _, size := range []image.Point{{1, 1}, {1, 5000}, {5000, 1}, {2, 3}, {127, 129}, {255, 256}, {256, 511}, {8192, 2}} {
		check(size, 128, 128)
	}
	for side, want := range map[int]int{MinSide: MinSide, 1: MinSide, -5: MinSide, MaxSide: MaxSide, 1 << 40: MaxSide} {
		check(image.Pt(50, 40), side, want)
	}
}

// TestOwnCropsTheMiddle: what lies outside of the centered square is not seen.
func TestOwnCropsTheMiddle(t *testing.T) {
	inner, outer := color.NRGBA{10, 200, 90, 255}, color.NRGBA{250, 0, 0, 255}
	for _, size := range []image.Point{{300, 100}, {100, 300}, {1200, 400}, {401, 1205}} {
		img := image.NewNRGBA(image.Rect(0, 0, size.X, size.Y))
		edge := min(size.X, size.Y)
		left, top := (size.X-edge)/2, (size.Y-edge)/2
		for y := range size.Y {
			for x := range size.X {
				c := outer
				if (image.Point{X: x, Y: y}).In(image.Rect(left, top, left+edge, top+edge)) {
					c = inner
				}
				img.SetNRGBA(x, y, c)
			}
		}
		got := own(t, toPNG(t, img), 64)
		for _, at := range []image.Point{{0, 0}, {63, 0}, {0, 63}, {63, 63}, {32, 32}} {
			if c := got.At(at.X, at.Y); !near(c, inner, 2) {
				t.Errorf("%v: the color at %v is %v, want %v", size, at, c, inner)
			}
		}
	}
}

func TestOwnTurnsPhotosUpright(t *testing.T) {
	const ul, ur, ll, lr = 0, 1, 2, 3
	// The quarters of the picture as stored, in the order in which they are seen.
	seen := map[orientation][4]int{
		1: {ul, ur, ll, lr}, 2: {ur, ul, lr, ll}, 3: {lr, ll, ur, ul}, 4: {ll, lr, ul, ur},
		5: {ul, ll, ur, lr}, 6: {ll, ul, lr, ur}, 7: {lr, ur, ll, ul}, 8: {ur, lr, ul, ll},
		0: {ul, ur, ll, lr}, 9: {ul, ur, ll, lr}, 65535: {ul, ur, ll, lr},
	}
	for turn, order := range seen {
		var want [4]color.NRGBA
		for i, quarter := range order {
			want[i] = corners[quarter]
		}
		for _, bytes := range []byteOrder{binary.LittleEndian, binary.BigEndian} {
			t.Run(fmt.Sprint(turn, " ", bytes), func(t *testing.T) {
				photo := withEXIF(toJPEG(t, quarters(90, 60)), exif(bytes, turn))
				wantCorners(t, own(t, photo, 32), want)
			})
		}
	}
}

// TestOwnBearsDamagedEXIF: the picture counts, upright, whatever the segment holds.
func TestOwnBearsDamagedEXIF(t *testing.T) {
	photo := toJPEG(t, quarters(90, 60))
	whole := exif(binary.BigEndian, 6)
	far := slices.Clone(whole)
	binary.BigEndian.PutUint32(far[4:], 1<<32-1)
	many := slices.Clone(whole[:30]) // the directory ends within its entries
	binary.BigEndian.PutUint16(many[8:], 65535)
	long := slices.Clone(whole)
	binary.BigEndian.PutUint16(long[24:], 4) // not the tag's type
	for name, tiff := range map[string][]byte{
		"far": far, "many entries": many, "wrong type": long, "empty": {}, "no order": []byte("XX*\x00\x00\x00\x00\x08"),
	} {
		t.Run(name, func(t *testing.T) { wantCorners(t, own(t, withEXIF(photo, tiff), 32), corners) })
	}
	for cut := range whole[:31] {
		if turn := orientationIn(append([]byte("Exif\x00\x00"), whole[:cut]...)); turn != upright {
			t.Errorf("%d bytes of EXIF mean %d", cut, turn)
		}
	}
	for cut := range photo {
		if cut > 2 {
			headOf(photo[:cut]) // must not panic
		}
	}
}

// TestOwnReadsGray: a JPEG of one channel.
func TestOwnReadsGray(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 40, 30))
	for i := range img.Pix {
		img.Pix[i] = 77
	}
	if c := own(t, toJPEG(t, img), 16).At(8, 8); !near(c, color.Gray{Y: 77}, 2) {
		t.Errorf("the color is %v, want gray", c)
	}
}

func TestOwnKeepsAlpha(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 400, 400))
	for y := range 400 {
		for x := range 400 {
			img.SetNRGBA(x, y, color.NRGBA{200, 100, 50, uint8(x * 255 / 399)})
		}
	}
	got := own(t, toPNG(t, img), 64)
	for _, x := range []int{0, 20, 40, 63} {
		want := color.NRGBA{200, 100, 50, uint8((x*400/64 + 3) * 255 / 399)}
		if c := got.At(x, 30); !near(c, want, 4) {
			t.Errorf("column %d is %v, want %v", x, c, want)
		}
	}
	// The color of what is transparent must not bleed into the rest.
	for y := range 400 {
		for x := range 200 {
			img.SetNRGBA(x, y, color.NRGBA{255, 255, 255, 0})
			img.SetNRGBA(x+200, y, color.NRGBA{0, 0, 0, 255})
		}
	}
	edge := own(t, toPNG(t, img), 63)
	for x := range 63 {
		if c := color.NRGBAModel.Convert(edge.At(x, 30)).(color.NRGBA); c.A > 0 && c.R > 2 {
			t.Errorf("column %d is %v, want black", x, c)
		}
	}
}

// TestOwnGIF: the first frame counts, at its place on the screen.
func TestOwnGIF(t *testing.T) {
	red := image.NewPaletted(image.Rect(50, 50, 100, 100), color.Palette{corners[0], corners[1]})
	rest := image.NewPaletted(image.Rect(0, 0, 100, 100), color.Palette{corners[2]})
	movie := &gif.GIF{Config: image.Config{ColorModel: color.Palette(palette.WebSafe), Width: 100, Height: 100}}
	for n := range 400 {
		frame := rest
		if n == 0 {
			frame = red
		}
		movie.Image, movie.Delay = append(movie.Image, frame), append(movie.Delay, 1)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, movie); err != nil {
		t.Fatal(err)
	}
	for _, side := range []int{16, 128} {
		wantCorners(t, own(t, b.Bytes(), side), [4]color.NRGBA{3: corners[0]})
	}
}

func TestOwnFitsTheColumn(t *testing.T) {
	t.Parallel()
	pixels := toPNG(t, noise(420, 420, false))
	for name, tc := range map[string]struct {
		raw   []byte
		side  int
		least int // of the result's side
	}{
		"large noise":          {toPNG(t, largeNoise(4000, 3000, 23)), 128, 128},
		"noise with alpha":     {toPNG(t, noise(128, 128, true)), 128, 128},
		"noise for 420 pixels": {pixels, 420, 170},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := own(t, tc.raw, tc.side).Bounds().Dx(); got < tc.least {
				t.Errorf("the side is %d, want at least %d", got, tc.least)
			}
		})
	}
}

func TestOwnIsDeterministic(t *testing.T) {
	t.Parallel()
	for n, img := range []image.Image{quarters(300, 200), noise(128, 128, true), largeNoise(256, 256, 2)} {
		data := bare(toPNG(t, img))
		first, err := Own(data, 128)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := Own(data, 128); again != first {
			t.Errorf("two results of picture %d differ", n)
		}
		// A result is a picture again; sent back, it changes no more.
		back, err := Own(first, 128)
		if err != nil {
			t.Fatal(err)
		}
		if back != first {
			t.Errorf("the result of picture %d changes when it is sent back", n)
		}
	}
}

// TestOwnKeepsMemory: the worst that fits the bounds, and what does not.
func TestOwnKeepsMemory(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 4000, 3000))
	many := append(fromBase64(t, progressiveJPEG)[:20], bytes.Repeat([]byte{0xff, markScan}, 1<<20)...)
	for name, tc := range map[string]struct {
		raw  []byte
		most uint64 // MiB
		err  error
	}{
		"12 megapixels of PNG":  {toPNG(t, gray), 32, nil},
		"refused by its size":   {hugePNG(t, 60000, 60000), 4, ErrTooLarge},
		"deep and interlaced":   {deepPNG(t, 6000, 4000), 4, ErrTooLarge},
		"progressive photo":     {progressive(t, 4000, 3000, nil), 256, ErrUnreadable}, // it lacks coefficients
		"progressive JPEG":      {progressive(t, 6000, 4000, nil), 4, ErrTooLarge},
		"hidden progressive":    {progressive(t, 6000, 4000, []byte{0, 1, 0xff, 0, 0xff, 0xd0, 2, 0xff, 0xff}), 4, ErrTooLarge},
		"many scans":            {append(progressive(t, 3000, 2000, nil), bytes.Repeat([]byte{0xff, markScan}, 1000)...), 4, ErrTooLarge},
		"two megabytes damaged": {many, 16, ErrUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			data := bare(tc.raw)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Own(data, 128)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, tc.err) {
				t.Errorf("the error is %v, want %v", err, tc.err)
			}
			if got := (after.TotalAlloc - before.TotalAlloc) >> 20; got > tc.most {
				t.Errorf("%d MiB were allocated, want at most %d", got, tc.most)
			}
		})
	}
}

// deepPNG claims 16 bits a channel and interlacing.
func deepPNG(t testing.TB, w, h uint32) []byte {
	raw := hugePNG(t, w, h)
	raw[24], raw[25], raw[28] = 16, 6, 1
	return withChecksum(raw)
}

// progressive is the sample with another size and something before its frame.
func progressive(t testing.TB, w, h uint16, before []byte) []byte {
	raw := fromBase64(t, progressiveJPEG)
	frame := bytes.Index(raw, []byte{0xff, markProgressive})
	binary.BigEndian.PutUint16(raw[frame+5:], h)
	binary.BigEndian.PutUint16(raw[frame+7:], w)
	return slices.Concat(raw[:frame], before, raw[frame:])
}

// TestOwnOutlivesDecoders: a panic in a decoder is an error.
func TestOwnOutlivesDecoders(t *testing.T) {
	f := formats[0]
	f.decode = nil
	if _, err := f.read(nil); !errors.Is(err, ErrUnreadable) || !errors.Is(err, errDecoder) {
		t.Errorf("the error is %v", err)
	}
}

func TestValid(t *testing.T) {
	picture := toPNG(t, quarters(128, 128))
	text := bare(picture)
	for name, tc := range map[string]struct {
		url  string
		want bool
	}{
		"PNG":            {urlPrefix + text, true},
		"generated":      {DataURL(Round("Ada", 128)), true},
		"of 1024 pixels": {DataURL(Round("Ada", 1024)), true},
		"nothing":        {"", false},
		"no data":        {urlPrefix, false},
		"bare":           {text, false},
		"another type":   {"data:image/svg+xml;base64," + text, false},
		"not PNG":        {DataURL(toJPEG(t, quarters(10, 10))), false},
		"not base64":     {urlPrefix + "\"><script>", false},
		"markup after":   {urlPrefix + text + "\"><script>", false},
		"cut off":        {(urlPrefix + text)[:len(text)/2], false},
		"cut off late":   {DataURL(picture[:len(picture)-12]), false},
		"too large":      {DataURL(toPNG(t, noise(200, 200, false))), false},
		"too many":       {DataURL(hugePNG(t, 1025, 10)), false},
		"of no size":     {DataURL(hugePNG(t, 0, 0)), false},
	} {
		if got := Valid(tc.url); got != tc.want {
			t.Errorf("%s: valid is %v, want %v", name, got, tc.want)
		}
	}
}

func FuzzOwn(f *testing.F) {
	img := quarters(9, 7)
	f.Add(toPNG(f, img), 16)
	f.Add(toJPEG(f, img), 16)
	f.Add(withEXIF(toJPEG(f, img), exif(binary.BigEndian, 6)), 16)
	f.Add(toGIF(f, img), 16)
	f.Add(toBMP(f, img), 16)
	f.Add(toPNG(f, noise(50, 50, true)), 128)
	for _, text := range []string{losslessWebP, lossyWebP, alphaWebP, progressiveJPEG} {
		f.Add(fromBase64(f, text), 16)
	}
	f.Fuzz(func(t *testing.T, raw []byte, side int) {
		for _, data := range []string{string(raw), bare(raw)} {
			url, err := Own(data, side)
			if errors.Is(err, errDecoder) {
				t.Errorf("a decoder's panic: %v", err)
			}
			if err == nil {
				decodeOwn(t, url)
				continue
			}
			if url != "" || !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrNotAPicture) && !errors.Is(err, ErrUnreadable) {
				t.Errorf("the result is %.40q, %v", url, err)
			}
		}
	})
}

// BenchmarkOwn: a photo of 12 megapixels, and others that take long.
func BenchmarkOwn(b *testing.B) {
	smooth := image.NewNRGBA(image.Rect(0, 0, 4000, 3000))
	for y := range 3000 {
		for x := range 4000 {
			smooth.SetNRGBA(x, y, color.NRGBA{uint8(x / 16), uint8(y / 12), uint8((x*y)>>12 + x&7), 255})
		}
	}
	photo := toJPEG(b, smooth)
	pixels := toPNG(b, noise(512, 512, true))
	for _, bm := range []struct {
		name string
		raw  []byte
		side int
	}{
		{"JPEG of 12 megapixels", photo, 128},
		{"GIF of 24 megapixels", toGIF(b, image.NewPaletted(image.Rect(0, 0, 6000, 4000), palette.WebSafe)), 128},
		{"noise to 128 pixels", pixels, 128},
		{"noise to 512 pixels", pixels, 512},
	} {
		data := bare(bm.raw)
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Own(data, bm.side); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
