package client

// queue is where the inputs of a machine wait for each other.
type queue[In any] struct {
	inputs   []In
	draining bool
}

// post queues an input and steps until the queue is empty, unless that is
// being done already further up the call stack. So a listener that calls the
// loop never runs inside Step, and finds a settled state. A panic of the host
// or of a callback, which step returns, takes nothing with it; it goes on up
// once the queue is empty.
func (q *queue[In]) post(in In, step func(In) (panicked any)) {
	q.inputs = append(q.inputs, in)
	if q.draining {
		return
	}
	q.draining = true
	var panicked any
	for len(q.inputs) > 0 {
		next := q.inputs[0]
		var nothing In
		q.inputs[0] = nothing // what a login held must not stay in the array behind it
		q.inputs = q.inputs[1:]
		panicked = earlier(panicked, step(next))
	}
	q.inputs = nil
	q.draining = false
	if panicked != nil {
		panic(panicked)
	}
}

// each carries out all effects, also those behind one that panics.
func each[Effect any](effects []Effect, carryOut func(Effect) (panicked any)) (panicked any) {
	for _, e := range effects {
		panicked = earlier(panicked, carryOut(e))
	}
	return panicked
}

// earlier returns the first panic of two.
func earlier(before, now any) any {
	if before != nil {
		return before
	}
	return now
}
