package sim

import "container/heap"

// clock is virtual time, in ms. Events that are due at the same time run in the
// order in which they were scheduled.
type clock struct {
	now    int64
	seq    int64
	ran    int64 // how many events have run
	events events
}

type event struct {
	at, seq int64
	run     func() // nil: it was stopped
}

// after runs f in some ms, unless the event is stopped before.
func (c *clock) after(ms int64, f func()) *event {
	c.seq++
	e := &event{at: c.now + max(ms, 0), seq: c.seq, run: f}
	heap.Push(&c.events, e)
	return e
}

func (e *event) stop() {
	if e != nil {
		e.run = nil
	}
}

// until lets time pass until end.
func (c *clock) until(end int64) {
	for len(c.events) > 0 && c.events[0].at <= end {
		e := heap.Pop(&c.events).(*event)
		c.now = e.at
		if run := e.run; run != nil {
			e.run = nil
			c.ran++
			run()
		}
	}
	c.now = end
}

type events []*event

func (h events) Len() int { return len(h) }
func (h events) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h events) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *events) Push(x any)   { *h = append(*h, x.(*event)) }
func (h *events) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}
