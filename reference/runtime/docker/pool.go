package docker

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// pool keeps containers ready of images that are asked for often: started, with execd waiting for its order on standard
// input. When the server dies that input ends, and they with it.
type pool struct {
	mu     sync.Mutex
	images map[string]*shelf
	own    map[string]bool // ids of those that are ready, being made, or becoming a sandbox
	closed bool
}

// shelf holds those of one image.
type shelf struct {
	want   int
	limits runtime.Limits // what was last asked for: the next will want the same
	ready  []*spare       // the oldest first
	taken  chan struct{}  // holds one where there may be too few
}

// spare is a container that waits.
type spare struct {
	id        string // in the place of a sandbox's
	container string
	image     string // its digest: the name may mean another by now
	limits    runtime.Limits
	address   string
	input     types.HijackedResponse
}

const sparePrefix = "prepared-"

func newPool(want map[string]int) *pool {
	p := &pool{images: map[string]*shelf{}, own: map[string]bool{}}
	for image, n := range want {
		p.images[image] = &shelf{want: n, taken: make(chan struct{}, 1)}
	}
	return p
}

// pop gives a container of the image; nil where none is ready.
func (p *pool) pop(image string) *spare {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.images[image]
	if s == nil || len(s.ready) == 0 {
		return nil
	}
	first := s.ready[0]
	s.ready = s.ready[1:]
	return first
}

func (s *shelf) refill() {
	select {
	case s.taken <- struct{}{}:
	default:
	}
}

// push adds a container, unless the pool was closed meanwhile.
func (p *pool) push(image string, made *spare) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	s := p.images[image]
	s.ready = append(s.ready, made)
	return true
}

// lacks tells whether there are too few of an image, and what limits the next is to have.
func (p *pool) lacks(image string) (limits runtime.Limits, lacks bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.images[image]
	return s.limits, !p.closed && len(s.ready) < s.want
}

// note keeps the limits of a sandbox that was made, or not, and has another container made where it took one.
func (p *pool) note(spec runtime.Spec, made bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.images[spec.Image]
	if s == nil {
		return
	}
	if made && spec.Limits.GPUs == 0 {
		s.limits = spec.Limits
	}
	if len(s.ready) < s.want {
		s.refill()
	}
}

// drop takes away those that gone says are of no use any more.
func (p *pool) drop(gone func(*spare) bool) (dropped []*spare) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.images {
		var left []*spare
		for _, one := range s.ready {
			if gone(one) {
				dropped = append(dropped, one)
			} else {
				left = append(left, one)
			}
		}
		if len(left) < len(s.ready) {
			s.refill()
		}
		s.ready = left
	}
	return dropped
}

// isSpare tells whether an id is of a container that this server keeps ready, or is at.
func (d *Docker) isSpare(id string) bool {
	d.pool.mu.Lock()
	defer d.pool.mu.Unlock()
	return d.pool.own[id]
}

// claimSpare says that a container is no stray; releaseSpare ends that, once it is gone or has a sandbox's name.
func (d *Docker) claimSpare(id string) {
	d.claim(id)
	d.pool.mu.Lock()
	defer d.pool.mu.Unlock()
	d.pool.own[id] = true
}

func (d *Docker) releaseSpare(id string) {
	d.pool.mu.Lock()
	delete(d.pool.own, id)
	d.pool.mu.Unlock()
	d.done(id)
}

// spares are the ids of the containers that are ready.
func (d *Docker) spares() map[string]bool {
	ids := map[string]bool{}
	d.pool.mu.Lock()
	defer d.pool.mu.Unlock()
	for _, s := range d.pool.images {
		for _, one := range s.ready {
			ids[one.id] = true
		}
	}
	return ids
}

// dropSpares removes those that are of no use any more; others take their place.
func (d *Docker) dropSpares(ctx context.Context, gone func(*spare) bool) {
	for _, s := range d.pool.drop(gone) {
		d.discard(ctx, s)
	}
}

// stock keeps the pool full until ctx ends.
func (d *Docker) stock(ctx context.Context) {
	var keepers sync.WaitGroup
	for image, s := range d.pool.images {
		keepers.Go(func() { d.keep(ctx, image, s.taken) })
	}
	keepers.Wait()
}

// settle is how long who took a container has to start in it before the machine is busy with the next.
const settle = 200 * time.Millisecond

// keep sees to one image. One container is made at a time: those that are asked for come first.
func (d *Docker) keep(ctx context.Context, image string, taken <-chan struct{}) {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = time.Second, time.Minute
	for {
		var again <-chan time.Time
		for again == nil && ctx.Err() == nil {
			limits, lacks := d.pool.lacks(image)
			if !lacks {
				break
			}
			made, err := d.prepare(ctx, image, limits)
			switch {
			case err != nil && ctx.Err() == nil:
				wait := b.NextBackOff()
				d.log.Warn("no container can be kept ready; will try again", "image", image, "in", wait, "error", err)
				again = time.After(wait)
			case err != nil:
			case d.pool.push(image, made):
				b.Reset()
			default:
				d.discard(ctx, made)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-taken:
			select {
			case <-ctx.Done():
			case <-time.After(settle):
			}
		case <-again:
		}
	}
}

// prepare makes a container that waits.
func (d *Docker) prepare(ctx context.Context, image string, limits runtime.Limits) (made *spare, err error) {
	spec := runtime.Spec{ID: sparePrefix + strings.ToLower(rand.Text()), Image: image, Limits: limits}
	d.claimSpare(spec.ID)
	defer func() {
		if err != nil {
			d.cleanUp(ctx, spec.ID)
			d.releaseSpare(spec.ID)
		}
	}()
	if _, err := d.create(ctx, spec); err != nil {
		return nil, err
	}
	if err := d.execd.fill(ctx, image); err != nil {
		return nil, fmt.Errorf("put execd into a volume: %w", err)
	}
	if err := d.start(ctx, spec); err != nil {
		return nil, err
	}
	now, err := d.engine.ContainerInspect(ctx, containerName(spec.ID))
	if err != nil {
		return nil, fmt.Errorf("look at container %s: %w", containerName(spec.ID), err)
	}
	input, err := d.engine.ContainerAttach(ctx, now.ID, container.AttachOptions{Stream: true, Stdin: true})
	if err != nil {
		return nil, fmt.Errorf("reach the input of container %s: %w", containerName(spec.ID), err)
	}
	return &spare{id: spec.ID, container: now.ID, image: now.Image, limits: limits, address: addressIn(now.NetworkSettings.Networks), input: input}, nil
}

// discard removes a container that nobody wants.
func (d *Docker) discard(ctx context.Context, s *spare) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	s.input.Close()
	err := d.engine.ContainerRemove(ctx, s.container, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !isNotFound(err) {
		d.log.Error("could not remove a container that was kept ready", "container", s.id, "error", err)
	}
	d.releaseSpare(s.id)
}

// shut removes what is ready, and lets nothing in any more.
func (d *Docker) shut(ctx context.Context) {
	d.pool.mu.Lock()
	d.pool.closed = true
	d.pool.mu.Unlock()
	var removing sync.WaitGroup
	for _, s := range d.pool.drop(func(*spare) bool { return true }) {
		removing.Go(func() { d.discard(ctx, s) })
	}
	removing.Wait()
}
