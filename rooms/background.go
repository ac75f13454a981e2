package rooms

import "context"

// background runs a read that takes its time. It waits for one of few places, so
// that paging through logs cannot occupy the database; false if too many wait.
func (h *Hub) background(read func(context.Context)) bool {
	select {
	case h.waiting <- struct{}{}:
	default:
		return false
	}
	h.wg.Add(1)
	go func() {
		defer h.wg.Done()
		defer func() { <-h.waiting }()
		defer func() {
			if v := recover(); v != nil {
				h.defect(h.log, "a read was given up because of a defect in the program", v)
			}
		}()
		select {
		case h.reading <- struct{}{}:
			defer func() { <-h.reading }()
		case <-h.done:
			return
		}
		ctx, cancel := h.storeContext()
		defer cancel()
		read(ctx)
	}()
	return true
}
