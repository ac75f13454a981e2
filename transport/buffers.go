package transport

import "sync"

// keepBuffer is the largest buffer that is kept for the next user.
const keepBuffer = 128 << 10

// buffers lends byte buffers, so that a connection holds none while it is idle.
type buffers struct{ pool sync.Pool }

// take lends an empty buffer.
func (b *buffers) take() *[]byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return p
	}
	p := make([]byte, 0, 4<<10)
	return &p
}

// put takes a buffer back.
func (b *buffers) put(p *[]byte) {
	if cap(*p) <= keepBuffer {
		*p = (*p)[:0]
		b.pool.Put(p)
	}
}
