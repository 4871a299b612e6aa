package docker

// Ready says how many containers of an image are kept ready.
func (d *Docker) Ready(image string) int {
	d.pool.mu.Lock()
	defer d.pool.mu.Unlock()
	return len(d.pool.images[image].ready)
}

// Abandon does to the containers that are kept ready what the death of the server does, and lets none be made.
func (d *Docker) Abandon() {
	d.pool.mu.Lock()
	defer d.pool.mu.Unlock()
	d.pool.closed = true
	for _, s := range d.pool.images {
		for _, one := range s.ready {
			one.input.Close()
		}
		s.ready = nil
	}
}
