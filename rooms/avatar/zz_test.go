package avatar
import ("testing";"os";"image";"image/color";"math";"time";"runtime";"fmt";"os/exec")
func TestZZ(t *testing.T){
 X:="/root/go/pkg/mod/golang.org/x/image@v0.47.0/testdata/"
 if d:=os.Getenv("ZX"); d!="" { X=d+"/" }
 var outs []image.Image
 for _,n := range []string{"blue-purple-pink-large.png","tux.png","gopher-doc.2bpp.lossless.webp","video-001.progressive.jpeg","yellow_rose.lossy-with-alpha.webp","go-turns-two-280x360.jpeg"} {
  raw,err:=os.ReadFile(X+n); if err!=nil{ fmt.Println(err); continue}
  u,err:=Own(bare(raw),128); if err!=nil{fmt.Println(n,err);continue}
  o:=decodeOwn(t,u); outs=append(outs,o); fmt.Printf("%s %d %T %v\n",n,len(u),o,o.Bounds().Dx())
 }
 // colourful synthetic: noisy photo that exceeds truecolor at 256
 ph:=image.NewNRGBA(image.Rect(0,0,1000,1000))
 for y:=range 1000 { for x:=range 1000 { f:=func(a,b float64)uint8{return uint8(128+90*math.Sin(float64(x)/a)*math.Cos(float64(y)/b)+ 30*math.Sin(float64(x*y)/97))}
  a:=uint8(255); if (x-500)*(x-500)+(y-500)*(y-500)>490*490 {a=0}
  ph.SetNRGBA(x,y,color.NRGBA{f(90,70),f(50,130),f(200,33),a})}}
 for _,s:=range []int{128,256,512} { u,err:=Own(bare(toPNG(t,ph)),s); if err!=nil{t.Fatal(err)}; o:=decodeOwn(t,u); outs=append(outs,o); fmt.Printf("synth %d %d %T %v\n",s,len(u),o,o.Bounds().Dx()) }
 outs=append(outs, quantize(resize(ph,ph.Rect,128),64), quantize(resize(ph,ph.Rect,128),256))
 W:=0; for _,o:=range outs{W+=o.Bounds().Dx()+4}
 sheet:=image.NewNRGBA(image.Rect(0,0,W,512))
 for i:=range sheet.Pix{ sheet.Pix[i]=[]byte{255,0,255,255}[i%4]}
 x0:=0
 for _,o:=range outs{ b:=o.Bounds(); for y:=range b.Dy(){for x:=range b.Dx(){ if _,_,_,a:=o.At(x,y).RGBA();a>0x7fff{sheet.Set(x0+x,y,o.At(x,y))}}}; x0+=b.Dx()+4}
 os.WriteFile("/tmp/av/sheet.png",toPNG(t,sheet),0o644)
}
func TestZT(t *testing.T){
 deep:=image.NewNRGBA64(image.Rect(0,0,6000,4000))
 os.WriteFile("/tmp/av/big.ppm",append([]byte("P6 4800 4100 255\n"),make([]byte,4800*4100*3)...),0o644)
 sh:=func(c string){ if o,e:=exec.Command("sh","-c","cd /tmp/av;"+c).CombinedOutput();e!=nil{fmt.Println(string(o))}}
 sh("[ -f big.webp ] || cwebp -quiet -lossless -z 2 big.ppm -o big.webp; [ -f bigy.webp ]||cwebp -quiet big.ppm -o bigy.webp; cjpeg -progressive -sample 1x1 big.ppm > bigp.jpg; head -c 37000017 big.ppm | sed '1s/4800 4100/4000 3000/' | cjpeg -progressive -sample 1x1 > p12.jpg")
 rd:=func(n string)[]byte{b,_:=os.ReadFile("/tmp/av/"+n);return b}
 for n,raw:=range map[string][]byte{"png16":toPNG(t,deep),"webpll":rd("big.webp"),"webp":rd("bigy.webp"),"jpgp":rd("bigp.jpg"),"p12":rd("p12.jpg")} {
  d:=bare(raw); var a,b runtime.MemStats; runtime.GC(); runtime.ReadMemStats(&a); s:=time.Now(); _,err:=Own(d,512); e:=time.Since(s); runtime.ReadMemStats(&b)
  fmt.Println(n,len(d),e,(b.TotalAlloc-a.TotalAlloc)>>20,"MiB",err)
 }
}
