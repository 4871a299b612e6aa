package docker

import (
	"context"
	"sync"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

// pulls lets sandboxes that need the same image at the same time share one pull
// of it. Its zero value is ready.
type pulls struct {
	mu      sync.Mutex
	running map[pullKey]*pull
}

// pullKey is what makes two pulls the same. Nobody gets an image by the
// credentials of somebody else while it is being pulled.
type pullKey struct {
	image     string
	anonymous bool
	auth      runtime.Auth
}

func keyOf(image string, auth *runtime.Auth) pullKey {
	if auth == nil {
		return pullKey{image: image, anonymous: true}
	}
	return pullKey{image: image, auth: *auth}
}

type pull struct {
	waiting int
	cancel  context.CancelFunc
	done    chan struct{}
	err     error // readable when done is closed
}

// join waits for the pull of key, which do begins if there is none. It returns
// early when ctx ends; the pull goes on as long as anybody waits for it.
func (p *pulls) join(ctx context.Context, key pullKey, do func(context.Context) error) error {
	one := p.enter(ctx, key, do)
	select {
	case <-one.done:
		return one.err
	case <-ctx.Done():
		if p.leave(key, one) {
			<-one.done
		}
		return ctx.Err()
	}
}

func (p *pulls) enter(ctx context.Context, key pullKey, do func(context.Context) error) *pull {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.running[key]
	if one == nil {
		pulling, cancel := context.WithCancel(context.WithoutCancel(ctx))
		one = &pull{cancel: cancel, done: make(chan struct{})}
		if p.running == nil {
			p.running = map[pullKey]*pull{}
		}
		p.running[key] = one
		go func() { // whoever leaves last waits for it
			defer close(one.done)
			defer cancel()
			one.err = do(pulling)
			p.end(key, one)
		}()
	}
	one.waiting++
	return one
}

// leave reports whether nobody waits any more: then the pull is broken off.
func (p *pulls) leave(key pullKey, one *pull) (last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one.waiting--; one.waiting > 0 {
		return false
	}
	one.cancel()
	p.forget(key, one)
	return true
}

func (p *pulls) end(key pullKey, one *pull) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(key, one)
}

func (p *pulls) forget(key pullKey, one *pull) {
	if p.running[key] == one {
		delete(p.running, key)
	}
}
