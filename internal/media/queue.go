package media

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/place"
)

const (
	// maxWaiting bounds the images that wait for their smaller sizes, and
	// ownerWaiting those of one user. Those that find no room get them when
	// somebody asks for one.
	maxWaiting   = 1000
	ownerWaiting = 100
	// ownTime is how long the sizes of one user's images may take in ownEvery.
	// Those of users who have had more wait behind all others.
	ownTime  = 10 * time.Second
	ownEvery = time.Minute
)

// sizes is the queue of the one goroutine that makes smaller sizes.
type sizes struct {
	mu     sync.Mutex // guards what follows
	queue  []*job     // in the order in which they came
	jobs   map[fileID]*job
	owners map[place.User]*owner // who have jobs, or had one a moment ago
	wake   chan struct{}         // holds a token while queue may hold a job
}

type fileID struct {
	app  uint32
	name string
}

// job is an image whose smaller sizes are to be made.
type job struct {
	fileID
	owner  place.User
	urgent bool // a request waits for it
	began  time.Time
	done   chan struct{} // closed once err is set
	err    error
}

// owner is a user whose images have smaller sizes.
type owner struct {
	jobs int           // in sizes.jobs
	took time.Duration // what their sizes took, as of at
	at   time.Time
}

// used returns how long an owner's sizes took of late: ownTime is forgotten in
// ownEvery.
func (o *owner) used(now time.Time) time.Duration {
	return max(0, o.took-now.Sub(o.at)/(ownEvery/ownTime))
}

func (s *sizes) init() {
	s.jobs = map[fileID]*job{}
	s.owners = map[place.User]*owner{}
	s.wake = make(chan struct{}, 1)
}

func (s *sizes) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.jobs)
}

// want returns the job of an image, a new one if there is none, or nil if too
// many wait.
func (s *sizes) want(id fileID, ownerID string, urgent bool) *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.jobs[id]; j != nil {
		j.urgent = j.urgent || urgent
		return j
	}
	u := place.User{SDKAppID: id.app, UserID: ownerID}
	o := s.owners[u]
	if len(s.jobs) >= maxWaiting || o != nil && o.jobs >= ownerWaiting {
		return nil
	}
	if o == nil {
		o = &owner{}
		s.owners[u] = o
	}
	o.jobs++
	j := &job{fileID: id, owner: u, urgent: urgent, done: make(chan struct{})}
	s.jobs[id] = j
	s.queue = append(s.queue, j)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return j
}

// next takes the next job out of the queue; it stays in jobs until finish. Jobs
// that a request waits for go before those of images that were only uploaded, and
// of these the one whose owner has used least, so that nobody has the goroutine to
// themselves. Behind all of them come the owners who have used too much.
func (s *sizes) next(now time.Time) *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return nil
	}
	j := slices.MinFunc(s.queue, func(a, b *job) int {
		x, y := s.owners[a.owner].used(now), s.owners[b.owner].used(now)
		return cmp.Or(
			later(x > ownTime, y > ownTime),
			later(!a.urgent, !b.urgent),
			cmp.Compare(x, y),
		)
	})
	i := slices.Index(s.queue, j)
	s.queue = slices.Delete(s.queue, i, i+1)
	j.began = now
	return j
}

// later compares two of which the one that is true comes later.
func later(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// finish ends a job, whose time its owner has used.
func (s *sizes) finish(j *job, now time.Time, err error) {
	s.mu.Lock()
	delete(s.jobs, j.fileID)
	o := s.owners[j.owner]
	o.jobs--
	o.took, o.at = o.used(now)+now.Sub(j.began), now
	for u, o := range s.owners { // few: sizes are made one at a time
		if o.jobs == 0 && o.used(now) == 0 {
			delete(s.owners, u)
		}
	}
	s.mu.Unlock()
	j.err = err
	close(j.done)
}
