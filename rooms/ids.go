package rooms

import (
	"crypto/rand"
	"encoding/hex"
)

// newID makes a random id of the form "<prefix>-<uuid v4>". Clients treat ids as
// opaque; tokens are as hard to guess as 122 random bits.
func newID(prefix string) string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var u [36]byte
	hex.Encode(u[0:8], b[0:4])
	hex.Encode(u[9:13], b[4:6])
	hex.Encode(u[14:18], b[6:8])
	hex.Encode(u[19:23], b[8:10])
	hex.Encode(u[24:36], b[10:16])
	u[8], u[13], u[18], u[23] = '-', '-', '-', '-'
	return prefix + "-" + string(u[:])
}
